//! Calls that ask a PSP under one key: done once and answered alike, however many ask, hang up or die in between.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate::idempotency::{self, Begun, Fingerprint, Key, Taken};
use tollgate::payments::refunds::{self, NewRefund};
use tollgate::payments::{Opened, disputes, jobs};
use tollgate::psp::{Doubt, RefundOutcome};
use tollgate::queue;

use crate::payouts::{earned, verified_seller};
use crate::support::door::Door;
use crate::support::scripted_psp::Dies;
use crate::support::shop::Shop;
use crate::support::{Answer, World, both_databases, eventually};

both_databases!(
    a_refund_is_answered_with_what_became_of_it,
    what_is_refused_leaves_its_key_unused,
    two_hundred_refunds_with_one_key_are_one,
    two_hundred_captures_with_one_key_are_one,
    two_hundred_sessions_with_one_key_are_one,
    whoever_repeats_a_call_that_died_finishes_it,
    a_key_whose_process_is_gone_is_taken_over_after_its_lease,
    a_key_taken_by_a_clock_that_ran_ahead_is_waited_for_no_longer,
    what_a_worker_has_finished_is_answered_at_once,
    a_caller_who_hangs_up_stops_nothing,
    keys_live_as_long_as_their_payment,
    a_key_that_moves_money_is_not_forgotten,
);

const REFUNDS: &str = "/v1/refunds";

/// A paid checkout of 10.00 behind a door, and the body that asks for 4.00 of it.
struct Till {
    shop: Shop,
    door: Door,
    key: String,
    opened: Opened,
    body: Value,
}

impl Till {
    async fn open(world: World) -> Self {
        let shop = Shop::open(world).await;
        let opened = Box::pin(shop.paid()).await;
        let (door, key) = Door::of_shop(&shop).await;
        let body = json!({ "payment": opened.payment.id, "amount": "4.00" });
        Self { shop, door, key, opened, body }
    }

    async fn refund(&self, key: &str) -> Answer {
        self.door.post_once(REFUNDS, &self.key, key, &self.body).await
    }

    /// The PSP gave back 4.00 once, and the books say so.
    async fn assert_refunded_once(&self) {
        assert_eq!(self.shop.psp.refunds.lock().unwrap().iter().map(|(_, minor)| *minor).collect::<Vec<_>>(), [400]);
        assert_eq!(self.shop.count("select count(*) as n from refunds").await, 1);
        assert_eq!(self.shop.count("select count(*) as n from events where kind = 'refund.succeeded'").await, 1);
        assert_eq!(self.shop.count("select refunded as n from payments").await, 400);
        self.shop.assert_sound().await;
    }
}

fn is_fresh(answer: &Answer) -> bool {
    (200..300).contains(&answer.status) && answer.header("idempotent-replayed").is_empty()
}

async fn a_refund_is_answered_with_what_became_of_it(world: World) {
    let till = Till::open(world).await;
    let done = till.refund("done").await;
    assert!(is_fresh(&done), "{}", done.text);
    assert_eq!(done.json["status"], "succeeded");
    assert_eq!(till.shop.count("select count(*) as n from jobs").await, 0, "nothing is left to a worker");
    let again = till.refund("done").await;
    assert_eq!((again.status, &again.text, again.header("idempotent-replayed")), (201, &done.text, "true"));
    till.assert_refunded_once().await;

    let failed = Ok(RefundOutcome::Failed { psp_code: "no".to_owned() });
    till.shop.psp.refund_answers.lock().unwrap().push_back(failed);
    let failed = till.refund("failed").await;
    assert_eq!((failed.status, &failed.json["status"]), (201, &json!("failed")), "{}", failed.text);
    assert_eq!(till.refund("failed").await.text, failed.text);

    let lost = Ok(RefundOutcome::Unknown(Doubt::of("reset")));
    till.shop.psp.refund_answers.lock().unwrap().push_back(lost);
    let pending = till.refund("pending").await;
    assert_eq!((pending.status, &pending.json["status"]), (201, &json!("pending")), "{}", pending.text);
    till.shop.world.clock.advance(Duration::from_mins(5));
    till.shop.run_jobs().await;
    let id = pending.json["id"].as_str().unwrap();
    assert_eq!(till.door.get(&format!("{REFUNDS}/{id}"), &till.key).await.json["status"], "succeeded");
    assert_eq!(till.refund("pending").await.text, pending.text, "an answer is an answer, whatever came later");
    till.shop.assert_sound().await;
}

async fn what_is_refused_leaves_its_key_unused(world: World) {
    let till = Till::open(world).await;
    let too_much = json!({ "payment": till.opened.payment.id, "amount": "10.01" });
    till.door.post_once(REFUNDS, &till.key, "k", &too_much).await.problem(409, "refund_too_large");
    assert_eq!(till.shop.count("select count(*) as n from idempotency_keys").await, 0);
    assert!(is_fresh(&till.refund("k").await));
    till.door.post_once(REFUNDS, &till.key, "k", &too_much).await.problem(422, "idempotency_key_reused");
    let bare = till.door.request(Method::POST, REFUNDS, &till.key).json(&till.body).send().await.unwrap();
    Answer::read(bare).await.problem(400, "idempotency_key_missing");
    till.assert_refunded_once().await;
}

/// Of these answers to one key one is fresh, and the others wait or repeat it.
fn assert_one_deed(answers: &[Answer]) {
    let fresh: Vec<&Answer> = answers.iter().filter(|answer| is_fresh(answer)).collect();
    assert_eq!(fresh.len(), 1);
    for answer in answers {
        if answer.status == fresh[0].status {
            assert_eq!(answer.text, fresh[0].text);
        } else {
            answer.problem(409, "idempotency_key_in_flight");
            assert_eq!(answer.header("retry-after"), "1");
        }
    }
}

async fn two_hundred_refunds_with_one_key_are_one(world: World) {
    let till = Till::open(world).await;
    *till.shop.psp.refund_takes.lock().unwrap() = Duration::from_millis(300);
    let answers = join_all((0..200).map(|_| till.refund("k"))).await;
    assert_one_deed(&answers);
    assert!(answers.iter().any(|answer| answer.status == 409), "nobody waits for the PSP with the first");
    assert_eq!(till.refund("k").await.header("idempotent-replayed"), "true");
    till.assert_refunded_once().await;
}

async fn two_hundred_captures_with_one_key_are_one(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    let (door, key) = Door::of_shop(&shop).await;
    *shop.psp.end_takes.lock().unwrap() = Duration::from_millis(300);
    let path = format!("/v1/payments/{}/capture", opened.payment.id);
    let body = json!({ "amount": "4.00" });
    let capture = || door.post_once(&path, &key, "k", &body);
    let answers = join_all((0..200).map(|_| capture())).await;
    assert_one_deed(&answers);
    assert!(answers.iter().any(|answer| answer.status == 409), "nobody waits for the PSP with the first");
    assert_eq!(capture().await.header("idempotent-replayed"), "true");
    assert_eq!(shop.psp.ordered.lock().unwrap().len(), 1, "the PSP is asked once");
    assert_eq!(shop.count("select count(*) as n from captures").await, 1);
    assert_eq!(shop.count("select count(*) as n from jobs").await, 0, "nothing is left to a worker");
    assert_eq!(shop.count("select captured as n from payments").await, 400);
    assert_eq!(shop.told("payment.succeeded").await, 1);
    shop.assert_sound().await;
}

async fn two_hundred_sessions_with_one_key_are_one(world: World) {
    let till = Till::open(world).await;
    let body = json!({
        "line_items": [{ "name": "Tea", "unit_amount": "12.50", "quantity": 2 }],
        "currency": "USD", "success_url": "https://shop.example/paid",
    });
    let calls = (0..200).map(|_| till.door.post_once("/v1/checkout/sessions", &till.key, "k", &body));
    assert_one_deed(&join_all(calls).await);
    assert_eq!(till.shop.count("select count(*) as n from checkout_sessions").await, 2, "this one and the paid one");
}

async fn whoever_repeats_a_call_that_died_finishes_it(world: World) {
    for dies in [Dies::Before, Dies::After] {
        let till = Till::open(world.clone()).await;
        till.shop.psp.refunds_die.lock().unwrap().push_back(dies);
        let died = till.refund(&format!("k-{}", till.shop.tenant.merchant)).await;
        assert_eq!(died.status, 500, "{}", died.text);
        let refunds = || till.shop.psp.refunds.lock().unwrap().len();
        assert_eq!(refunds(), usize::from(dies == Dies::After));
        let second = till.refund(&format!("k-{}", till.shop.tenant.merchant)).await;
        assert_eq!((second.status, &second.json["status"]), (201, &json!("succeeded")), "{}", second.text);
        assert_eq!(refunds(), 1, "the first one's order, under its key");
        let third = till.refund(&format!("k-{}", till.shop.tenant.merchant)).await;
        assert_eq!((&third.text, third.header("idempotent-replayed")), (&second.text, "true"));
        // Its job was left to a worker, who finds it done.
        till.shop.run_jobs().await;
        assert_eq!(refunds(), 1);
        till.shop.assert_sound().await;
    }
}

/// What a process leaves that dies right after its first transaction: the key, the refund and its job.
async fn leave_behind(till: &Till, key: &str, lease: Duration) -> String {
    let (world, tenant) = (&till.shop.world, &till.shop.tenant);
    let key = Key::from_header(key.as_bytes()).unwrap();
    let fingerprint = Fingerprint::of("POST", REFUNDS, &till.body);
    let new = NewRefund {
        payment: till.opened.payment.id.clone(),
        amount: Some("4.00".to_owned()),
        reason: None,
        metadata: json!({}),
    };
    let mut tx = world.db.begin().await.unwrap();
    let begun = idempotency::begin(&mut tx, tenant, &key, &fingerprint, world.now()).await.unwrap();
    assert_eq!(begun, Begun::Fresh);
    let refund = refunds::ask(&mut tx, tenant, new, world.now()).await.unwrap();
    let taken = Taken { object: refund.id.to_string(), until: world.now().plus(lease) };
    idempotency::take_on(&mut tx, tenant, &key, &taken, Some(&refund.payment)).await.unwrap();
    queue::claim_one(&mut tx, jobs::REFUND, refund.id.as_str(), world.now(), lease).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    refund.id.to_string()
}

async fn a_key_whose_process_is_gone_is_taken_over_after_its_lease(world: World) {
    let till = Till::open(world).await;
    let id = leave_behind(&till, "k", Duration::from_secs(90)).await;
    till.shop.world.clock.advance(Duration::from_secs(89));
    let early = till.refund("k").await;
    early.problem(409, "idempotency_key_in_flight");
    assert_eq!(early.header("retry-after"), "1");
    till.shop.run_jobs().await;
    assert!(till.shop.psp.refunds.lock().unwrap().is_empty(), "its job is still its own");

    till.shop.world.clock.advance(Duration::from_secs(1));
    let answers = join_all((0..20).map(|_| till.refund("k"))).await;
    assert_one_deed(&answers);
    let finished = answers.iter().find(|answer| is_fresh(answer)).unwrap();
    assert_eq!((&finished.json["id"], &finished.json["status"]), (&json!(id), &json!("succeeded")));
    till.shop.run_jobs().await;
    till.assert_refunded_once().await;
}

async fn a_key_taken_by_a_clock_that_ran_ahead_is_waited_for_no_longer(world: World) {
    let till = Till::open(world).await;
    let id = leave_behind(&till, "k", Duration::from_hours(24 * 365)).await;
    // From the first call that sees it, its lease is one like any other: who took it may be at it still.
    for _ in 0..2 {
        till.refund("k").await.problem(409, "idempotency_key_in_flight");
    }
    till.shop.world.clock.advance(Duration::from_secs(90));
    let finished = till.refund("k").await;
    assert_eq!(
        (&finished.json["id"], &finished.json["status"]),
        (&json!(id), &json!("succeeded")),
        "{}",
        finished.text
    );
    queue::pull_back(&till.shop.world.db, "payments", till.shop.world.now(), Duration::ZERO).await.unwrap();
    till.shop.run_jobs().await;
    till.assert_refunded_once().await;
}

async fn what_a_worker_has_finished_is_answered_at_once(world: World) {
    let till = Till::open(world).await;
    let id = leave_behind(&till, "k", Duration::from_secs(90)).await;
    refunds::carry_out(&till.shop.app, &id.parse().unwrap()).await.unwrap();
    let answer = till.refund("k").await;
    assert!(is_fresh(&answer), "{}", answer.text);
    assert_eq!((&answer.json["id"], &answer.json["status"]), (&json!(id), &json!("succeeded")));
    assert_eq!(till.refund("k").await.text, answer.text);
    till.assert_refunded_once().await;
}

async fn a_caller_who_hangs_up_stops_nothing(world: World) {
    let till = Till::open(world).await;
    *till.shop.psp.refund_takes.lock().unwrap() = Duration::from_millis(700);
    let call = till.door.request(Method::POST, REFUNDS, &till.key).header("idempotency-key", "k").json(&till.body);
    let hung_up = call.timeout(Duration::from_millis(350)).send().await;
    assert!(hung_up.is_err_and(|error| error.is_timeout()));
    let answered = async || Some(till.refund("k").await).filter(|answer| answer.status == 201);
    let answer = eventually("the answer is there", answered).await;
    assert_eq!(answer.json["status"], "succeeded");
    assert_eq!(till.refund("k").await.text, answer.text);
    till.assert_refunded_once().await;
}

async fn keys_live_as_long_as_their_payment(world: World) {
    let till = Till::open(world).await;
    let session = json!({
        "line_items": [{ "name": "Tea", "unit_amount": "12.50", "quantity": 2 }],
        "currency": "USD", "success_url": "https://shop.example/paid",
    });
    let (refund, opened) =
        (till.refund("refund").await, till.door.post_once("/v1/checkout/sessions", &till.key, "cs", &session).await);
    assert!(is_fresh(&refund) && is_fresh(&opened));
    let seller = json!({ "name": "Tea house" });
    assert!(is_fresh(&till.door.post_once("/v1/sellers", &till.key, "seller", &seller).await));

    till.shop.world.clock.advance(Duration::from_hours(10 * 365 * 24));
    assert_eq!(idempotency::forget_old(&till.shop.world.db, till.shop.world.now()).await.unwrap(), 1);
    let again = till.refund("refund").await;
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&refund.text, "true"));
    let again = till.door.post_once("/v1/checkout/sessions", &till.key, "cs", &session).await;
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&opened.text, "true"));
    assert!(is_fresh(&till.door.post_once("/v1/sellers", &till.key, "seller", &seller).await), "forgotten");
    till.assert_refunded_once().await;
}

async fn a_key_that_moves_money_is_not_forgotten(world: World) {
    let till = Till::open(world).await;
    let shop = &till.shop;
    let seller = verified_seller(shop).await;
    shop.world.clock.advance(Duration::from_hours(48));
    earned(shop, &seller, "earned", 10_000, "USD").await;
    let psp_payment = format!("psp_{}", till.opened.payment.id);
    shop.psp.contest(&psp_payment, "dp_at_psp", 400, shop.world.now());
    shop.psp.contest(&psp_payment, "dp_too", 100, shop.world.now());
    disputes::look(&shop.app, &till.opened.payment.id).await.unwrap();
    let contested = disputes::of_payment(&shop.world.db, &till.opened.payment.id).await.unwrap();
    let transfer = json!({ "debit": "fees:platform", "credit": "suspense", "amount": "1.00", "currency": "USD" });
    let payout = json!({ "seller": seller, "amount": "40.00", "currency": "USD" });
    let calls = [
        ("/v1/payouts".to_owned(), payout),
        ("/v1/corrections".to_owned(), json!({ "reason": "a mistake", "transfers": [transfer] })),
        (format!("/v1/payment_orders/{}/fulfill", till.opened.orders[0].id), json!({})),
        (format!("/v1/disputes/{}/evidence", contested[0].id), json!({ "explanation": "it was sent" })),
        (format!("/v1/disputes/{}/accept", contested[1].id), json!({})),
    ];
    let mut answers = Vec::new();
    for (path, body) in &calls {
        let answer = till.door.post_once(path, &till.key, path, body).await;
        assert!(is_fresh(&answer), "{path}: {}", answer.text);
        answers.push(answer);
    }
    let payout = format!("/v1/payouts/{}/cancel", answers[0].json["id"].as_str().unwrap());
    let canceled = till.door.post_once(&payout, &till.key, "cancel", &json!({})).await;
    assert!(is_fresh(&canceled), "{}", canceled.text);

    shop.world.clock.advance(Duration::from_hours(10 * 365 * 24));
    assert_eq!(idempotency::forget_old(&shop.world.db, shop.world.now()).await.unwrap(), 0);
    for ((path, body), first) in calls.iter().zip(&answers) {
        let again = till.door.post_once(path, &till.key, path, body).await;
        assert_eq!((&again.text, again.header("idempotent-replayed")), (&first.text, "true"), "{path}");
    }
    let again = till.door.post_once(&payout, &till.key, "cancel", &json!({})).await;
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&canceled.text, "true"));
}
