//! The payment service against a PSP on a string: who wins each race, what a crash leaves, what the books say after.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use tollgate::app::App;
use tollgate::checkout::{self, Asked, AskedLine, NewSession};
use tollgate::config::Config;
use tollgate::db::query;
use tollgate::integrity::{self, Scope};
use tollgate::outbound::Outbound;
use tollgate::payments::{self, AttemptState, Opened, OrderStatus, PaymentError, PaymentStatus, Standing, attempts};
use tollgate::psp::{DeclineCode, Finding, NotDone, Outcome, Psps};
use tollgate::queue::Verdict;
use tollgate::words::{Mode, Secret, SellerId, Tenant};
use tollgate::{merchants, wallets};

use crate::support::scripted_psp::{Answer, ScriptedPsp, approved, declined, unknown};
use crate::support::{World, both_databases};

/// A gateway with a merchant, and the PSP it calls.
pub struct Shop {
    pub world: World,
    pub app: App,
    pub psp: Arc<ScriptedPsp>,
    pub tenant: Tenant,
}

impl Shop {
    pub async fn open(world: World) -> Self {
        let psp = Arc::new(ScriptedPsp::default());
        let config = Config {
            master_key: Secret::new("a key for this test alone, forty characters".to_owned()),
            ..Config::default()
        };
        let outbound = Outbound::new(&config.outbound()).unwrap();
        let psps = Psps::of([psp.clone() as _]);
        let app = App::new(config, world.db.clone(), world.clock.clone(), outbound, psps);
        let mut tx = world.db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, "Shop", world.now()).await.unwrap();
        tx.commit().await.unwrap();
        Self { tenant: Tenant::new(merchant.id, Mode::Test), world, app, psp }
    }

    /// A checkout of 10.00 at the merchant itself, registered with the PSP.
    async fn checkout(&self) -> Opened {
        let opened = self.unregistered(None, None).await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        opened
    }

    async fn unregistered(&self, second: Option<&SellerId>, fee: Option<&str>) -> Opened {
        self.unregistered_of(second, fee, None).await
    }

    /// A checkout of somebody with an e-mail address, registered with the PSP.
    pub async fn checkout_of(&self, email: &str) -> Opened {
        let opened = self.unregistered_of(None, None, Some(email)).await;
        payments::register(&self.app, &opened.payment.id).await.unwrap();
        opened
    }

    async fn unregistered_of(&self, second: Option<&SellerId>, fee: Option<&str>, email: Option<&str>) -> Opened {
        let line = |seller: Option<&SellerId>| AskedLine {
            name: "Tea".to_owned(),
            unit_amount: "10.00".to_owned(),
            quantity: 1,
            seller: seller.map(ToString::to_string),
        };
        let mut line_items = vec![line(None)];
        line_items.extend(second.map(|seller| line(Some(seller))));
        let asked = Asked {
            line_items,
            currency: "USD".to_owned(),
            success_url: "https://shop.example/paid".to_owned(),
            application_fee: fee.map(str::to_owned),
            customer_email: email.map(str::to_owned),
            ..Asked::default()
        };
        let new = NewSession::check(asked).unwrap();
        let mut tx = self.world.db.begin().await.unwrap();
        let opened = payments::open(&mut tx, &self.tenant, new, self.world.now()).await.unwrap();
        tx.commit().await.unwrap();
        opened
    }

    /// A checkout that was paid.
    pub async fn paid(&self) -> Opened {
        self.psp.will(approved());
        let opened = self.checkout().await;
        self.pay(&opened).await;
        opened
    }

    pub async fn pay(&self, opened: &Opened) -> Standing {
        payments::execute(&self.app, &opened.payment.id, "tok_1").await.unwrap()
    }

    async fn count(&self, what: &'static str) -> i64 {
        query(what).one(&self.world.db).await.unwrap().get("n").unwrap()
    }

    /// Runs the sweep and then every job it left, once.
    async fn sweep(&self) {
        payments::sweep(&self.app).await.unwrap();
        let mut tx = self.world.db.begin().await.unwrap();
        let jobs =
            tollgate::queue::claim(&mut tx, "payments", 100, self.world.now(), Duration::from_mins(1)).await.unwrap();
        tx.commit().await.unwrap();
        for job in jobs {
            let verdict = payments::recover(&self.app, &job.key.parse().unwrap()).await.unwrap();
            let mut tx = self.world.db.begin().await.unwrap();
            match verdict {
                Verdict::Done => tollgate::queue::done(&mut tx, &job).await.unwrap(),
                Verdict::Again { at } => tollgate::queue::again(&mut tx, &job, at).await.unwrap(),
                Verdict::Failed { error } => {
                    tollgate::queue::bury(&mut tx, &job, self.world.now(), &error).await.unwrap()
                }
            };
            tx.commit().await.unwrap();
        }
    }

    /// The money is there once, everywhere, and nothing else is wrong.
    async fn assert_paid_once(&self, opened: &Opened) {
        let payment = payments::store::find(&self.world.db, &opened.payment.id).await.unwrap().unwrap();
        assert_eq!(payment.status, PaymentStatus::Succeeded);
        for order in payments::store::orders(&self.world.db, &payment.id).await.unwrap() {
            assert_eq!((order.status, order.wallet_updated, order.ledger_updated), (OrderStatus::Success, true, true));
        }
        let session = checkout::get(&self.world.db, &self.tenant, &opened.session.id).await.unwrap().unwrap();
        assert_eq!(session.status.as_str(), "complete");
        assert_eq!(self.count("select count(*) as n from journals").await, 1);
        assert_eq!(self.count("select count(*) as n from events where kind = 'payment.succeeded'").await, 1);
        assert_eq!(self.count("select count(*) as n from events where kind = 'checkout.session.completed'").await, 1);
        let own = merchants::sellers::self_seller(&self.world.db, &self.tenant).await.unwrap();
        let wallet = wallets::of_seller(&self.world.db, &self.tenant, &own.id).await.unwrap();
        assert_eq!(wallet[0].pending, 1000);
        self.assert_sound().await;
    }

    async fn assert_sound(&self) {
        let report = integrity::check(&self.world.db, Scope::Everything).await.unwrap();
        assert!(report.is_sound(), "{report:?}");
    }
}

async fn an_approved_attempt_pays_everyone_at_once(world: World) {
    let shop = Shop::open(world).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    let second = merchants::sellers::create(
        &mut tx,
        &shop.tenant,
        merchants::sellers::NewSeller {
            name: "Second".to_owned(),
            payout_destination: None,
            metadata: std::collections::BTreeMap::default(),
        },
        shop.world.now(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let opened = shop.unregistered(Some(&second.id), Some("0.33")).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);

    let fees: Vec<i64> = opened.orders.iter().map(|order| order.fee.minor()).collect();
    assert_eq!(fees, [17, 16], "the odd cent belongs to the first seller's order");
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, &second.id).await.unwrap();
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

async fn a_second_capture_is_refused_loudly_and_changes_nothing(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    shop.pay(&opened).await;
    let first = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    shop.psp.will(approved());
    shop.pay(&opened).await;
    let late = payments::settle(&shop.app, &first.id, &approved()).await;
    assert!(matches!(late, Err(PaymentError::SecondCapture { .. })), "{late:?}");
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
        let (_, standing) = futures_util::future::join(expiring, shop.pay(&opened)).await;
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
    a_second_capture_is_refused_loudly_and_changes_nothing,
    a_webhook_settles_what_the_browser_never_brought_and_repeats_change_nothing,
    a_challenge_left_open_is_given_up_and_another_card_may_be_tried,
    a_session_whose_time_is_over_cannot_be_paid,
    what_is_being_paid_does_not_expire,
    expiry_and_payment_at_the_same_moment_have_one_winner,
    a_risk_rule_refuses_before_the_psp_is_called,
    a_payment_is_registered_once_however_often_it_is_asked,
    live_payments_never_reach_a_stand_in,
);
