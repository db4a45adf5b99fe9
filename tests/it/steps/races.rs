//! Every race the money can be in, in every order of its steps.

use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use reqwest::header::HeaderMap;
use serde_json::json;
use tollgate::payments::refunds::carry_out;
use tollgate::payments::{attempts, captures, notices};
use tollgate::steps::{self, Step};
use tollgate::{payments, worker};

use super::explore::{Bounds, Race, Tried, explore};
use super::model_psp::{BAD, Became, CHALLENGED, GOOD, Mishap};
use super::stage::{Stage, alone};

/// How often one may be stopped although it could go on, in the run that belongs to the suite. More, with
/// `TOLLGATE_STEPS_PREEMPTIONS`, takes longer by a factor of about ten each.
const PREEMPTIONS: usize = 2;
/// How many may die on the way, in the races that are tried so too; `TOLLGATE_STEPS_DEATHS`.
const DEATHS: usize = 1;

fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Every schedule ends well.
pub(super) fn ends_well(race: &Race) {
    let bounds = Bounds { preemptions: setting("TOLLGATE_STEPS_PREEMPTIONS", PREEMPTIONS), deaths: 0 };
    let tried = alone(explore(race, bounds)).unwrap_or_else(|failure| panic!("{}: {failure}", race.name));
    let Tried { schedules, different } = tried;
    println!(
        "{}: {schedules} schedules with at most {} preemptions, {different} different",
        race.name, bounds.preemptions
    );
}

/// Every schedule ends well, also when one of them dies on the way.
pub(super) fn ends_well_with_deaths(race: &Race) {
    let (preemptions, deaths) =
        (setting("TOLLGATE_STEPS_PREEMPTIONS", PREEMPTIONS) - 1, setting("TOLLGATE_STEPS_DEATHS", DEATHS));
    let tried = alone(explore(race, Bounds { preemptions, deaths }))
        .unwrap_or_else(|failure| panic!("{}: {failure}", race.name));
    let Tried { schedules, different } = tried;
    println!(
        "{}: {schedules} schedules with at most {preemptions} preemptions and {deaths} deaths, {different} different",
        race.name
    );
}

pub(super) type Doing = LocalBoxFuture<'static, String>;

fn pay(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payments::execute(&stage.app, &stage.only().payment.id, GOOD).await) })
}

fn pay_badly(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payments::execute(&stage.app, &stage.only().payment.id, BAD).await) })
}

fn look(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payments::look_again(&stage.app, &stage.only().payment.id).await) })
}

fn give_up(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payments::give_up(&stage.app, &stage.only().payment.id).await) })
}

fn register(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", payments::register(&stage.app, &stage.only().payment.id).await.is_ok()) })
}

fn expire(stage: Stage) -> Doing {
    Box::pin(async move {
        let expired = payments::expire(&stage.app, &stage.tenant, &stage.only().session.id).await;
        expired.map_or_else(|error| error.to_string(), |_| "expired".to_owned())
    })
}

/// One look of a worker at everything there is to do.
fn work(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", worker::round(&stage.app).await) })
}

/// The same, some time later: whatever was sent before has been silent too long.
fn work_later(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("time passes".to_owned())).await;
        stage.clock.advance(Duration::from_mins(2));
        format!("{:?}", worker::round(&stage.app).await)
    })
}

fn recover(stage: Stage) -> Doing {
    Box::pin(async move {
        let attempt = attempts::latest(&stage.app.db, &stage.only().payment.id).await.unwrap().unwrap();
        format!("{:?}", payments::recover(&stage.app, &attempt.id).await)
    })
}

/// The PSP tells what happened, and the worker looks at once.
fn webhook(stage: Stage) -> Doing {
    Box::pin(async move {
        let received = payments::receive(&stage.app, "model", &HeaderMap::new(), b"ev_1 psp_1 payment.changed").await;
        let kept = notices::of_payment(&stage.app.db, &stage.only().payment.id).await.unwrap();
        format!("{:?} {:?}", received, payments::read_notice(&stage.app, &kept[0].id).await)
    })
}

/// The shopper proves who they are.
fn prove(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("proof".to_owned())).await;
        stage.psp.decide("psp_1", Became::Taken);
        "proved".to_owned()
    })
}

fn refund_twelve(mut stage: Stage) -> Doing {
    Box::pin(async move {
        let opened = stage.only().clone();
        stage.ask_refund(&opened, "12.00").await.map_or_else(|error| error.to_string(), |_| "taken on".to_owned())
    })
}

fn refund_by_key(stage: Stage) -> Doing {
    Box::pin(async move {
        let body = json!({ "payment": stage.only().payment.id, "amount": "12.00" });
        let (status, body) = stage.post("/v1/refunds", "refund-1", &body).await;
        format!("{status} {}", body["id"])
    })
}

fn capture(stage: Stage) -> Doing {
    Box::pin(async move {
        let path = format!("/v1/payments/{}/capture", stage.only().payment.id);
        format!("{}", stage.post(&path, "capture-1", &json!({ "amount": "12.34" })).await.0)
    })
}

fn cancel(stage: Stage) -> Doing {
    Box::pin(async move {
        let path = format!("/v1/payments/{}/cancel", stage.only().payment.id);
        format!("{}", stage.post(&path, "cancel-1", &json!({})).await.0)
    })
}

fn carry_capture_out(stage: Stage) -> Doing {
    Box::pin(async move {
        let asked = captures::of_payment(&stage.app.db, &stage.only().payment.id).await.unwrap();
        format!("{:?}", captures::carry_out(&stage.app, &asked[0].id).await)
    })
}

fn carry_refund_out(stage: Stage) -> Doing {
    Box::pin(async move { format!("{:?}", carry_out(&stage.app, &stage.props.refunds[0]).await) })
}

fn a_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.checkout().await;
        stage
    })
}

fn an_unregistered_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.open().await;
        stage
    })
}

/// Its time is over in this very moment.
fn a_checkout_at_its_end(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.checkout().await;
        stage.clock.set(opened.session.expires_at);
        stage
    })
}

/// The PSP took the money and nobody here knows.
fn a_lost_answer(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.checkout().await;
        stage.psp.next(Mishap::AnswerLost);
        payments::execute(&stage.app, &opened.payment.id, GOOD).await.unwrap();
        stage.clock.advance(Duration::from_mins(2));
        stage
    })
}

/// The order never arrived and nobody here knows.
fn a_lost_order(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.checkout().await;
        stage.psp.next(Mishap::OrderLost);
        payments::execute(&stage.app, &opened.payment.id, GOOD).await.unwrap();
        stage.clock.advance(Duration::from_mins(2));
        stage
    })
}

fn a_challenge(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.checkout().await;
        payments::execute(&stage.app, &opened.payment.id, CHALLENGED).await.unwrap();
        stage.clock.advance(Duration::from_mins(2));
        stage
    })
}

fn a_paid_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.paid().await;
        stage
    })
}

/// The shopper's bank sends the refund back, and the PSP says so at once.
fn bounce(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("psp bounces".to_owned())).await;
        if !stage.psp.bounce("psp_1") {
            return "nothing to send back".to_owned();
        }
        let event = stage.psp.record().notices.last().unwrap().clone();
        payments::receive(&stage.app, "model", &HeaderMap::new(), event.as_bytes()).await.unwrap();
        let kept = notices::of_payment(&stage.app.db, &stage.only().payment.id).await.unwrap();
        format!("{:?}", payments::read_notice(&stage.app, &kept.last().unwrap().id).await)
    })
}

fn deliver(stage: Stage) -> Doing {
    Box::pin(async move {
        let path = format!("/v1/payment_orders/{}/fulfill", stage.only().orders[0].id);
        format!("{}", stage.post(&path, "fulfill-1", &json!({})).await.0)
    })
}

/// The PSP takes its decline back, and says so at once.
fn change_mind(stage: Stage) -> Doing {
    Box::pin(async move {
        steps::pass(|| Step::Call("psp changes its mind".to_owned())).await;
        assert!(stage.psp.change_mind("psp_1"));
        let event = stage.psp.record().notices.last().unwrap().clone();
        payments::receive(&stage.app, "model", &HeaderMap::new(), event.as_bytes()).await.unwrap();
        let kept = notices::of_payment(&stage.app.db, &stage.only().payment.id).await.unwrap();
        format!("{:?}", payments::read_notice(&stage.app, &kept.last().unwrap().id).await)
    })
}

fn a_declined_checkout(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.decides(&json!({ "late_success": "refund" })).await;
        let opened = stage.checkout().await;
        payments::execute(&stage.app, &opened.payment.id, BAD).await.unwrap();
        stage
    })
}

/// One card was declined, and the order for the other never arrived: nobody here knows.
fn a_lost_order_after_a_decline(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.checkout().await;
        payments::execute(&stage.app, &opened.payment.id, BAD).await.unwrap();
        stage.psp.next(Mishap::OrderLost);
        payments::execute(&stage.app, &opened.payment.id, GOOD).await.unwrap();
        stage.clock.advance(Duration::from_mins(2));
        stage
    })
}

fn a_hold(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.held().await;
        stage
    })
}

/// Its time is over in this very moment.
fn a_hold_at_its_end(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        stage.held().await;
        stage.clock.advance(Duration::from_hours(7 * 24));
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

fn a_refund_asked(mut stage: Stage) -> LocalBoxFuture<'static, Stage> {
    Box::pin(async move {
        let opened = stage.paid().await;
        stage.ask_refund(&opened, "12.00").await.unwrap();
        stage
    })
}

#[expect(clippy::unnecessary_wraps, reason = "stands beside demands that may fail")]
pub(super) fn anything(_said: &[String]) -> Result<(), String> {
    Ok(())
}

/// Each of these is said by exactly one.
pub(super) fn one_of(said: &[String], winner: &str) -> Result<(), String> {
    let winners = said.iter().filter(|said| said.contains(winner)).count();
    if winners == 1 { Ok(()) } else { Err(format!("{winners} say {winner:?}")) }
}

/// Nobody is told that it is over when somebody is told that it is paid.
fn not_paid_after_the_end(said: &[String]) -> Result<(), String> {
    match said {
        [paying, ending] if paying.contains("Succeeded") && ending == "expired" => {
            Err("one is told that it is paid and another that it is over".to_owned())
        }
        _ => Ok(()),
    }
}

/// All who were answered were told the same; who came while the first was at it may have been told to wait.
fn all_alike(said: &[String]) -> Result<(), String> {
    let answers: Vec<_> = said.iter().filter(|said| *said != "409").collect();
    if answers.is_empty() {
        return Err("nobody is answered".to_owned());
    }
    if answers.windows(2).all(|two| two[0] == two[1]) {
        Ok(())
    } else {
        Err("they are told different things".to_owned())
    }
}

macro_rules! races {
    ($($name:ident: $prepare:ident, [$($actor:ident),+], $judge:expr, $how:ident;)+) => {$(
        pub mod $name {
            use super::*;

            pub fn race() -> Race {
                Race {
                    name: stringify!($name),
                    prepare: $prepare,
                    actors: &[$((stringify!($actor), $actor)),+],
                    judge: $judge,
                }
            }

            #[test]
            fn ends_well_in_every_order() {
                $how(&race());
            }
        }
    )+};
}
pub(super) use races;

races! {
    two_tabs: a_checkout, [pay, pay], anything, ends_well;
    two_tabs_of_which_one_may_die: a_checkout, [pay, pay], anything, ends_well_with_deaths;
    two_tabs_with_two_cards: a_checkout, [pay, pay_badly], anything, ends_well;
    paying_while_the_merchant_ends_the_session: a_checkout, [pay, expire], not_paid_after_the_end, ends_well;
    paying_in_the_second_of_expiry: a_checkout_at_its_end, [pay, work], anything, ends_well;
    paying_while_a_worker_takes_it_for_silent: a_checkout, [pay, work_later], anything, ends_well;
    two_registrations: an_unregistered_checkout, [register, register], all_alike, ends_well;
    a_webhook_and_a_worker: a_lost_answer, [webhook, recover], anything, ends_well;
    a_webhook_twice_at_once: a_lost_answer, [webhook, webhook], anything, ends_well;
    the_page_and_a_webhook: a_lost_answer, [look, webhook], anything, ends_well;
    two_recoveries_of_a_lost_answer: a_lost_answer, [recover, recover], anything, ends_well;
    two_recoveries_of_a_lost_order: a_lost_order, [recover, recover], anything, ends_well;
    two_workers: a_lost_order, [work, work], anything, ends_well;
    the_page_and_a_worker_of_which_one_may_die: a_lost_order, [look, recover], anything, ends_well_with_deaths;
    a_proof_while_the_shopper_gives_up: a_challenge, [prove, give_up], anything, ends_well;
    a_proof_a_look_and_a_worker: a_challenge, [prove, look, recover], anything, ends_well;
    two_refunds_that_are_too_much_together: a_paid_checkout, [refund_twelve, refund_twelve], |said| one_of(said, "taken on"), ends_well;
    paying_while_the_merchant_calls_it_off: a_checkout, [pay, cancel], anything, ends_well;
    a_capture_and_a_void: a_hold, [capture, cancel], |said| one_of(said, "200"), ends_well;
    a_capture_in_the_second_a_hold_ends: a_hold_at_its_end, [capture, work], anything, ends_well;
    a_capture_asked_twice_under_one_key: a_hold, [capture, capture], all_alike, ends_well;
    a_capture_carried_out_twice: a_capture_asked, [carry_capture_out, carry_capture_out], anything, ends_well;
    a_refund_and_the_bank_that_returns_it: a_refund_asked, [carry_refund_out, bounce], anything, ends_well;
    a_refund_while_an_order_is_delivered: a_paid_checkout, [refund_twelve, deliver], anything, ends_well;
    a_delivery_while_a_refund_is_returned: a_refund_asked, [carry_refund_out, deliver, bounce], anything, ends_well;
    a_late_approval_while_the_merchant_calls_it_off: a_declined_checkout, [change_mind, cancel], anything, ends_well;
    a_late_approval_while_another_card_pays: a_declined_checkout, [change_mind, pay], anything, ends_well;
    a_late_approval_while_a_lost_order_is_sent_again: a_lost_order_after_a_decline, [change_mind, recover], anything, ends_well;
    a_refund_asked_twice_under_one_key: a_paid_checkout, [refund_by_key, refund_by_key], anything, ends_well;
    a_refund_carried_out_twice: a_refund_asked, [carry_refund_out, carry_refund_out], anything, ends_well;
    a_refund_carried_out_twice_and_one_may_die: a_refund_asked, [carry_refund_out, work], anything, ends_well_with_deaths;
}
