//! Disputes: every operation dying at every one of its steps, and every race that contested money can be in.

use futures_util::future::LocalBoxFuture;
use serde_json::json;
use tollgate::db::query;
use tollgate::payments::refunds::carry_out as carry_refund_out;
use tollgate::payments::{captures, disputes, read_notice};
use tollgate::steps::{self, Step};
use tollgate::words::PspEventId;
use tollgate::worker;

use super::crash::Client::{AsksAgain, NeverGone};
use super::crash::{Died, Operation, every_crash};
use super::crashes::operation;
use super::explore::Race;
use super::model_psp::Mishap;
use super::races::{Doing, anything, ends_well, ends_well_with_deaths, races};
use super::stage::{Stage, alone};

/// All of a payment is contested, and nobody here knows.
async fn contested(stage: &mut Stage) {
    stage.paid().await;
    assert!(stage.psp.contest("psp_1", 2_000));
}

/// The same, and we know.
async fn opened(stage: &mut Stage) {
    contested(stage).await;
    assert!(stage.hear_the_last().await);
    worker::round(&stage.app).await.unwrap();
    stage.only_dispute().await;
}

/// The same of what was delivered and paid out: the sellers owe.
async fn owed(stage: &mut Stage) {
    stage.delivered().await;
    assert_eq!(stage.ask_payout(&stage.second, "9.50", "payout-1").await.0, 201);
    worker::round(&stage.app).await.unwrap();
    assert!(stage.psp.contest("psp_1", 2_000));
}

async fn hears(stage: &Stage) -> String {
    format!("{} {:?}", stage.hear_the_last().await, worker::round(&stage.app).await)
}

async fn answers(stage: &Stage) -> u16 {
    let path = format!("/v1/disputes/{}/evidence", stage.only_dispute().await);
    stage.post(&path, "evidence-1", &json!({ "explanation": "It was delivered and signed for." })).await.0
}

operation!(
    hearing_of_a_dispute,
    NeverGone,
    |stage| {
        contested(&mut stage).await;
    },
    |stage| { hears(&stage).await }
);

operation!(
    hearing_of_a_dispute_of_what_was_paid_out,
    NeverGone,
    |stage| {
        owed(&mut stage).await;
    },
    |stage| { hears(&stage).await }
);

operation!(
    hearing_that_a_dispute_is_won,
    NeverGone,
    |stage| {
        opened(&mut stage).await;
        assert!(stage.psp.rule("psp_1", true));
    },
    |stage| { hears(&stage).await }
);

operation!(
    hearing_that_a_dispute_is_lost,
    NeverGone,
    |stage| {
        opened(&mut stage).await;
        assert!(stage.psp.rule("psp_1", false));
    },
    |stage| { hears(&stage).await }
);

operation!(
    hearing_of_a_dispute_that_is_lost_already,
    NeverGone,
    |stage| {
        contested(&mut stage).await;
        assert!(stage.psp.rule("psp_1", false));
    },
    |stage| { hears(&stage).await }
);

operation!(
    handing_in_evidence,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
    },
    |stage| { answers(&stage).await }
);

operation!(
    a_worker_that_hands_in_evidence,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
        assert_eq!(answers(&stage).await, 200);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_hands_in_evidence_while_the_answer_is_lost,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
        assert_eq!(answers(&stage).await, 200);
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_whose_evidence_is_refused,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
        assert_eq!(answers(&stage).await, 200);
        stage.psp.next(Mishap::Refused);
    },
    |stage| { worker::round(&stage.app).await }
);

async fn gives_in(stage: &Stage) -> u16 {
    let path = format!("/v1/disputes/{}/accept", stage.only_dispute().await);
    stage.post(&path, "accept-1", &json!({})).await.0
}

operation!(
    giving_in,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
    },
    |stage| { gives_in(&stage).await }
);

operation!(
    a_worker_that_gives_in,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
        assert_eq!(gives_in(&stage).await, 200);
    },
    |stage| { worker::round(&stage.app).await }
);

operation!(
    a_worker_that_gives_in_while_the_answer_is_lost,
    AsksAgain,
    |stage| {
        opened(&mut stage).await;
        assert_eq!(gives_in(&stage).await, 200);
        stage.psp.next(Mishap::AnswerLost);
    },
    |stage| { worker::round(&stage.app).await }
);

fn a_paid_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.paid().await;
        stage
    })
}

fn a_delivered_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.delivered().await;
        stage
    })
}

fn a_refund_asked(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.paid().await;
        stage.ask_refund(&opened, "12.00").await.unwrap();
        stage
    })
}

fn a_capture_asked(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.held().await;
        stage.ask_capture(&opened, "12.34").await;
        stage
    })
}

fn a_dispute(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        opened(&mut stage).await;
        stage
    })
}

/// The shopper's bank takes the money back, and the PSP says so at once.
fn contest(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("a bank contests".to_owned())).await;
        if !stage.psp.contest("psp_1", 2_000) {
            return "nothing to contest".to_owned();
        }
        let heard = stage.hear_the_last().await;
        format!("{heard} {}", read_the_last(&stage).await)
    })
}

/// It decides, and the PSP says so at once.
fn lose(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("a bank decides".to_owned())).await;
        assert!(stage.psp.rule("psp_1", false));
        let heard = stage.hear_the_last().await;
        format!("{heard} {}", read_the_last(&stage).await)
    })
}

async fn read_the_last(stage: &Stage) -> String {
    let kept = query("select id from psp_events where kind = 'dispute.changed' order by id desc limit 1");
    let id: PspEventId = kept.one(&stage.app.db).await.unwrap().get("id").unwrap();
    format!("{:?}", read_notice(&stage.app, &id).await)
}

/// A worker that found the dispute in the PSP's list.
fn look(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", disputes::look(&stage.app, &stage.only().payment.id).await) })
}

fn refund_twelve(mut stage: Stage) -> Doing {
    Box::pin(async move {
        let opened = stage.only().clone();
        stage.ask_refund(&opened, "12.00").await.map_or_else(|error| error.to_string(), |_| "taken on".to_owned())
    })
}

fn carry_out(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", carry_refund_out(&stage.app, &stage.props.refunds[0]).await) })
}

fn ask_payout(stage: Stage) -> Doing {
    Box::pin(async move { format!("{}", stage.ask_payout(&stage.second, "9.50", "payout-1").await.0) })
}

fn deliver(stage: Stage) -> Doing {
    Box::pin(async move {
        let path = format!("/v1/payment_orders/{}/fulfill", stage.only().orders[0].id);
        format!("{}", stage.post(&path, "fulfill-1", &json!({})).await.0)
    })
}

fn carry_capture_out(stage: Stage) -> Doing {
    Box::pin(async move {
        let asked = captures::of_payment(&stage.app.db, &stage.only().payment.id).await.unwrap();
        format!("{:?}", captures::carry_out(&stage.app, &asked[0].id).await)
    })
}

fn hand_in(stage: Stage) -> Doing {
    Box::pin(async move { format!("{}", answers(&stage).await) })
}

races! {
    a_dispute_heard_of_twice: a_paid_checkout, [contest, look], anything, ends_well;
    a_dispute_and_a_refund: a_paid_checkout, [contest, refund_twelve], anything, ends_well;
    a_dispute_and_a_refund_that_is_on_its_way: a_refund_asked, [contest, carry_out], anything, ends_well;
    a_dispute_and_a_refund_of_which_one_may_die: a_refund_asked, [contest, carry_out], anything, ends_well_with_deaths;
    a_dispute_and_a_payout_of_the_same_money: a_delivered_checkout, [contest, ask_payout], anything, ends_well;
    a_dispute_while_an_order_is_delivered: a_paid_checkout, [contest, deliver], anything, ends_well;
    a_dispute_of_what_is_being_captured: a_capture_asked, [carry_capture_out, contest], anything, ends_well;
    evidence_for_a_dispute_that_is_being_lost: a_dispute, [hand_in, lose], anything, ends_well;
}
