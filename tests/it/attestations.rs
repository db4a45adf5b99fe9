//! What two people say that a PSP has confirmed: settled by the verb its own answer would have gone through, once, and by
//! nobody alone.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::attestations::{self, Attestation, AttestationError, Confirmed, Stated};
use tollgate::db::Db;
use tollgate::dead_letters;
use tollgate::payments::captures::{self, NewCapture};
use tollgate::payments::refunds::{self, NewRefund};
use tollgate::payments::{Standing, attempts, jobs};
use tollgate::payouts::{self, PayoutStatus};
use tollgate::queue::{self, DeadJob, NewJob};
use tollgate::words::{PaymentId, RefundId, Tenant, Timestamp};

use crate::console::{EMAIL, Visitor, actions, header};
use crate::payouts::{ask as ask_payout, earned, status as payout_status, verified_seller, wallet};
use crate::support::scripted_bank::lost;
use crate::support::scripted_psp::{approved, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

both_databases!(
    an_attempt_that_was_taken_is_paid,
    an_attempt_that_was_not_taken_lets_the_shopper_try_again,
    an_attempt_of_a_payment_that_is_paid_is_not_paid_again,
    a_refund_ends_either_way,
    a_capture_ends_as_confirmed,
    a_payout_ends_either_way,
    what_is_not_given_up_or_known_is_not_attested,
    two_people_settle_a_refund_in_the_console,
);

/// The job of this kind and key, given up.
async fn given_up(db: &Db, kind: &'static str, key: &str, tenant: &Tenant, now: Timestamp) -> DeadJob {
    let mut tx = db.begin().await.unwrap();
    let job = NewJob { kind, key, payload: Value::Null, run_at: now, tenant: Some(tenant) };
    queue::enqueue(&mut tx, job).await.unwrap();
    let claimed = queue::claim_one(&mut tx, kind, key, now, Duration::from_mins(1)).await.unwrap().unwrap();
    queue::bury(&mut tx, &claimed, now, "not known past its deadline").await.unwrap();
    let letter = dead_letters::find(&mut tx, &claimed.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    letter
}

async fn state(shop: &Shop, letter: &DeadJob, confirmed: Confirmed) -> Result<Attestation, AttestationError> {
    let stated = Stated { confirmed, reason: "seen at the PSP".into(), by: "kim@example.com".into() };
    let mut tx = shop.world.db.begin().await.unwrap();
    let attestation = attestations::ask(&mut tx, letter, &stated, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(attestation)
}

async fn agree(shop: &Shop, attestation: &Attestation, by: &str) -> Result<(), AttestationError> {
    let mut tx = shop.world.db.begin().await.unwrap();
    attestations::agree(&shop.app, &mut tx, attestation, by, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

/// Stated by one and agreed to by another.
async fn settle(shop: &Shop, letter: &DeadJob, confirmed: Confirmed) {
    let attestation = state(shop, letter, confirmed).await.unwrap();
    agree(shop, &attestation, "lee@example.com").await.unwrap();
    assert!(matches!(agree(shop, &attestation, "lee@example.com").await, Err(AttestationError::Decided)));
    let letter = dead_letters::find(&shop.world.db, &letter.id).await.unwrap().unwrap();
    assert!(letter.resolved.unwrap().reason.contains("seen at the PSP"));
    shop.assert_sound().await;
}

fn done() -> Confirmed {
    Confirmed::Done("ref_at_psp".to_owned())
}

/// An attempt whose outcome nobody knows, given up.
async fn lost_attempt(shop: &Shop, payment: &PaymentId) -> DeadJob {
    let attempt = attempts::latest(&shop.world.db, payment).await.unwrap().unwrap();
    given_up(&shop.world.db, jobs::RECOVER, attempt.id.as_str(), &shop.tenant, shop.world.now()).await
}

async fn an_attempt_that_was_taken_is_paid(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    let letter = lost_attempt(&shop, &opened.payment.id).await;
    let attestation = state(&shop, &letter, done()).await.unwrap();
    assert!(matches!(state(&shop, &letter, Confirmed::NotDone).await, Err(AttestationError::Waits)));
    assert!(matches!(agree(&shop, &attestation, "kim@example.com").await, Err(AttestationError::SamePerson)));
    assert_eq!(shop.told("payment.succeeded").await, 0, "nothing is settled by one person");
    let mut tx = shop.world.db.begin().await.unwrap();
    attestations::refuse(&mut tx, &attestation, "kim@example.com", shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(agree(&shop, &attestation, "lee@example.com").await, Err(AttestationError::Decided)));

    settle(&shop, &letter, done()).await;
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(attempt.psp_reference.as_deref(), Some("ref_at_psp"));
    shop.assert_paid_once(&opened).await;
}

async fn an_attempt_that_was_not_taken_lets_the_shopper_try_again(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    let letter = lost_attempt(&shop, &opened.payment.id).await;
    settle(&shop, &letter, Confirmed::NotDone).await;
    shop.psp.will(approved());
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    shop.assert_paid_once(&opened).await;
}

/// The PSP answered itself, between the two people.
async fn an_attempt_of_a_payment_that_is_paid_is_not_paid_again(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    let letter = lost_attempt(&shop, &opened.payment.id).await;
    let attestation = state(&shop, &letter, done()).await.unwrap();
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    tollgate::payments::settle(&shop.app, &attempt.id, &approved()).await.unwrap();
    assert!(matches!(agree(&shop, &attestation, "lee@example.com").await, Err(AttestationError::NothingUnknown)));
    shop.assert_paid_once(&opened).await;
}

async fn a_refund_ends_either_way(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    for (confirmed, status, refunded) in [(done(), "succeeded", 400), (Confirmed::NotDone, "failed", 400)] {
        let refund = asked(&shop.world.db, &shop.tenant, &opened.payment.id, "4.00", shop.world.now()).await;
        let letter = given_up(&shop.world.db, jobs::REFUND, refund.as_str(), &shop.tenant, shop.world.now()).await;
        settle(&shop, &letter, confirmed).await;
        let after = refunds::find(&shop.world.db, &refund).await.unwrap().unwrap();
        assert_eq!(after.status.as_str(), status);
        assert_eq!(shop.count("select refunded as n from payments").await, refunded);
    }
    assert_eq!((shop.told("refund.succeeded").await, shop.told("refund.failed").await), (1, 1));
}

async fn asked(db: &Db, tenant: &Tenant, payment: &PaymentId, amount: &str, now: Timestamp) -> RefundId {
    let new =
        NewRefund { payment: payment.clone(), amount: Some(amount.to_owned()), reason: None, metadata: json!({}) };
    let mut tx = db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, tenant, new, now).await.unwrap();
    // Before any worker sees it.
    queue::claim_one(&mut tx, jobs::REFUND, refund.id.as_str(), now, Duration::ZERO).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    refund.id
}

async fn a_capture_ends_as_confirmed(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    for confirmed in [Confirmed::NotDone, done()] {
        let mut tx = shop.world.db.begin().await.unwrap();
        let new = NewCapture { payment: opened.payment.id.clone(), amount: None };
        let capture = captures::capture(&mut tx, &shop.tenant, &new, shop.world.now()).await.unwrap();
        tx.commit().await.unwrap();
        let letter = given_up(&shop.world.db, jobs::CAPTURE, capture.id.as_str(), &shop.tenant, shop.world.now()).await;
        settle(&shop, &letter, confirmed).await;
    }
    assert_eq!((shop.told("payment.capture_failed").await, shop.told("payment.succeeded").await), (1, 1));
}

async fn a_payout_ends_either_way(world: World) {
    let shop = Shop::open(world).await;
    let seller = verified_seller(&shop).await;
    earned(&shop, &seller, "1", 2000, "USD").await;
    for (confirmed, ends) in [(done(), PayoutStatus::Paid), (Confirmed::NotDone, PayoutStatus::Failed)] {
        shop.bank.will(Ok(lost()));
        let payout = ask_payout(&shop, &seller, "10.00", "USD").await.unwrap();
        shop.run_payout_jobs().await;
        assert_eq!(payout_status(&shop, &payout).await, PayoutStatus::Processing);
        let (kind, id) = (payouts::jobs::CARRY_OUT, payout.id.as_str());
        let letter = given_up(&shop.world.db, kind, id, &shop.tenant, shop.world.now()).await;
        settle(&shop, &letter, confirmed).await;
        assert_eq!(payout_status(&shop, &payout).await, ends);
    }
    assert_eq!(wallet(&shop, &seller).await, (1000, 0));
    assert_eq!((shop.told("payout.paid").await, shop.told("payout.failed").await), (1, 1));
}

async fn what_is_not_given_up_or_known_is_not_attested(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    shop.psp.will(unknown());
    shop.pay(&opened).await;
    let letter = lost_attempt(&shop, &opened.payment.id).await;
    let nothing = |result: Result<Attestation, AttestationError>| {
        assert!(matches!(result, Err(AttestationError::NothingUnknown)), "{result:?}");
    };
    assert!(matches!(state(&shop, &letter, Confirmed::Done(String::new())).await, Err(AttestationError::Words)));
    let mut tx = shop.world.db.begin().await.unwrap();
    assert!(dead_letters::retry(&mut tx, &letter, shop.world.now()).await.unwrap());
    tx.commit().await.unwrap();
    nothing(state(&shop, &letter, done()).await);
    let other = given_up(&shop.world.db, "nothing.done", "pay_1", &shop.tenant, shop.world.now()).await;
    nothing(state(&shop, &other, done()).await);
    let paid = shop.paid().await;
    let known = lost_attempt(&shop, &paid.payment.id).await;
    nothing(state(&shop, &known, done()).await);
}

async fn two_people_settle_a_refund_in_the_console(world: World) {
    let gateway = world.gateway().await;
    let (db, now) = (&gateway.app.db, gateway.app.now());
    let payment = PaymentId::parse(&gateway.paid_payment().await).unwrap();
    let new =
        NewRefund { payment: payment.clone(), amount: Some("1000".to_owned()), reason: None, metadata: json!({}) };
    let mut tx = db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &gateway.tenant, new, now).await.unwrap();
    let (kind, lease) = (jobs::REFUND, Duration::from_mins(1));
    let job = queue::claim_one(&mut tx, kind, refund.id.as_str(), now, lease).await.unwrap().unwrap();
    queue::bury(&mut tx, &job, now, "not known past its deadline").await.unwrap();
    tx.commit().await.unwrap();

    let (kim, lee) = (Visitor::operator(&gateway).await, Visitor::somebody(&gateway, "lee@example.com").await);
    let path = format!("/console/dead-letters/{}", job.id);
    let (csrf, other) = (kim.csrf().await, lee.csrf().await);
    let attest = format!("{path}/attest");
    let fields = [("confirmed", "done"), ("reference", "re_at_psp"), ("reason", "their <b>pages</b>")];
    assert_eq!(kim.post(&attest, &fields).await.status, 403);
    let with = |csrf| [("csrf", csrf), fields[0], fields[1], fields[2]];
    let wordless = [("csrf", csrf.as_str()), fields[0], fields[2]];
    assert_eq!(header(&kim.post(&attest, &wordless).await, "location"), format!("{path}?said=words"));
    assert_eq!(header(&kim.post(&attest, &with(&csrf)).await, "location"), format!("{path}?said=stated"));
    assert_eq!(header(&lee.post(&attest, &with(&other)).await, "location"), format!("{path}?said=waits"));

    let page = lee.page(&path).await;
    let agree = format!("{path}/attestations/{}/agree", stated(&page));
    assert!(page.contains(EMAIL) && page.contains(&agree) && !page.contains("their <b>"), "{page}");
    assert!(page.contains("not known past its deadline"), "how it failed is told: {page}");
    assert!(!kim.page(&path).await.contains(&agree), "who stated it cannot agree");
    let same = kim.post(&agree, &[("csrf", &csrf)]).await;
    assert_eq!(header(&same, "location"), format!("{path}?said=same"));
    let answer = lee.post(&agree, &[("csrf", &other)]).await;
    assert_eq!(header(&answer, "location"), format!("{path}?said=settled"));

    let shown = gateway.get(&format!("/v1/refunds/{}", refund.id)).await.ok();
    assert_eq!(shown["status"], "succeeded");
    assert!(queue::dead(db, 10).await.unwrap().is_empty());
    let log = actions(&gateway).await;
    let count = |action: &str| log.iter().filter(|it| *it == action).count();
    assert_eq!((count("attestation.ask"), count("attestation.agree")), (1, 1), "{log:?}");
    gateway.stop().await;
}

fn stated(page: &str) -> &str {
    let at = page.find("ats_").unwrap();
    &page[at..at + "ats_".len() + 26]
}
