//! Every operation, dying at every one of its steps.

use std::time::Duration;

use serde_json::json;
use tollgate::db::query;
use tollgate::payments::refunds;
use tollgate::words::{Clock, CorrectionId, PaymentMethodId};
use tollgate::{corrections, payments, worker};

use super::crash::Client::{AsksAgain, AsksAgainIfNothingHappened, NeverGone};
use super::crash::{Died, Operation, every_crash};
use super::model_psp::{BAD, Became, CHALLENGED, GOOD, Mishap, SLOW};
use super::stage::{Stage, alone};

/// Makes an operation out of what is prepared and what is done; both are given as the body of an async block.
macro_rules! operation {
    ($name:ident, $client:expr, |$stage:ident| $prepare:block, |$at:ident| $work:block) => {
        pub mod $name {
            use super::*;

            pub fn operation() -> Operation {
                Operation {
                    name: stringify!($name),
                    client: $client,
                    prepare: |mut $stage| {
                        Box::pin(async move {
                            $prepare;
                            $stage
                        })
                    },
                    work: |$at| Box::pin(async move { format!("{:?}", $work) }),
                }
            }

            #[test]
            fn ends_well_wherever_it_dies() {
                let operation = operation();
                let Died { points, states } = alone(every_crash(&operation)).unwrap_or_else(|wrong| panic!("{wrong}"));
                println!("{}: {points} crash points, which leave {states} states", operation.name);
            }
        }
    };
}
pub(super) use operation;

async fn executes(stage: &Stage, card: &str) -> String {
    format!("{:?}", payments::execute(&stage.app, &stage.only().payment.id, card).await)
}

operation!(
    opening_a_session,
    AsksAgain,
    |stage| {
        let _ = &mut stage;
    },
    |stage| {
        let line = json!({ "name": "Tea", "unit_amount": "10.00", "quantity": 1 });
        let body = json!({ "line_items": [line], "currency": "USD", "success_url": "https://shop.example/paid" });
        stage.post("/v1/checkout/sessions", "open-1", &body).await.0
    }
);

operation!(
    registering,
    AsksAgain,
    |stage| {
        stage.open().await;
    },
    |stage| { payments::register(&stage.app, &stage.only().payment.id).await.is_ok() }
);

operation!(
    paying,
    AsksAgain,
    |stage| {
        stage.checkout().await;
    },
    |stage| { executes(&stage, GOOD).await }
);

operation!(
    paying_with_a_card_that_is_declined,
    AsksAgainIfNothingHappened,
    |stage| {
        stage.checkout().await;
    },
    |stage| { executes(&stage, BAD).await }
);

operation!(
    paying_while_the_answer_is_lost,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { executes(&stage, GOOD).await }
);

operation!(
    paying_while_the_order_is_lost,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::OrderLost);
    },
    |stage| { executes(&stage, GOOD).await }
);

operation!(
    paying_at_a_psp_that_is_away_at_first,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::Away);
    },
    |stage| { executes(&stage, GOOD).await }
);

operation!(
    paying_with_a_card_that_is_challenged,
    AsksAgainIfNothingHappened,
    |stage| {
        stage.checkout().await;
    },
    |stage| { executes(&stage, CHALLENGED).await }
);

operation!(
    looking_again,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::AnswerLost);
        executes(&stage, GOOD).await;
        stage.clock.advance(Duration::from_secs(3));
    },
    |stage| { payments::look_again(&stage.app, &stage.only().payment.id).await }
);

operation!(
    giving_up_a_challenge,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        executes(&stage, CHALLENGED).await;
    },
    |stage| { payments::give_up(&stage.app, &stage.only().payment.id).await }
);

operation!(
    a_worker_that_finds_an_order_was_lost,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::OrderLost);
        executes(&stage, GOOD).await;
        stage.clock.advance(Duration::from_mins(2));
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_hears_of_a_late_approval,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        executes(&stage, SLOW).await;
        let psp_payment = stage.psp_payment(stage.only()).await.unwrap();
        stage.psp.decide(&psp_payment, Became::Taken);
        stage.clock.advance(Duration::from_mins(2));
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_hears_of_a_second_charge,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        executes(&stage, BAD).await;
        executes(&stage, GOOD).await;
        let psp_payment = stage.psp_payment(stage.only()).await.unwrap();
        assert!(stage.psp.change_mind(&psp_payment));
        assert!(stage.hear_the_last().await);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_webhook_of_the_psp,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::AnswerLost);
        executes(&stage, GOOD).await;
    },
    |stage| { (stage.hear("ev_1 psp_1 payment.changed").await, worker::round(&stage.app).await) }
);

operation!(
    expiring,
    AsksAgain,
    |stage| {
        stage.checkout().await;
    },
    |stage| { payments::expire(&stage.app, &stage.tenant, &stage.only().session.id).await.is_ok() }
);

operation!(
    a_worker_that_ends_what_is_overdue,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.clock.advance(Duration::from_hours(48));
    },
    |stage| { worker::round(&stage.app).await }
);

async fn asks_a_refund(stage: &Stage) -> u16 {
    let body = json!({ "payment": stage.only().payment.id, "amount": "7.03" });
    stage.post("/v1/refunds", "refund-1", &body).await.0
}

operation!(
    asking_a_refund,
    AsksAgain,
    |stage| {
        stage.paid().await;
    },
    |stage| { asks_a_refund(&stage).await }
);

operation!(
    asking_a_refund_whose_answer_is_lost,
    AsksAgain,
    |stage| {
        stage.paid().await;
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { asks_a_refund(&stage).await }
);

operation!(
    a_worker_that_refunds,
    AsksAgain,
    |stage| {
        let opened = stage.paid().await;
        stage.ask_refund(&opened, "7.03").await.unwrap();
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_is_refused_a_refund,
    AsksAgain,
    |stage| {
        let opened = stage.paid().await;
        stage.ask_refund(&opened, "20.00").await.unwrap();
        stage.psp.next(Mishap::Refused);
    },
    |stage| { worker::round(&stage.app).await }
);

async fn captures(stage: &Stage) -> u16 {
    let path = format!("/v1/payments/{}/capture", stage.only().payment.id);
    stage.post(&path, "capture-1", &json!({ "amount": "12.34" })).await.0
}

operation!(
    holding,
    AsksAgain,
    |stage| {
        stage.unpaid_hold().await;
    },
    |stage| { executes(&stage, GOOD).await }
);

operation!(
    asking_a_capture,
    AsksAgain,
    |stage| {
        stage.held().await;
    },
    |stage| { captures(&stage).await }
);

operation!(
    a_worker_that_captures,
    AsksAgain,
    |stage| {
        let opened = stage.held().await;
        stage.ask_capture(&opened, "12.34").await;
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_captures_while_the_answer_is_lost,
    AsksAgain,
    |stage| {
        let opened = stage.held().await;
        stage.ask_capture(&opened, "12.34").await;
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    calling_a_hold_off,
    AsksAgain,
    |stage| {
        stage.held().await;
    },
    |stage| {
        let path = format!("/v1/payments/{}/cancel", stage.only().payment.id);
        (stage.post(&path, "cancel-1", &json!({})).await.0, worker::round(&stage.app).await)
    }
);

operation!(
    calling_off_what_nobody_paid,
    AsksAgain,
    |stage| {
        stage.checkout().await;
    },
    |stage| {
        let path = format!("/v1/payments/{}/cancel", stage.only().payment.id);
        stage.post(&path, "cancel-1", &json!({})).await.0
    }
);

operation!(
    a_worker_that_ends_a_hold,
    AsksAgain,
    |stage| {
        stage.held().await;
        stage.clock.advance(Duration::from_hours(8 * 24));
    },
    |stage| { worker::round(&stage.app).await }
);

/// A decline that the PSP takes back when the session is over and the merchant wants no such money.
async fn a_late_approval(stage: &mut Stage) {
    stage.decides(&json!({ "late_success": "refund" })).await;
    stage.checkout().await;
    executes(stage, BAD).await;
    payments::expire(&stage.app, &stage.tenant, &stage.only().session.id).await.unwrap();
    assert!(stage.psp.change_mind("psp_1"));
}

operation!(
    late_money_that_nobody_wants,
    NeverGone,
    |stage| {
        a_late_approval(&mut stage).await;
    },
    |stage| { (stage.hear("ev_2 psp_1 payment.changed").await, worker::round(&stage.app).await) }
);

operation!(
    delivering,
    AsksAgain,
    |stage| {
        stage.paid().await;
    },
    |stage| {
        let path = format!("/v1/payment_orders/{}/fulfill", stage.only().orders[0].id);
        stage.post(&path, "fulfill-1", &json!({})).await.0
    }
);

operation!(
    a_worker_that_takes_orders_for_delivered,
    AsksAgain,
    |stage| {
        stage.decides(&json!({ "fulfill_after_days": 1 })).await;
        stage.paid().await;
        stage.clock.advance(Duration::from_hours(25));
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    refunding_one_seller_after_delivery,
    AsksAgain,
    |stage| {
        stage.decides(&json!({ "refund_fee": "keep" })).await;
        let opened = stage.paid().await;
        stage.deliver(&opened).await;
    },
    |stage| {
        let opened = stage.only();
        let orders = json!([{ "payment_order": opened.orders[1].id, "amount": "10.00" }]);
        stage.post("/v1/refunds", "refund-1", &json!({ "payment": opened.payment.id, "orders": orders })).await.0
    }
);

operation!(
    a_refund_that_a_bank_returns,
    NeverGone,
    |stage| {
        let opened = stage.paid().await;
        stage.ask_refund(&opened, "7.03").await.unwrap();
        worker::round(&stage.app).await.unwrap();
        assert!(stage.psp.bounce("psp_1"));
    },
    |stage| { (stage.hear("ev_2 psp_1 refund.failed").await, worker::round(&stage.app).await) }
);

async fn charges(stage: &Stage) -> u16 {
    let card = query("select id from payment_methods").one(&stage.app.db).await.unwrap();
    let card: PaymentMethodId = card.get("id").unwrap();
    let body = json!({ "amount": "5.00", "currency": "USD", "payment_method": card });
    stage.post("/v1/payments", "charge-1", &body).await.0
}

operation!(
    charging_a_saved_card,
    AsksAgain,
    |stage| {
        stage.saved_card().await;
    },
    |stage| { charges(&stage).await }
);

operation!(
    charging_a_saved_card_while_the_answer_is_lost,
    AsksAgain,
    |stage| {
        stage.saved_card().await;
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { charges(&stage).await }
);

operation!(
    charging_a_saved_card_while_the_order_is_lost,
    AsksAgain,
    |stage| {
        stage.saved_card().await;
        stage.psp.next(Mishap::OrderLost);
    },
    |stage| { charges(&stage).await }
);

async fn asks_a_correction(stage: &Stage) -> u16 {
    let moved = json!({ "debit": "suspense", "credit": "bank", "amount": "1.00", "currency": "USD" });
    let body = json!({ "reason": "A line was typed wrong.", "transfers": [moved] });
    stage.post("/v1/corrections", "correction-1", &body).await.0
}

operation!(
    asking_a_correction,
    AsksAgain,
    |stage| {
        stage.paid().await;
    },
    |stage| { asks_a_correction(&stage).await }
);

operation!(
    agreeing_to_a_correction,
    AsksAgain,
    |stage| {
        stage.paid().await;
        assert_eq!(asks_a_correction(&stage).await, 201);
    },
    |stage| {
        let asked = query("select id from corrections").one(&stage.app.db).await.unwrap();
        let asked: CorrectionId = asked.get("id").unwrap();
        let asked = corrections::find(&stage.app.db, &asked).await.unwrap().unwrap();
        let mut tx = stage.app.db.begin().await.unwrap();
        match corrections::agree(&mut tx, &asked, "second@shop.example", stage.clock.now()).await {
            Ok(_) => tx.commit().await.is_ok(),
            Err(_) => false,
        }
    }
);

operation!(
    paying_while_the_order_is_late,
    AsksAgain,
    |stage| {
        stage.checkout().await;
        stage.psp.next(Mishap::Late);
    },
    |stage| {
        executes(&stage, GOOD).await;
        stage.clock.advance(Duration::from_secs(3));
        payments::look_again(&stage.app, &stage.only().payment.id).await
    }
);

operation!(
    repeating_a_refund_that_is_late_and_being_turned_away,
    AsksAgain,
    |stage| {
        let opened = stage.paid().await;
        stage.ask_refund(&opened, "7.03").await.unwrap();
        stage.psp.next(Mishap::Late);
        stage.psp.next(Mishap::TurnedAway);
    },
    |stage| {
        let id = &stage.props.refunds[0];
        (refunds::carry_out(&stage.app, id).await, refunds::carry_out(&stage.app, id).await)
    }
);
