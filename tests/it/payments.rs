//! The payment service against a PSP on a string: who wins each race, what a crash leaves, what the books say after.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use tollgate::db::query;
use tollgate::payments::{self, AttemptState, OrderStatus, PaymentError, PaymentStatus, Standing, attempts};
use tollgate::psp::{DeclineCode, Finding, NotDone, Outcome};
use tollgate::queue::Verdict;
use tollgate::wallets;
use tollgate::words::Mode;

use crate::support::scripted_psp::{Answer, approved, declined, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

async fn an_approved_attempt_pays_everyone_at_once(world: World) {
    let shop = Shop::open(world).await;
    let second = shop.second_seller().await;
    let opened = shop.unregistered(Some(&second), Some("0.33")).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);

    let fees: Vec<i64> = opened.orders.iter().map(|order| order.fee.minor()).collect();
    assert_eq!(fees, [17, 16], "the odd cent belongs to the first seller's order");
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, &second).await.unwrap();
    assert_eq!(wallet[0].pending, 1000 - 16);
    assert_eq!(shop.count("select count(*) as n from journals").await, 2);
    assert_eq!(shop.count("select count(*) as n from transfers").await, 4);
    shop.assert_sound().await;
}

async fn a_declined_card_may_be_followed_by_another(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::InsufficientFunds });
    let orders = payments::store::orders(&shop.world.db, &opened.payment.id).await.unwrap();
    assert_eq!(orders[0].status, OrderStatus::NotStarted);
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    let keys = shop.psp.confirmed();
    assert!(keys.len() == 2 && keys[0] != keys[1], "each attempt has a key of its own");
    shop.assert_paid_once(&opened).await;
}

async fn of_many_tabs_one_pays(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(approved());
    let tabs = (0..20).map(|_| shop.pay(&opened));
    for standing in futures_util::future::join_all(tabs).await {
        assert!(matches!(standing, Standing::Processing | Standing::Succeeded), "{standing:?}");
    }
    assert_eq!(shop.psp.confirmed().len(), 1);
    shop.assert_paid_once(&opened).await;
}

async fn paying_a_paid_checkout_says_that_it_is_paid(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(approved());
    shop.pay(&opened).await;
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    assert_eq!(shop.psp.confirmed().len(), 1);
}

async fn an_unknown_outcome_blocks_every_other_attempt_until_it_is_known(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    assert_eq!(shop.psp.confirmed().len(), 1);

    shop.world.clock.advance(Duration::from_secs(31));
    shop.psp.knows(Finding::Found(approved()));
    shop.sweep().await;
    shop.assert_paid_once(&opened).await;
}

async fn a_crash_after_sending_is_recovered_by_asking(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(attempt.state, AttemptState::Sent);

    shop.world.clock.advance(Duration::from_secs(31));
    shop.psp.knows(Finding::Found(Outcome::Pending));
    shop.sweep().await;
    assert_eq!(payments::standing_of(&shop.app, &opened.payment.id).await.unwrap(), Standing::Unknown);
    shop.world.clock.advance(Duration::from_secs(31));
    shop.psp.knows(Finding::Found(approved()));
    shop.sweep().await;
    shop.assert_paid_once(&opened).await;
}

async fn a_call_that_never_arrived_is_sent_again_under_its_own_key(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;

    shop.world.clock.advance(Duration::from_secs(31));
    shop.psp.knows(Finding::NotFound);
    shop.sweep().await;
    assert_eq!(shop.psp.confirmed().len(), 1, "it may still be on its way");

    shop.world.clock.advance(Duration::from_secs(31));
    shop.psp.knows(Finding::NotFound);
    shop.psp.will(approved());
    shop.sweep().await;
    let keys = shop.psp.confirmed();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    shop.assert_paid_once(&opened).await;
}

async fn a_psp_that_cannot_be_reached_is_tried_three_times_and_frees_the_shopper(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    for _ in 0..3 {
        let not_done = NotDone::Unreachable { reason: "refused".to_owned(), after: None };
        shop.psp.will_say(Answer::Says(Err(not_done)));
    }
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::NotSent });
    let keys = shop.psp.confirmed();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]));
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
}

async fn whoever_settles_second_finds_it_done(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    let outcome = approved();
    let ways = (0..12).map(|_| payments::settle(&shop.app, &attempt.id, &outcome));
    let changed = futures_util::future::join_all(ways).await.into_iter().filter(|way| *way.as_ref().unwrap()).count();
    assert_eq!(changed, 1);
    shop.assert_paid_once(&opened).await;
    assert!(!payments::settle(&shop.app, &attempt.id, &declined()).await.unwrap(), "a late decline is ignored");
    shop.assert_paid_once(&opened).await;
}

async fn a_late_approval_after_a_decline_is_believed_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    shop.pay(&opened).await;
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert!(payments::settle(&shop.app, &attempt.id, &approved()).await.unwrap());
    shop.assert_paid_once(&opened).await;
}

fn signed() -> HeaderMap {
    HeaderMap::from_iter([("signature".parse().unwrap(), HeaderValue::from_static("yes"))])
}

async fn a_webhook_settles_what_the_browser_never_brought_and_repeats_change_nothing(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    let body = format!("ev_1 psp_{}", opened.payment.id);
    assert!(payments::receive(&shop.app, "scripted", &HeaderMap::new(), body.as_bytes()).await.is_err());
    assert!(payments::receive(&shop.app, "nobody", &signed(), body.as_bytes()).await.is_err());
    assert_eq!(shop.count("select count(*) as n from psp_events").await, 0);
    for _ in 0..5 {
        payments::receive(&shop.app, "scripted", &signed(), body.as_bytes()).await.unwrap();
    }
    assert_eq!(shop.count("select count(*) as n from psp_events").await, 1);
    shop.psp.knows(Finding::Found(approved()));
    let mut tx = shop.world.db.begin().await.unwrap();
    let jobs = tollgate::queue::claim(&mut tx, "payments", 9, shop.world.now(), Duration::from_mins(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(jobs.len(), 1);
    for _ in 0..2 {
        let verdict = payments::read_notice(&shop.app, &jobs[0].key.parse().unwrap()).await.unwrap();
        assert_eq!(verdict, Verdict::Done);
    }
    shop.assert_paid_once(&opened).await;
}

async fn a_repeat_that_does_not_get_through_declines_nothing(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    shop.world.clock.advance(Duration::from_secs(61));
    let busy = NotDone::Unreachable { reason: "too many calls".to_owned(), after: Some(Duration::from_mins(1)) };
    let refused = NotDone::Refused { code: "payment_processing".to_owned(), reason: "one is under way".to_owned() };
    for not_done in [busy, refused] {
        shop.psp.knows(Finding::NotFound);
        shop.psp.will_say(Answer::Says(Err(not_done)));
        let _ = payments::look_again(&shop.app, &opened.payment.id).await;
        assert_eq!(payments::standing_of(&shop.app, &opened.payment.id).await.unwrap(), Standing::Unknown);
        shop.world.clock.advance(Duration::from_secs(61));
    }
    // The first call got there after all.
    shop.psp.knows(Finding::Found(approved()));
    assert_eq!(payments::look_again(&shop.app, &opened.payment.id).await.unwrap(), Standing::Succeeded);
    assert_eq!(shop.count("select count(*) as n from events where kind = 'payment.attempt_declined'").await, 0);
    shop.assert_paid_once(&opened).await;
}

async fn a_psp_that_is_away_does_not_use_up_its_webhook(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    let body = format!("ev_1 psp_{}", opened.payment.id);
    payments::receive(&shop.app, "scripted", &signed(), body.as_bytes()).await.unwrap();
    let mut tx = shop.world.db.begin().await.unwrap();
    let jobs = tollgate::queue::claim(&mut tx, "payments", 9, shop.world.now(), Duration::from_mins(1)).await.unwrap();
    tx.commit().await.unwrap();
    let id = jobs[0].key.parse().unwrap();
    *shop.psp.away.lock().unwrap() = 21;
    for _ in 0..20 {
        let at = match payments::read_notice(&shop.app, &id).await.unwrap() {
            Verdict::Again { at } => at,
            other => panic!("{other:?}"),
        };
        let wait = at.since(shop.world.now());
        assert!(wait >= Duration::from_secs(7) && wait <= Duration::from_mins(30), "{wait:?}");
        shop.world.clock.advance(Duration::from_mins(1));
    }
    shop.world.clock.advance(Duration::from_hours(24));
    assert!(matches!(payments::read_notice(&shop.app, &id).await.unwrap(), Verdict::Failed { .. }));
    shop.psp.knows(Finding::Found(approved()));
    assert_eq!(payments::read_notice(&shop.app, &id).await.unwrap(), Verdict::Done);
    shop.assert_paid_once(&opened).await;
}

async fn a_challenge_left_open_is_given_up_and_another_card_may_be_tried(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    let challenge = Outcome::ActionRequired { url: "https://psp.example/3ds".parse().unwrap(), card: None };
    shop.psp.will(challenge.clone());
    assert!(matches!(shop.pay(&opened).await, Standing::ActionRequired { .. }));
    shop.psp.knows(Finding::Found(challenge));
    shop.world.clock.advance(Duration::from_mins(1));
    shop.sweep().await;
    assert!(matches!(shop.pay(&opened).await, Standing::ActionRequired { .. }));
    shop.world.clock.advance(Duration::from_mins(15));
    shop.sweep().await;
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    assert_eq!(shop.psp.confirmed().len(), 2);
    shop.assert_paid_once(&opened).await;
}

async fn a_session_whose_time_is_over_cannot_be_paid(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.world.clock.set(opened.session.expires_at);
    assert_eq!(shop.pay(&opened).await, Standing::Expired);
    assert!(shop.psp.confirmed().is_empty());
    let expired = "select count(*) as n from events where kind = 'checkout.session.expired'";
    assert_eq!(shop.count(expired).await, 1);
    payments::sweep(&shop.app).await.unwrap();
    payments::expire(&shop.app, &shop.tenant, &opened.session.id).await.unwrap();
    assert_eq!(shop.count(expired).await, 1);
    shop.assert_sound().await;
}

async fn what_is_being_paid_does_not_expire(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    shop.world.clock.set(opened.session.expires_at.plus(Duration::from_secs(5)));
    let refused = payments::expire(&shop.app, &shop.tenant, &opened.session.id).await;
    assert!(matches!(refused, Err(PaymentError::NotExpirable(_))), "{refused:?}");
    shop.psp.knows(Finding::Found(approved()));
    shop.sweep().await;
    shop.assert_paid_once(&opened).await;
}

async fn expiry_and_payment_at_the_same_moment_have_one_winner(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..5 {
        let opened = shop.checkout().await;
        shop.psp.will(approved());
        let expiring = payments::expire(&shop.app, &shop.tenant, &opened.session.id);
        let (_, standing) = Box::pin(futures_util::future::join(expiring, shop.pay(&opened))).await;
        let payment = payments::store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
        match payment.status {
            PaymentStatus::Expired => assert_eq!(standing, Standing::Expired),
            PaymentStatus::Succeeded => assert_eq!(standing, Standing::Succeeded),
            other => panic!("{other:?}"),
        }
        shop.psp.confirms.lock().unwrap().clear();
    }
    shop.assert_sound().await;
}

async fn a_risk_rule_refuses_before_the_psp_is_called(world: World) {
    let mut shop = Shop::open(world).await;
    let mut config = (*shop.app.config).clone();
    config.risk.attempts_per_session = Some(1);
    shop.app.config = Arc::new(config);
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    shop.pay(&opened).await;
    assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::RiskRefused });
    assert_eq!(shop.psp.confirmed().len(), 1);
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(attempt.psp_code.as_deref(), Some("attempts_per_session"));
    // Whoever clicks on is told the same and leaves nothing more behind.
    for _ in 0..3 {
        assert_eq!(shop.pay(&opened).await, Standing::Declined { code: DeclineCode::RiskRefused });
    }
    assert_eq!(shop.count("select count(*) as n from attempts").await, 2);
    assert_eq!(shop.told("payment.attempt_declined").await, 2);
    // What the PSP never saw it is not asked about.
    let body = format!("ev_1 psp_{}", opened.payment.id);
    payments::receive(&shop.app, "scripted", &signed(), body.as_bytes()).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(shop.count("select count(*) as n from psp_calls where operation = 'look_up'").await, 1);
}

async fn an_event_holds_the_last_attempts_and_not_all_there_ever_were(world: World) {
    let shop = Shop::open_with(world, |config| config.risk.attempts_per_session = None).await;
    let opened = shop.checkout().await;
    for _ in 0..22 {
        shop.psp.will(declined());
        shop.pay(&opened).await;
    }
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::cancel(&shop.app, &mut tx, &shop.tenant, &opened.payment.id, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let row = query("select data from events where kind = 'payment.canceled'").one(&shop.world.db).await.unwrap();
    let data: Value = serde_json::from_str(&row.get::<String>("data").unwrap()).unwrap();
    let told: Vec<&str> = data["attempts"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    let all = attempts::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    assert_eq!(told, all[2..].iter().map(|attempt| attempt.id.as_str()).collect::<Vec<_>>());
}

async fn an_open_attempt_speaks_for_its_payment_whatever_the_clock_did(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    shop.pay(&opened).await;
    // The first attempt was made by a clock that ran ahead: its id is the younger one.
    let mut tx = shop.world.db.begin().await.unwrap();
    query("update psp_calls set attempt_id = null").execute(&mut tx).await.unwrap();
    query("update attempts set id = 'att_7zzzzzzzzzzzzzzzzzzzzzzzzz'").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    shop.psp.will(unknown());
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    shop.world.clock.advance(Duration::from_secs(3));
    shop.psp.knows(Finding::Found(approved()));
    assert_eq!(payments::look_again(&shop.app, &opened.payment.id).await.unwrap(), Standing::Succeeded);
    let settled = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(settled.state, AttemptState::Approved);
}

async fn an_attempt_of_a_clock_that_was_set_back_is_asked_about_all_the_same(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will_say(Answer::Dies);
    shop.pay(&opened).await;
    shop.world.clock.set(shop.world.now().minus(Duration::from_hours(1)));
    assert_eq!(payments::standing_of(&shop.app, &opened.payment.id).await.unwrap(), Standing::Unknown);
    shop.psp.knows(Finding::Found(approved()));
    shop.sweep().await;
    shop.assert_paid_once(&opened).await;
}

async fn sessions_that_cannot_end_do_not_keep_the_others(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..201 {
        shop.unregistered(None, None).await;
    }
    let mut tx = shop.world.db.begin().await.unwrap();
    query("update payments set status = 'processing'").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let broken = shop.unregistered(None, None).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    let amount = query("update checkout_sessions set amount = '9.99' where id = $1").bind(&broken.session.id);
    amount.execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let last = shop.unregistered(None, None).await;
    shop.world.clock.set(last.session.expires_at);
    shop.sweep_only().await;
    let payment = payments::store::find(&shop.world.db, &last.payment.id).await.unwrap().unwrap();
    assert_eq!(payment.status, PaymentStatus::Expired);
}

async fn ending_a_session_whose_payment_was_called_off_says_so(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::cancel(&shop.app, &mut tx, &shop.tenant, &opened.payment.id, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let refused = payments::expire(&shop.app, &shop.tenant, &opened.session.id).await.unwrap_err();
    assert_eq!(refused.to_string(), "the session cannot be expired: it was canceled");
}

async fn a_payment_is_registered_once_however_often_it_is_asked(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.unregistered(None, None).await;
    let before = payments::execute(&shop.app, &opened.payment.id, "tok_1").await;
    assert!(matches!(before, Err(PaymentError::NotRegistered)));
    let first = payments::register(&shop.app, &opened.payment.id).await.unwrap();
    assert_eq!(payments::register(&shop.app, &opened.payment.id).await.unwrap(), first);
    let keys = shop.psp.registered.lock().unwrap().clone();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].contains(opened.orders[0].id.as_str()), "the key names the payment order: {keys:?}");
}

async fn live_payments_never_reach_a_stand_in(world: World) {
    let mut shop = Shop::open(world).await;
    shop.tenant.mode = Mode::Live;
    let opened = shop.unregistered(None, None).await;
    let refused = payments::register(&shop.app, &opened.payment.id).await;
    assert!(matches!(refused, Err(PaymentError::NoPsp("live"))), "{refused:?}");
}

both_databases!(
    a_repeat_that_does_not_get_through_declines_nothing,
    a_psp_that_is_away_does_not_use_up_its_webhook,
    an_approved_attempt_pays_everyone_at_once,
    a_declined_card_may_be_followed_by_another,
    of_many_tabs_one_pays,
    paying_a_paid_checkout_says_that_it_is_paid,
    an_unknown_outcome_blocks_every_other_attempt_until_it_is_known,
    a_crash_after_sending_is_recovered_by_asking,
    a_call_that_never_arrived_is_sent_again_under_its_own_key,
    a_psp_that_cannot_be_reached_is_tried_three_times_and_frees_the_shopper,
    whoever_settles_second_finds_it_done,
    a_late_approval_after_a_decline_is_believed_once,
    a_webhook_settles_what_the_browser_never_brought_and_repeats_change_nothing,
    a_challenge_left_open_is_given_up_and_another_card_may_be_tried,
    a_session_whose_time_is_over_cannot_be_paid,
    what_is_being_paid_does_not_expire,
    expiry_and_payment_at_the_same_moment_have_one_winner,
    a_risk_rule_refuses_before_the_psp_is_called,
    an_event_holds_the_last_attempts_and_not_all_there_ever_were,
    an_open_attempt_speaks_for_its_payment_whatever_the_clock_did,
    an_attempt_of_a_clock_that_was_set_back_is_asked_about_all_the_same,
    sessions_that_cannot_end_do_not_keep_the_others,
    ending_a_session_whose_payment_was_called_off_says_so,
    a_payment_is_registered_once_however_often_it_is_asked,
    live_payments_never_reach_a_stand_in,
);
