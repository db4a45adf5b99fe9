//! What is sent again, how often, and what never is.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::config::Config;
use tollgate::config::retry::{Change, On, Pace, Waits};
use tollgate::payments::{self, Standing, attempts, calls, refunds};
use tollgate::psp::{DeclineCode, Doubt, Finding, NotDone, RefundOutcome};
use tollgate::queue::{self, NewJob};
use tollgate::worker::Worker;

use crate::support::scripted_psp::{Answer, approved, declined, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases, eventually};

async fn a_registration_that_did_nothing_is_sent_again_under_its_key(world: World) {
    let shop = Shop::open(world).await;
    *shop.psp.unregistered.lock().unwrap() = 2;
    let opened = shop.checkout().await;
    let keys = shop.psp.registered.lock().unwrap().clone();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "one payment has one key: {keys:?}");
    let calls = calls::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    assert_eq!((calls.len(), calls[0].result.as_deref()), (1, Some("registered")));

    // With the pace `never` there is one try, and the record says what became of it.
    let never = Change { pace: Some(Pace::Never), ..Change::default() };
    let shop = Shop::open_with(shop.world, |config| config.retry.register = never.of(config.retry.register)).await;
    *shop.psp.unregistered.lock().unwrap() = 1;
    let opened = shop.unregistered(None, None).await;
    assert!(payments::register(&shop.app, &opened.payment.id).await.is_err());
    let calls = calls::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    let result = calls[0].result.clone().unwrap_or_default();
    assert!(calls[0].answered_at.is_some() && result.contains("could not be reached"), "{result}");
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    let keys = shop.psp.registered.lock().unwrap().clone();
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]));
}

async fn a_silent_attempt_is_asked_about_as_often_as_the_settings_say(world: World) {
    let twice = Change { pace: Some(Pace::Fixed), first_ms: Some(60_000), tries: Some(2), ..Change::default() };
    let shop = Shop::open_with(world, |config| config.retry.recover = twice.of(config.retry.recover)).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;
    shop.world.clock.advance(Duration::from_secs(31));
    shop.sweep().await;
    let looks = async || shop.count("select count(*) as n from psp_calls where operation = 'look_up'").await;
    assert_eq!(looks().await, 1);
    shop.world.clock.advance(Duration::from_secs(59));
    shop.run_jobs().await;
    assert_eq!(looks().await, 1, "a minute is a minute");
    shop.world.clock.advance(Duration::from_secs(1));
    shop.run_jobs().await;
    assert_eq!(looks().await, 2);
    let dead = queue::dead(&shop.world.db, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].kind.as_str()), (1, payments::jobs::RECOVER), "a person gets it");
}

async fn a_psp_that_wants_fewer_looks_is_asked_when_it_says(world: World) {
    let at_once = Change { pace: Some(Pace::Immediate), ..Change::default() };
    let shop = Shop::open_with(world, |config| config.retry.recover = at_once.of(config.retry.recover)).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;
    shop.world.clock.advance(Duration::from_secs(31));
    *shop.psp.away.lock().unwrap() = 1;
    shop.sweep().await;
    shop.psp.knows(Finding::Found(approved()));
    shop.world.clock.advance(Duration::from_secs(6));
    shop.run_jobs().await;
    assert!(
        attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap().state.is_open(),
        "it said seven"
    );
    shop.world.clock.advance(Duration::from_secs(1));
    shop.run_jobs().await;
    shop.assert_paid_once(&opened).await;
}

async fn a_page_that_is_left_open_uses_up_no_try_of_the_job_that_asks(world: World) {
    let twice = Change { pace: Some(Pace::Fixed), first_ms: Some(60_000), tries: Some(2), ..Change::default() };
    let shop = Shop::open_with(world, |config| config.retry.recover = twice.of(config.retry.recover)).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;
    for _ in 0..20 {
        shop.world.clock.advance(Duration::from_secs(2));
        payments::look_again(&shop.app, &opened.payment.id).await.unwrap();
    }
    shop.sweep().await;
    assert!(queue::dead(&shop.world.db, 10).await.unwrap().is_empty());
    shop.psp.knows(Finding::Found(approved()));
    shop.world.clock.advance(Duration::from_mins(1));
    shop.run_jobs().await;
    shop.assert_paid_once(&opened).await;
}

async fn a_page_asks_no_sooner_than_the_psp_wants(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    let looks = async || shop.count("select count(*) as n from psp_calls where operation = 'look_up'").await;
    shop.world.clock.advance(Duration::from_secs(3));
    *shop.psp.away.lock().unwrap() = 1;
    payments::look_again(&shop.app, &opened.payment.id).await.unwrap_err();
    shop.world.clock.advance(Duration::from_secs(6));
    payments::look_again(&shop.app, &opened.payment.id).await.unwrap();
    assert_eq!(looks().await, 1, "it said seven");
    shop.world.clock.advance(Duration::from_secs(1));
    payments::look_again(&shop.app, &opened.payment.id).await.unwrap();
    assert_eq!(looks().await, 2);
}

fn unreached(after: Option<Duration>) -> Answer {
    Answer::Says(Err(NotDone::Unreachable { reason: "refused".to_owned(), after }))
}

fn confirm(change: Change) -> impl FnOnce(&mut Config) {
    move |config| config.retry.confirm = change.of(config.retry.confirm)
}

async fn a_call_that_did_nothing_is_sent_as_often_as_the_settings_say(world: World) {
    let at_once = Change { pace: Some(Pace::Immediate), tries: Some(5), ..Change::default() };
    let shop = Shop::open_with(world, confirm(at_once)).await;
    let opened = shop.checkout().await;
    (0..4).for_each(|_| shop.psp.will_say(unreached(None)));
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    let keys = shop.psp.confirmed();
    assert!(keys.len() == 5 && keys.iter().all(|key| *key == keys[0]), "one attempt has one key: {keys:?}");
    shop.assert_paid_once(&opened).await;
}

async fn with_the_pace_never_there_is_one_try(world: World) {
    let shop = Shop::open_with(world, confirm(Change { pace: Some(Pace::Never), ..Change::default() })).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(unreached(None));
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::NotSent });
    assert_eq!(shop.psp.confirmed().len(), 1);
}

async fn a_psp_that_asks_for_a_moment_gets_it_and_one_that_asks_for_minutes_is_not_waited_for(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(unreached(Some(Duration::from_secs(1))));
    shop.psp.will(declined());
    let began = std::time::Instant::now();
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::InsufficientFunds });
    assert!(began.elapsed() >= Duration::from_secs(1), "our own wait is shorter");
    assert_eq!(shop.psp.confirmed().len(), 2, "a decline is final");
    shop.psp.will_say(unreached(Some(Duration::from_mins(2))));
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::NotSent });
    let refused = NotDone::Refused { code: "bad_request".to_owned(), reason: "no".to_owned() };
    shop.psp.will_say(Answer::Says(Err(refused)));
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::ProcessingError });
    assert_eq!(shop.psp.confirmed().len(), 4);
}

async fn what_the_psp_may_have_forgotten_is_not_ordered_again(world: World) {
    let shop = Shop::open(world).await;
    *shop.psp.key_lifetime.lock().unwrap() = Some(Duration::from_mins(10));
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;

    shop.world.clock.advance(Duration::from_mins(10));
    shop.psp.knows(Finding::NotFound);
    shop.psp.will(approved());
    shop.sweep().await;
    assert_eq!(shop.psp.confirmed().len(), 1, "the same key might now be taken for a new order");
    let standing = payments::standing_of(&shop.app, &opened.payment.id).await.unwrap();
    assert_eq!(standing, Standing::Declined { code: DeclineCode::NotSent }, "another card may be tried");
}

async fn refund(shop: &Shop) -> refunds::Refund {
    let opened = shop.paid().await;
    let new =
        refunds::NewRefund { payment: opened.payment.id.clone(), amount: None, reason: None, metadata: json!({}) };
    let mut tx = shop.world.db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &shop.tenant, new, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    refund
}

async fn a_refund_is_asked_for_as_often_as_the_settings_say(world: World) {
    let twice = Change { pace: Some(Pace::Fixed), first_ms: Some(60_000), tries: Some(2), ..Change::default() };
    let shop = Shop::open_with(world, |config| config.retry.refund = twice.of(config.retry.refund)).await;
    let refund = refund(&shop).await;
    for _ in 0..3 {
        let unreached = NotDone::Unreachable { reason: "refused".to_owned(), after: None };
        shop.psp.refund_answers.lock().unwrap().push_back(Err(unreached));
    }
    shop.run_jobs().await;
    shop.world.clock.advance(Duration::from_secs(59));
    shop.run_jobs().await;
    assert_eq!(shop.psp.refund_answers.lock().unwrap().len(), 2, "a minute is a minute");
    shop.world.clock.advance(Duration::from_secs(1));
    shop.run_jobs().await;
    let dead = queue::dead(&shop.world.db, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].key.as_str()), (1, refund.id.as_str()), "a person gets it");
    assert_eq!(shop.psp.refund_answers.lock().unwrap().len(), 1);
    shop.assert_sound().await;
}

async fn what_went_wrong_says_how_long_to_wait(world: World) {
    let fixed = |first_ms| Waits { pace: Some(Pace::Fixed), first_ms: Some(first_ms), ..Waits::default() };
    let on = On { unreachable: fixed(10_000), busy: fixed(60_000), unclear: fixed(300_000) };
    let by_class = Change { on, ..Change::default() };
    let shop = Shop::open_with(world, |config| config.retry.refund = by_class.of(config.retry.refund)).await;
    let refund = refund(&shop).await;
    let away = |after| Err(NotDone::Unreachable { reason: "away".to_owned(), after });
    let unclear = Ok(RefundOutcome::Unknown(Doubt::of("reset")));
    let answers = [away(None), away(Some(Duration::from_secs(1))), unclear];
    shop.psp.refund_answers.lock().unwrap().extend(answers);
    shop.run_jobs().await;
    for (left, seconds) in [(2, 10), (1, 60), (0, 300)] {
        assert_eq!(shop.psp.refund_answers.lock().unwrap().len(), left);
        shop.world.clock.advance(Duration::from_secs(seconds - 1));
        shop.run_jobs().await;
        assert_eq!(shop.psp.refund_answers.lock().unwrap().len(), left, "not before {seconds} seconds are over");
        shop.world.clock.advance(Duration::from_secs(1));
        shop.run_jobs().await;
    }
    let after = refunds::find(&shop.world.db, &refund.id).await.unwrap().unwrap();
    assert_eq!(after.status, refunds::RefundStatus::Succeeded);
    shop.assert_sound().await;
}

async fn a_refund_the_psp_may_have_forgotten_is_not_ordered_again(world: World) {
    let shop = Shop::open(world).await;
    *shop.psp.key_lifetime.lock().unwrap() = Some(Duration::from_hours(1));
    let refund = refund(&shop).await;
    let lost = Ok(RefundOutcome::Unknown(Doubt::of("reset")));
    shop.psp.refund_answers.lock().unwrap().push_back(lost);
    shop.run_jobs().await;
    shop.psp.refunds.lock().unwrap().clear();
    shop.world.clock.advance(Duration::from_hours(1));
    shop.run_jobs().await;
    assert!(shop.psp.refunds.lock().unwrap().is_empty());
    let after = refunds::find(&shop.world.db, &refund.id).await.unwrap().unwrap();
    assert_eq!(after.status, refunds::RefundStatus::Pending);
}

async fn a_job_is_tried_as_often_as_the_settings_say(world: World) {
    let once = Change { tries: Some(1), ..Change::default() };
    let shop = Shop::open_with(world, |config| config.retry.jobs = once.of(config.retry.jobs)).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    // Of a refund that cannot be there: its key is no id.
    let job =
        NewJob { kind: "payments.refund", key: "a", payload: Value::Null, run_at: shop.world.now(), tenant: None };
    queue::enqueue(&mut tx, job).await.unwrap();
    tx.commit().await.unwrap();
    let worker = Worker::start(&shop.app);
    let dead = eventually("the job is given up", async || queue::dead(&shop.world.db, 1).await.unwrap().pop()).await;
    assert!(worker.stop(Duration::from_secs(10)).await);
    assert_eq!(dead.tries, 1);
}

both_databases!(
    a_registration_that_did_nothing_is_sent_again_under_its_key,
    a_silent_attempt_is_asked_about_as_often_as_the_settings_say,
    a_psp_that_wants_fewer_looks_is_asked_when_it_says,
    a_page_that_is_left_open_uses_up_no_try_of_the_job_that_asks,
    a_page_asks_no_sooner_than_the_psp_wants,
    a_call_that_did_nothing_is_sent_as_often_as_the_settings_say,
    with_the_pace_never_there_is_one_try,
    a_psp_that_asks_for_a_moment_gets_it_and_one_that_asks_for_minutes_is_not_waited_for,
    what_the_psp_may_have_forgotten_is_not_ordered_again,
    a_refund_is_asked_for_as_often_as_the_settings_say,
    what_went_wrong_says_how_long_to_wait,
    a_refund_the_psp_may_have_forgotten_is_not_ordered_again,
    a_job_is_tried_as_often_as_the_settings_say,
);
