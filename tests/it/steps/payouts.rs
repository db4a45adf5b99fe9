//! Payouts: every operation dying at every one of its steps, and every race a seller's money can be in on its way out.

use futures_util::future::LocalBoxFuture;
use serde_json::json;
use tollgate::payments::notices;
use tollgate::steps::{self, Step};
use tollgate::words::Clock;
use tollgate::{payouts, worker};

use super::crash::Client::{AsksAgain, NeverGone};
use super::crash::{Died, Operation, every_crash};
use super::crashes::operation;
use super::explore::Race;
use super::model_psp::Mishap;
use super::races::{Doing, anything, ends_well, ends_well_with_deaths, one_of, races};
use super::stage::{Stage, alone};

/// What the merchant asks: of the seller whose bank is fast.
async fn asks(stage: &Stage, amount: &str) -> u16 {
    stage.ask_payout(&stage.second, amount, "payout-1").await.0
}

/// A payout was asked for; nobody has ordered it yet.
async fn asked(stage: &mut Stage) {
    stage.delivered().await;
    assert_eq!(asks(stage, "7.03").await, 201);
}

/// A payout has reached the seller's bank, and we know.
async fn paid(stage: &mut Stage) {
    asked(stage).await;
    worker::round(&stage.app).await.unwrap();
}

async fn approves(stage: &Stage) -> bool {
    let id = stage.only_payout().await;
    let mut tx = stage.app.db.begin().await.unwrap();
    match payouts::approve(&mut tx, &id, &stage.operator, stage.clock.now()).await {
        Ok(_) => tx.commit().await.is_ok(),
        Err(_) => false,
    }
}

async fn rejects(stage: &Stage) -> bool {
    let id = stage.only_payout().await;
    let mut tx = stage.app.db.begin().await.unwrap();
    match payouts::reject(&mut tx, &id, &stage.operator, stage.clock.now()).await {
        Ok(_) => tx.commit().await.is_ok(),
        Err(_) => false,
    }
}

/// Payouts above 5.00 need a second person.
async fn limited(stage: &mut Stage) {
    stage.decides(&json!({ "payout_approval_above": { "USD": "5.00" } })).await;
    stage.limit = Some(500);
}

async fn above_the_limit(stage: &mut Stage) {
    limited(stage).await;
    asked(stage).await;
}

operation!(
    asking_a_payout,
    AsksAgain,
    |stage| {
        stage.delivered().await;
    },
    |stage| { asks(&stage, "7.03").await }
);

operation!(
    asking_a_payout_above_the_limit,
    AsksAgain,
    |stage| {
        limited(&mut stage).await;
        stage.delivered().await;
    },
    |stage| { asks(&stage, "7.03").await }
);

operation!(
    approving_a_payout,
    AsksAgain,
    |stage| {
        above_the_limit(&mut stage).await;
    },
    |stage| { (approves(&stage).await, worker::round(&stage.app).await) }
);

operation!(
    refusing_a_payout,
    AsksAgain,
    |stage| {
        above_the_limit(&mut stage).await;
    },
    |stage| { rejects(&stage).await }
);

operation!(
    taking_a_payout_back,
    AsksAgain,
    |stage| {
        above_the_limit(&mut stage).await;
    },
    |stage| {
        let path = format!("/v1/payouts/{}/cancel", stage.only_payout().await);
        stage.post(&path, "cancel-1", &json!({})).await.0
    }
);

operation!(
    a_worker_that_pays_out,
    AsksAgain,
    |stage| {
        asked(&mut stage).await;
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_pays_out_while_the_answer_is_lost,
    AsksAgain,
    |stage| {
        asked(&mut stage).await;
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_pays_out_while_the_order_is_lost,
    AsksAgain,
    |stage| {
        asked(&mut stage).await;
        stage.psp.next(Mishap::OrderLost);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_whose_payout_the_bank_rejects,
    AsksAgain,
    |stage| {
        asked(&mut stage).await;
        stage.psp.next(Mishap::Refused);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_hears_of_a_slow_bank,
    AsksAgain,
    |stage| {
        stage.delivered().await;
        assert_eq!(stage.ask_payout(&stage.first, "9.50", "payout-1").await.0, 201);
        worker::round(&stage.app).await.unwrap();
        stage.clock.advance(std::time::Duration::from_secs(5));
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_payout_that_comes_back,
    NeverGone,
    |stage| {
        paid(&mut stage).await;
        let id = stage.only_payout().await;
        assert!(stage.psp.send_back(id.as_str()));
    },
    |stage| { (stage.hear_the_last().await, worker::round(&stage.app).await) }
);

fn a_delivered_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.delivered().await;
        stage
    })
}

/// A refund that takes what is available, which must not go below nothing.
fn a_seller_who_may_not_owe(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.decides(&json!({ "negative_balance": "refuse" })).await;
        stage.delivered().await;
        stage
    })
}

/// The bank has sent it, its webhook is on the way, and so is a worker.
fn an_order_whose_answer_was_lost(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        asked(&mut stage).await;
        stage.psp.next(Mishap::AnswerLost);
        worker::round(&stage.app).await.unwrap();
        stage.clock.advance(std::time::Duration::from_mins(1));
        stage
    })
}

fn an_asked_payout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        asked(&mut stage).await;
        stage
    })
}

fn a_payout_above_the_limit(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        above_the_limit(&mut stage).await;
        stage
    })
}

fn a_paid_payout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        paid(&mut stage).await;
        stage.clock.advance(std::time::Duration::from_hours(25));
        stage
    })
}

fn ask_six(stage: Stage) -> Doing {
    Box::pin(async move { format!("{}", stage.ask_payout(&stage.second, "6.00", "payout-1").await.0) })
}

fn ask_six_more(stage: Stage) -> Doing {
    Box::pin(async move { format!("{}", stage.ask_payout(&stage.second, "6.00", "payout-2").await.0) })
}

fn refund_the_second_order(stage: Stage) -> Doing {
    Box::pin(async move {
        let opened = stage.only();
        let orders = json!([{ "payment_order": opened.orders[1].id, "amount": "6.00" }]);
        let body = json!({ "payment": opened.payment.id, "orders": orders });
        format!("{}", stage.post("/v1/refunds", "refund-1", &body).await.0)
    })
}

fn carry_out(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payouts::carry_out(&stage.app, &stage.only_payout().await).await) })
}

fn look(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payouts::look(&stage.app, &stage.only_payout().await).await) })
}

fn cancel(stage: Stage) -> Doing {
    Box::pin(async move {
        let path = format!("/v1/payouts/{}/cancel", stage.only_payout().await);
        format!("{}", stage.post(&path, "cancel-1", &json!({})).await.0)
    })
}

fn approve(stage: Stage) -> Doing {
    Box::pin(async move { if approves(&stage).await { "200".to_owned() } else { "too late".to_owned() } })
}

/// The bank tells, and the worker looks at once.
fn webhook(stage: Stage) -> Doing {
    Box::pin(async move {
        let heard = stage.hear_the_last().await;
        format!("{heard} {:?}", read_the_last(&stage).await)
    })
}

/// What was paid comes back, and the bank says so at once.
fn come_back(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("the bank sends it back".to_owned())).await;
        assert!(stage.psp.send_back(stage.only_payout().await.as_str()));
        let heard = stage.hear_the_last().await;
        format!("{heard} {:?}", read_the_last(&stage).await)
    })
}

async fn read_the_last(stage: &Stage) -> String {
    let kept = tollgate::db::query("select id from psp_events where payout_id is not null order by id desc limit 1");
    let id: tollgate::words::PspEventId = kept.one(&stage.app.db).await.unwrap().get("id").unwrap();
    assert!(notices::get(&stage.app.db, &id).await.unwrap().is_some());
    format!("{:?}", payouts::read_notice(&stage.app, &id).await)
}

races! {
    two_payouts_that_are_too_much_together: a_delivered_checkout, [ask_six, ask_six_more], |said| one_of(said, "201"), ends_well;
    one_payout_asked_twice_under_one_key: a_delivered_checkout, [ask_six, ask_six], anything, ends_well;
    a_payout_and_a_refund_of_the_same_money: a_seller_who_may_not_owe, [ask_six, refund_the_second_order], |said| one_of(said, "201"), ends_well;
    a_payout_and_a_refund_where_sellers_may_owe: a_delivered_checkout, [ask_six, refund_the_second_order], anything, ends_well;
    a_payout_carried_out_twice: an_asked_payout, [carry_out, carry_out], anything, ends_well;
    a_payout_carried_out_twice_and_one_may_die: an_asked_payout, [carry_out, carry_out], anything, ends_well_with_deaths;
    a_payout_taken_back_while_it_is_ordered: an_asked_payout, [carry_out, cancel], anything, ends_well;
    a_payout_taken_back_while_it_is_approved: a_payout_above_the_limit, [approve, cancel], anything, ends_well;
    a_payout_settled_by_webhook_and_by_sweep: an_order_whose_answer_was_lost, [webhook, carry_out], anything, ends_well;
    a_payout_that_comes_back_while_it_is_looked_at: a_paid_payout, [come_back, look], anything, ends_well;
}
