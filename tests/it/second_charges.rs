//! Two cards charged for one payment: it is kept with the attempt, the books have it once, and a person is told which charge
//! to give back.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use tollgate::payments::attempts::{self, Attempt};
use tollgate::payments::{self, AttemptState, Opened, Standing};
use tollgate::psp::{Approval, Finding, Outcome};
use tollgate::queue::{self, DeadJob, Verdict};
use tollgate::words::{AttemptId, PaymentId};

use crate::console::Visitor;
use crate::support::scripted_psp::{declined, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases, eventually};

both_databases!(
    a_decline_that_was_none_reaches_a_person_once,
    two_open_doubts_that_both_were_approvals_reach_a_person,
    an_approval_heard_first_hand_beside_another_one_reaches_a_person,
    nobody_asks_twice_about_a_charge_that_a_person_has,
    the_payments_page_shows_it_and_what_became_of_it,
);

fn approved_as(reference: &str) -> Outcome {
    Outcome::Approved(Approval { reference: reference.to_owned(), card: None, saved: None })
}

/// A checkout whose first card was declined.
async fn declined_once(shop: &Shop) -> Opened {
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    assert!(matches!(shop.pay(&opened).await, Standing::Declined { .. }));
    opened
}

async fn of_payment(shop: &Shop, opened: &Opened) -> [Attempt; 2] {
    attempts::of_payment(&shop.world.db, &opened.payment.id).await.unwrap().try_into().unwrap()
}

/// The PSP says that something happened, and the worker deals with it.
async fn webhook(shop: &Shop, opened: &Opened, event: &str) {
    let headers = HeaderMap::from_iter([("signature".parse().unwrap(), HeaderValue::from_static("yes"))]);
    let body = format!("{event} psp_{}", opened.payment.id);
    payments::receive(&shop.app, "scripted", &headers, body.as_bytes()).await.unwrap();
    shop.run_jobs().await;
}

/// The only dead letter; it names both attempts and both charges.
async fn assert_letter(shop: &Shop, booked: (&Attempt, &str), second: (&Attempt, &str)) -> DeadJob {
    let mut dead = queue::dead(&shop.world.db, 10).await.unwrap();
    assert_eq!(dead.len(), 1, "{dead:?}");
    let letter = dead.remove(0);
    assert_eq!((letter.kind.as_str(), letter.key.as_str()), (payments::jobs::RECOVER, second.0.id.as_str()));
    assert_eq!(letter.tenant.as_ref(), Some(&shop.tenant));
    let error = letter.last_error.clone().unwrap_or_default();
    for named in [booked.0.id.as_str(), booked.1, second.0.id.as_str(), second.1] {
        assert!(error.contains(named), "{named}: {error}");
    }
    letter
}

async fn a_decline_that_was_none_reaches_a_person_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = declined_once(&shop).await;
    shop.psp.will(approved_as("ch_b"));
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    shop.psp.knows(Finding::Found(approved_as("ch_a")));
    webhook(&shop, &opened, "ev_1").await;
    shop.run_jobs().await;
    let [first, second] = of_payment(&shop, &opened).await;
    assert_eq!(first.second_charge.as_deref(), Some("ch_a"));
    let letter = assert_letter(&shop, (&second, "ch_b"), (&first, "ch_a")).await;
    shop.assert_paid_once(&opened).await;

    // What else is heard of the payment tells nobody again, not even when the letter is resolved.
    webhook(&shop, &opened, "ev_2").await;
    let mut tx = shop.world.db.begin().await.unwrap();
    let now = shop.world.now();
    assert!(queue::letters::resolve(&mut tx, &letter.id, "somebody", "given back", now).await.unwrap());
    tx.commit().await.unwrap();
    webhook(&shop, &opened, "dispute_3").await;
    shop.world.clock.advance(Duration::from_mins(2));
    shop.sweep().await;
    assert!(queue::dead(&shop.world.db, 10).await.unwrap().is_empty());
    assert_eq!(shop.count("select count(*) as n from psp_events where processed_at is null").await, 0);
}

async fn two_open_doubts_that_both_were_approvals_reach_a_person(world: World) {
    let shop = Shop::open(world).await;
    let opened = declined_once(&shop).await;
    shop.psp.will(unknown());
    assert_eq!(shop.pay(&opened).await, Standing::Unknown);
    shop.psp.knows(Finding::Found(approved_as("ch_a")));
    shop.psp.knows(Finding::Found(approved_as("ch_b")));
    webhook(&shop, &opened, "ev_1").await;
    shop.world.clock.advance(Duration::from_mins(1));
    shop.sweep().await;
    let [first, second] = of_payment(&shop, &opened).await;
    assert_letter(&shop, (&first, "ch_a"), (&second, "ch_b")).await;
    shop.assert_paid_once(&opened).await;
}

async fn an_approval_heard_first_hand_beside_another_one_reaches_a_person(world: World) {
    let shop = Shop::open(world).await;
    let opened = declined_once(&shop).await;
    let first = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    shop.psp.will(approved_as("ch_b"));
    let late = approved_as("ch_a");
    // The PSP takes its time over the second card; meanwhile the first one turns out to be approved.
    let hearing = async {
        while shop.psp.confirmed().len() < 2 {
            tokio::task::yield_now().await;
        }
        payments::settle(&shop.app, &first.id, &late).await.unwrap()
    };
    let (standing, changed) = futures_util::join!(shop.pay(&opened), hearing);
    assert!(changed && standing == Standing::Succeeded, "{standing:?}");
    shop.run_jobs().await;
    let [first, second] = of_payment(&shop, &opened).await;
    assert_letter(&shop, (&first, "ch_a"), (&second, "ch_b")).await;
    shop.world.clock.advance(Duration::from_mins(2));
    shop.sweep().await;
    assert_letter(&shop, (&first, "ch_a"), (&second, "ch_b")).await;
    shop.assert_paid_once(&opened).await;
}

async fn nobody_asks_twice_about_a_charge_that_a_person_has(world: World) {
    let shop = Shop::open(world).await;
    let opened = declined_once(&shop).await;
    let first = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    shop.psp.will(approved_as("ch_b"));
    shop.pay(&opened).await;
    assert!(payments::settle(&shop.app, &first.id, &approved_as("ch_a")).await.unwrap());
    assert!(!payments::settle(&shop.app, &first.id, &approved_as("ch_a")).await.unwrap());
    let asked = "select count(*) as n from psp_calls where operation = 'look_up'";
    for _ in 0..2 {
        let verdict = payments::recover(&shop.app, &first.id).await.unwrap();
        assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
    }
    assert_eq!(shop.count(asked).await, 0);
}

async fn the_payments_page_shows_it_and_what_became_of_it(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let id = gateway.paid_payment().await;
    let path = format!("/console/payments/{id}");
    assert!(!kim.page(&path).await.contains("Charged twice"));

    // Another card of the same payment, declined as far as anybody knew.
    let payment: PaymentId = id.parse().unwrap();
    let paid = attempts::latest(&gateway.app.db, &payment).await.unwrap().unwrap();
    let charge = paid.psp_reference.clone().unwrap();
    let id = AttemptId::new();
    let other = Attempt { psp_key: id.to_string(), id, state: AttemptState::Sent, ..paid };
    let mut tx = gateway.app.db.begin().await.unwrap();
    attempts::insert(&mut tx, &other).await.unwrap();
    tx.commit().await.unwrap();
    assert!(payments::settle(&gateway.app, &other.id, &declined()).await.unwrap());
    assert!(payments::settle(&gateway.app, &other.id, &approved_as("ch_<b>")).await.unwrap());
    gateway.app.wake.notify_one();

    let page = eventually("a person is told", async || {
        let page = kim.page(&path).await;
        page.contains("Waits for a person").then_some(page)
    })
    .await;
    assert!(page.contains("Charged twice") && page.contains(other.id.as_str()), "{page}");
    assert!(page.contains(&charge), "which one is in the books");
    assert!(page.contains("ch_") && !page.contains("ch_<b>"), "{page}");
    let found = kim.page("/console/payments?q=ch_%3Cb%3E").await;
    assert!(found.contains(&format!("{path}\"")), "whoever has only the PSP's word finds it: {found}");
    let letter = queue::dead(&gateway.app.db, 10).await.unwrap().remove(0);
    assert!(page.contains(&format!("href=\"/console/dead-letters/{}\"", letter.id)));

    let csrf = kim.csrf().await;
    let fields = [("csrf", csrf.as_str()), ("reason", "given back at the PSP")];
    kim.post(&format!("/console/dead-letters/{}/resolve", letter.id), &fields).await;
    let page = kim.page(&path).await;
    assert!(page.contains("Resolved") && page.contains("given back at the PSP"), "{page}");
    gateway.stop().await;
}
