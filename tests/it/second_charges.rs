//! Two cards charged for one payment: what was taken beside the sale is nobody's in the books and goes back by its own name, by itself
//! or by an operator; a person is told where it does not.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
use serde_json::json;
use tollgate::merchants::policies;
use tollgate::payments::attempts::{self, Attempt};
use tollgate::payments::refunds::{self, NewRefund, Refund, RefundStatus};
use tollgate::payments::second_charge::{self, GiveBackError};
use tollgate::payments::{self, AttemptState, Opened, Standing};
use tollgate::psp::{ConfirmRequest, Doubt, Finding, Outcome, RefundOutcome};
use tollgate::queue::{self, DeadJob, Verdict};
use tollgate::simulator::faults::{FaultKind, FaultOrder};
use tollgate::words::{AttemptId, PaymentId, Secret};

use crate::console::{EMAIL, Visitor, header, hidden};
use crate::support::scripted_psp::{approved_as, declined, unknown};
use crate::support::shop::Shop;
use crate::support::{Gateway, World, both_databases, eventually};

both_databases!(
    it_goes_back_by_itself_and_takes_nothing_from_anybody,
    an_answer_that_is_lost_gives_it_back_once,
    what_the_psp_refuses_to_give_back_is_a_persons_who_tries_again,
    what_the_bank_contests_or_only_holds_or_the_psp_cannot_name_waits_for_a_person,
    the_sales_own_charge_told_twice_does_not_go_back,
    what_comes_back_weeks_later_is_a_persons,
    an_operator_gives_it_back_once_per_form,
    the_stand_in_gives_back_the_charge_that_is_named,
    a_decline_that_was_none_reaches_a_person_once,
    two_open_doubts_that_both_were_approvals_reach_a_person,
    an_approval_heard_first_hand_beside_another_one_reaches_a_person,
    nobody_asks_twice_about_a_charge_that_a_person_has,
    the_payments_page_shows_it_and_what_became_of_it,
);

/// A checkout whose first card was declined.
async fn declined_once(shop: &Shop) -> Opened {
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    assert!(matches!(shop.pay(&opened).await, Standing::Declined { .. }));
    opened
}

/// What is taken twice waits for a person here.
async fn reviewed(world: World) -> Shop {
    let shop = Shop::open(world).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    let wanted = [("second_charge", json!("review"))];
    policies::change(&mut tx, &shop.tenant, &wanted, "test", shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop
}

/// The first card turns out to be charged, as `ch_a`, after the second has paid, as `ch_b`.
pub async fn taken_twice(shop: &Shop) -> Opened {
    let opened = declined_once(shop).await;
    shop.psp.will(approved_as("ch_b"));
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    shop.psp.knows(Finding::Found(approved_as("ch_a")));
    webhook(shop, &opened, "ev_1").await;
    opened
}

async fn refunds_of(shop: &Shop, opened: &Opened) -> Vec<Refund> {
    refunds::of_payment(&shop.world.db, &opened.payment.id).await.unwrap()
}

/// What of the PSP's money is nobody's.
async fn in_suspense(shop: &Shop) -> i64 {
    shop.count(
        "select cast(coalesce(sum(case when credit_account = 'suspense' then amount when debit_account = 'suspense' then -amount else 0 end), 0)
             as bigint) as n from transfers",
    )
    .await
}

async fn give_back(shop: &Shop, opened: &Opened) -> Result<Refund, GiveBackError> {
    let [first, _] = of_payment(shop, opened).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    let (by, now) = (("kim@example.com", "taken twice"), shop.world.now());
    let given = second_charge::give_back(&shop.app, &mut tx, &opened.payment.id, &first.id, by, now).await;
    match &given {
        Ok(_) => tx.commit().await.unwrap(),
        Err(_) => tx.rollback().await.unwrap(),
    }
    given
}

async fn it_goes_back_by_itself_and_takes_nothing_from_anybody(world: World) {
    let shop = Shop::open(world).await;
    let opened = taken_twice(&shop).await;
    assert_eq!((in_suspense(&shop).await, shop.told("payment.charged_twice").await), (1_000, 1));
    shop.assert_paid_once(&opened).await;
    shop.run_jobs().await;
    shop.run_jobs().await;
    let [refund] = &refunds_of(&shop, &opened).await[..] else { panic!("one refund") };
    let [first, second] = of_payment(&shop, &opened).await;
    assert_eq!((refund.status, refund.amount.minor(), refund.parts.len()), (RefundStatus::Succeeded, 1_000, 0));
    assert_eq!((&refund.attempt, refund.charge.as_deref()), (&Some(first.id.clone()), Some("ch_a")));
    assert_eq!(*shop.psp.named.lock().unwrap(), [Some("ch_a".to_owned())]);
    assert_eq!((in_suspense(&shop).await, shop.told("refund.succeeded").await), (0, 1));
    assert!(queue::dead(&shop.world.db, 10).await.unwrap().is_empty());
    shop.assert_paid_once(&opened).await;

    // What is heard again changes nothing, and the sale can be refunded as any other: by the name of its own charge.
    webhook(&shop, &opened, "ev_2").await;
    shop.run_jobs().await;
    assert!(matches!(give_back(&shop, &opened).await, Err(GiveBackError::Already)));
    let new = NewRefund { payment: opened.payment.id.clone(), amount: None, reason: None, metadata: json!({}) };
    let mut tx = shop.world.db.begin().await.unwrap();
    let own = refunds::ask(&mut tx, &shop.tenant, new, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.run_jobs().await;
    assert_eq!((own.amount.minor(), own.charge), (1_000, second.psp_reference));
    assert_eq!(shop.psp.named.lock().unwrap().last().unwrap().as_deref(), Some("ch_b"));
    assert_eq!(shop.psp.refunds.lock().unwrap().len(), 2);
    shop.assert_sound().await;
}

/// The PSP answers for the declined card with the charge of the one that paid: by that name the sale's money would go.
async fn the_sales_own_charge_told_twice_does_not_go_back(world: World) {
    let shop = Shop::open(world).await;
    let opened = declined_once(&shop).await;
    shop.psp.will(approved_as("ch_b"));
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded);
    shop.psp.knows(Finding::Found(approved_as("ch_b")));
    webhook(&shop, &opened, "ev_1").await;
    shop.run_jobs().await;
    assert!(refunds_of(&shop, &opened).await.is_empty());
    assert_eq!(in_suspense(&shop).await, 0);
    let letters = queue::dead(&shop.world.db, 10).await.unwrap();
    assert_eq!(letters.len(), 1, "a person looks");
    let error = letters[0].last_error.clone().unwrap_or_default();
    assert!(error.contains("Nothing is to be given back"), "{error}");
    assert_eq!(shop.told("payment.charged_twice").await, 0);
    assert!(matches!(give_back(&shop, &opened).await, Err(GiveBackError::NotTaken)));
    assert_eq!(shop.psp.refunds.lock().unwrap().len(), 0);
}

async fn an_answer_that_is_lost_gives_it_back_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = taken_twice(&shop).await;
    shop.psp.refund_answers.lock().unwrap().push_back(Ok(RefundOutcome::Unknown(Doubt::of("reset"))));
    shop.run_jobs().await;
    let [refund] = &refunds_of(&shop, &opened).await[..] else { panic!("one refund") };
    assert_eq!((refund.status, in_suspense(&shop).await), (RefundStatus::Pending, 1_000));
    assert!(matches!(give_back(&shop, &opened).await, Err(GiveBackError::Already)), "it may be back already");
    shop.world.clock.advance(Duration::from_mins(10));
    shop.run_jobs().await;
    assert_eq!(refunds_of(&shop, &opened).await[0].status, RefundStatus::Succeeded);
    assert_eq!(shop.psp.refunds.lock().unwrap().len(), 1);
    assert_eq!(in_suspense(&shop).await, 0);
    let keys = "select count(distinct psp_key) as n from psp_calls where operation in ('refund', 'look_up_refund')";
    assert_eq!(shop.count(keys).await, 1);
    shop.assert_paid_once(&opened).await;
}

async fn what_the_psp_refuses_to_give_back_is_a_persons_who_tries_again(world: World) {
    let shop = Shop::open(world).await;
    let opened = taken_twice(&shop).await;
    let no = || Ok(RefundOutcome::Failed { psp_code: "card_closed".to_owned() });
    shop.psp.refund_answers.lock().unwrap().push_back(no());
    shop.run_jobs().await;
    shop.run_jobs().await;
    let [first, second] = of_payment(&shop, &opened).await;
    let letter = assert_letter(&shop, (&second, "ch_b"), (&first, "ch_a")).await;
    assert!(letter.last_error.unwrap().contains("card_closed"));
    assert_eq!((in_suspense(&shop).await, shop.told("refund.failed").await), (1_000, 1));

    // It is refused once more: the person hears of it again. Then it goes.
    shop.psp.refund_answers.lock().unwrap().push_back(no());
    give_back(&shop, &opened).await.unwrap();
    assert!(queue::dead(&shop.world.db, 10).await.unwrap().is_empty(), "somebody deals with it");
    shop.world.clock.advance(Duration::from_secs(1));
    shop.run_jobs().await;
    shop.run_jobs().await;
    assert_letter(&shop, (&second, "ch_b"), (&first, "ch_a")).await;
    give_back(&shop, &opened).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(refunds_of(&shop, &opened).await.len(), 3);
    assert_eq!((in_suspense(&shop).await, shop.psp.refunds.lock().unwrap().len()), (0, 1));
    assert!(queue::dead(&shop.world.db, 10).await.unwrap().is_empty());
    shop.assert_paid_once(&opened).await;
}

async fn what_the_bank_contests_or_only_holds_or_the_psp_cannot_name_waits_for_a_person(world: World) {
    let shop = reviewed(world).await;
    let opened = taken_twice(&shop).await;
    shop.run_jobs().await;
    *shop.psp.knows_no_charges.lock().unwrap() = true;
    assert!(matches!(give_back(&shop, &opened).await, Err(GiveBackError::Unnamed(_))));
    *shop.psp.knows_no_charges.lock().unwrap() = false;

    // Asked for, and then the bank contests the payment before it is ordered.
    give_back(&shop, &opened).await.unwrap();
    shop.psp.contest(&format!("psp_{}", opened.payment.id), "dp_1", 400, shop.world.now());
    payments::disputes::look(&shop.app, &opened.payment.id).await.unwrap();
    shop.run_jobs().await;
    let [refund] = &refunds_of(&shop, &opened).await[..] else { panic!("one refund") };
    assert_eq!((refund.status, refund.failure_code.as_deref()), (RefundStatus::Failed, Some("payment_disputed")));
    shop.run_jobs().await;
    assert_eq!(queue::dead(&shop.world.db, 10).await.unwrap().len(), 1);
    assert!(matches!(give_back(&shop, &opened).await, Err(GiveBackError::Contested)));
    assert!(shop.psp.named.lock().unwrap().is_empty(), "nothing was ordered");
    assert_eq!(in_suspense(&shop).await, 1_000);
    shop.assert_sound().await;

    // Of a hold there is nothing to give back: nothing of it is in the books.
    let held = shop.held().await;
    let paid = attempts::latest(&shop.world.db, &held.payment.id).await.unwrap().unwrap();
    let id = AttemptId::new();
    let other = Attempt { psp_key: id.to_string(), id, state: AttemptState::Sent, ..paid };
    let mut tx = shop.world.db.begin().await.unwrap();
    attempts::insert(&mut tx, &other).await.unwrap();
    tx.commit().await.unwrap();
    assert!(payments::settle(&shop.app, &other.id, &approved_as("ch_held")).await.unwrap());
    let mut tx = shop.world.db.begin().await.unwrap();
    let by = ("kim@example.com", "held twice");
    let given = second_charge::give_back(&shop.app, &mut tx, &held.payment.id, &other.id, by, shop.world.now()).await;
    assert!(matches!(given, Err(GiveBackError::NotTaken)));
    drop(tx);
    assert_eq!(in_suspense(&shop).await, 1_000);
}

async fn what_comes_back_weeks_later_is_a_persons(world: World) {
    let shop = Shop::open(world).await;
    let opened = taken_twice(&shop).await;
    shop.run_jobs().await;
    let refund = refunds_of(&shop, &opened).await.remove(0);
    shop.psp.returned.lock().unwrap().push(refund.id.to_string());
    assert_eq!(refunds::look_for_returned(&shop.app, &opened.payment.id).await.unwrap(), 1);
    shop.run_jobs().await;
    assert_eq!((in_suspense(&shop).await, queue::dead(&shop.world.db, 10).await.unwrap().len()), (1_000, 1));
    shop.assert_paid_once(&opened).await;
    give_back(&shop, &opened).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(in_suspense(&shop).await, 0);
    shop.assert_paid_once(&opened).await;
}

/// Another card of a paid payment, declined as far as anybody knew, which the PSP knows as `charge`.
async fn charged_again(gateway: &Gateway, id: &str, charge: &str) -> Attempt {
    let payment: PaymentId = id.parse().unwrap();
    let paid = attempts::latest(&gateway.app.db, &payment).await.unwrap().unwrap();
    let id = AttemptId::new();
    let other = Attempt { psp_key: id.to_string(), id, state: AttemptState::Sent, ..paid };
    let mut tx = gateway.app.db.begin().await.unwrap();
    attempts::insert(&mut tx, &other).await.unwrap();
    tx.commit().await.unwrap();
    assert!(payments::settle(&gateway.app, &other.id, &declined()).await.unwrap());
    assert!(payments::settle(&gateway.app, &other.id, &approved_as(charge)).await.unwrap());
    gateway.app.wake.notify_one();
    other
}

/// An order that was not found comes late, and the stand-in charges again: gives the attempt, and its name there.
async fn late_order(gateway: &Gateway, id: &str) -> (Attempt, String) {
    let charge_again = FaultKind::ChargeAgain;
    let order = FaultOrder {
        kind: charge_again,
        operation: None,
        count: None,
        skip: 0,
        percent: None,
        seed: 0,
        delay_ms: None,
    };
    gateway.simulator.faults().add(order);
    let payment: PaymentId = id.parse().unwrap();
    let paid = attempts::latest(&gateway.app.db, &payment).await.unwrap().unwrap();
    let id = AttemptId::new();
    let late = Attempt { psp_key: id.to_string(), id, state: AttemptState::Sent, ..paid };
    let mut tx = gateway.app.db.begin().await.unwrap();
    attempts::insert(&mut tx, &late).await.unwrap();
    tx.commit().await.unwrap();
    assert!(payments::settle(&gateway.app, &late.id, &declined()).await.unwrap());
    let payment = payments::store::find(&gateway.app.db, &payment).await.unwrap().unwrap();
    let psp = gateway.app.psps.get("simulator").unwrap();
    let order = ConfirmRequest {
        psp_payment: payment.registered.unwrap().psp_payment,
        method: Secret::new("tok_sim_approve".to_owned()),
        amount: payment.amount,
        key: late.psp_key.clone(),
        save: false,
        off_session: false,
    };
    let charged = psp.confirm(&order).await.unwrap();
    let Outcome::Approved(approval) = charged else { panic!("{charged:?}") };
    (late, approval.reference)
}

async fn the_stand_in_gives_back_the_charge_that_is_named(world: World) {
    let gateway = world.gateway().await;
    let id = gateway.paid_payment().await;
    let (late, charge) = late_order(&gateway, &id).await;
    let refund = eventually("the second charge is back", async || {
        let all = gateway.get(&format!("/v1/refunds?payment={id}")).await.ok();
        let refund = all["data"].as_array().unwrap().first().cloned()?;
        (refund["status"] == "succeeded").then_some(refund)
    })
    .await;
    assert_eq!((&refund["attempt"], &refund["amount"]), (&json!(late.id), &json!("15000")));
    let payment = gateway.get(&format!("/v1/payments/{id}")).await.ok();
    assert_eq!((&payment["refunded"], &payment["captured"]), (&json!("0"), &json!("15000")));
    assert!(payment["attempts"].as_array().unwrap().iter().any(|it| it["second_charge"] == json!(charge)));

    // All of the sale can be given back still, and no more of it.
    let own = gateway.post("/v1/refunds", json!({ "payment": id })).await.ok();
    gateway.until(&format!("/v1/refunds/{}", own["id"].as_str().unwrap()), |it| it["status"] == "succeeded").await;
    assert_eq!(gateway.post("/v1/refunds", json!({ "payment": id })).await.status, 409);
    let report = gateway.get("/v1/integrity").await.ok();
    let broken = report["checks"].as_array().unwrap().iter().filter(|check| check["state"] == "broken");
    assert_eq!(broken.count(), 0, "{report}");
    gateway.stop().await;
}

async fn an_operator_gives_it_back_once_per_form(world: World) {
    let gateway = world.gateway().await;
    gateway.post("/v1/policies", json!({ "second_charge": "review" })).await.ok();
    let kim = Visitor::operator(&gateway).await;
    let id = gateway.paid_payment().await;
    let path = format!("/console/payments/{id}");
    let (late, charge) = late_order(&gateway, &id).await;
    let page = eventually("a person is told", async || {
        let page = kim.page(&path).await;
        page.contains("Waits for a person").then_some(page)
    })
    .await;
    let action = format!("{path}/second-charges/{}", late.id);
    assert!(page.contains(&charge) && page.contains(&format!("action=\"{action}\"")), "{page}");
    let (csrf, once) = (kim.csrf().await, hidden(&page, "once"));
    let with = |reason: &'static str| [("csrf", csrf.clone()), ("once", once.clone()), ("reason", reason.to_owned())];
    let send = async |reason: &'static str| {
        let fields = with(reason);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        header(&kim.post(&action, &fields).await, LOCATION)
    };
    assert_eq!(send("  ").await, format!("{path}?refund=reason"));
    let there = send("the shopper wrote <b>").await;
    assert!(["succeeded", "pending"].map(|how| format!("{path}?refund={how}")).contains(&there), "{there}");
    assert_eq!(send("the shopper wrote <b>").await, format!("{path}?refund=again"), "a second click");
    let page = eventually("it is back", async || {
        let page = kim.page(&path).await;
        (page.contains("Given back") && !page.contains(&action)).then_some(page)
    })
    .await;
    assert!(page.contains("the shopper wrote") && !page.contains("wrote <b>"), "{page}");
    assert!(queue::dead(&gateway.app.db, 10).await.unwrap().is_empty(), "the letter is resolved with it");
    let second = [("csrf", csrf.as_str()), ("once", "another"), ("reason", "once more")];
    assert_eq!(header(&kim.post(&action, &second).await, LOCATION), format!("{path}?refund=already"));
    let log = kim.page("/console/audit").await;
    let entry = log.split("<tr>").find(|row| row.contains("payment.second_charge_refund")).unwrap();
    assert!(entry.contains(EMAIL) && entry.contains(&id) && entry.contains(late.id.as_str()), "{entry}");
    gateway.stop().await;
}

pub async fn of_payment(shop: &Shop, opened: &Opened) -> [Attempt; 2] {
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
    let shop = reviewed(world).await;
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
    let shop = reviewed(world).await;
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
    assert_eq!(
        attempts::oldest_open(&shop.world.db).await.unwrap(),
        None,
        "nothing is unknown, and no alarm grows old"
    );
    shop.assert_paid_once(&opened).await;
}

async fn an_approval_heard_first_hand_beside_another_one_reaches_a_person(world: World) {
    let shop = reviewed(world).await;
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
    let shop = reviewed(world).await;
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

    let paid = attempts::latest(&gateway.app.db, &id.parse().unwrap()).await.unwrap().unwrap();
    let charge = paid.psp_reference.unwrap();
    // The stand-in has no such charge, and refuses to give it back.
    let other = charged_again(&gateway, &id, "ch_<b>").await;

    let page = eventually("a person is told", async || {
        let page = kim.page(&path).await;
        page.contains("Waits for a person").then_some(page)
    })
    .await;
    assert!(page.contains("Charged twice") && page.contains(other.id.as_str()), "{page}");
    assert!(page.contains(&charge), "which one the sale stands on");
    assert!(page.contains("not given back: no_such_charge"), "{page}");
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
