//! Refunds: never more than was captured, never twice at the PSP, and the books say so at every moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::json;
use tollgate::payments::refunds::{self, NewRefund, Refund, RefundError, RefundStatus};
use tollgate::payments::{self, Opened, PaymentError};
use tollgate::psp::{Doubt, Finding, NotDone, RefundOutcome, RefundRequest};
use tollgate::words::{Money, random_bytes};
use tollgate::{merchants, wallets};

use crate::support::scripted_psp::approved;
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

async fn ask(shop: &Shop, opened: &Opened, amount: Option<&str>) -> Result<Refund, RefundError> {
    let new = NewRefund {
        payment: opened.payment.id.clone(),
        amount: amount.map(str::to_owned),
        reason: None,
        metadata: json!({}),
    };
    let mut tx = shop.world.db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &shop.tenant, new, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(refund)
}

async fn status(shop: &Shop, refund: &Refund) -> RefundStatus {
    refunds::find(&shop.world.db, &refund.id).await.unwrap().unwrap().status
}

/// Minor units that are pending and reserved for the merchant itself.
async fn wallet(shop: &Shop) -> (i64, i64) {
    let own = merchants::sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap();
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, &own.id).await.unwrap();
    (wallet[0].pending, wallet[0].reserved)
}

async fn the_money_is_held_before_the_psp_is_asked_and_gone_after(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, Some("4.00")).await.unwrap();
    assert_eq!(wallet(&shop).await, (600, 400));
    assert!(shop.psp.refunds.lock().unwrap().is_empty());
    shop.assert_sound().await;
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Succeeded);
    assert_eq!(wallet(&shop).await, (600, 0));
    assert_eq!(shop.count("select count(*) as n from events where kind = 'refund.succeeded'").await, 1);
    shop.assert_sound().await;

    let rest = ask(&shop, &opened, None).await.unwrap();
    assert_eq!(rest.amount.to_string(), "6.00");
    shop.run_jobs().await;
    assert_eq!(wallet(&shop).await, (0, 0));
    assert!(matches!(ask(&shop, &opened, None).await, Err(RefundError::TooMuch(left)) if left.is_zero()));
    shop.assert_sound().await;
}

async fn two_refunds_that_together_are_too_much_do_not_both_succeed(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let (one, other) =
        futures_util::future::join(ask(&shop, &opened, Some("6.00")), ask(&shop, &opened, Some("6.00"))).await;
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    shop.assert_sound().await;
}

/// Whether 10.00 stand in the wallet, pending or held, and the transfers say the same of both, in one look.
const HELD: &str = "select count(*) as n from wallets w, (
    select cast(sum(case when credit_account like '%:pending' then amount when debit_account like '%:pending' then -amount
            else 0 end) as bigint) as pending,
        cast(sum(case when credit_account like '%:reserved' then amount when debit_account like '%:reserved' then -amount
            else 0 end) as bigint) as reserved from transfers) t
    where w.pending + w.reserved = 1000 and w.pending = t.pending and w.reserved = t.reserved";

async fn of_two_hundred_refunds_at_once_no_more_pass_than_fit(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let cents = || 1 + i64::from(u16::from_ne_bytes(random_bytes()) % 60);
    let amounts: Vec<String> = (0..200).map(|_| format!("0.{:02}", cents())).collect();
    let asking = futures_util::future::join_all(amounts.iter().map(|amount| ask(&shop, &opened, Some(amount))));
    let done = AtomicBool::new(false);
    let watching = async {
        // The books are asked again and again while the refunds come in: they balance after every commit.
        while !done.load(Ordering::Relaxed) {
            assert_eq!(shop.count(HELD).await, 1, "held or pending, all of it is somewhere");
        }
    };
    let asking = async {
        let asked = asking.await;
        done.store(true, Ordering::Relaxed);
        asked
    };
    let (asked, ()) = futures_util::future::join(asking, watching).await;
    let refused = amounts.iter().zip(&asked).filter(|(_, refund)| refund.is_err()).map(|(amount, _)| amount);
    let smallest_refused = refused.min().map_or(0, |amount| amount[2..].parse::<i64>().unwrap());
    let mut held = 0;
    for refund in &asked {
        match refund {
            Ok(refund) => held += refund.amount.minor(),
            Err(RefundError::TooMuch(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(held <= 1000 && held + smallest_refused > 1000, "one that would still have fitted was refused: {held}");
    assert_eq!(wallet(&shop).await, (1000 - held, held));
    shop.assert_sound().await;
    shop.run_jobs().await;
    let given: i64 = shop.psp.refunds.lock().unwrap().iter().map(|(_, minor)| minor).sum();
    assert_eq!(given, held);
    assert_eq!(wallet(&shop).await, (1000 - held, 0));
    shop.assert_sound().await;
}

async fn a_lost_answer_is_asked_for_and_gives_nothing_back_twice(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, None).await.unwrap();
    let lost = Ok(RefundOutcome::Unknown(Doubt::of("reset")));
    shop.psp.refund_answers.lock().unwrap().push_back(lost);
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Pending);
    assert_eq!(wallet(&shop).await, (0, 1000), "unknown money stays held");
    shop.world.clock.advance(Duration::from_secs(10));
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Succeeded);
    assert_eq!(shop.psp.refunds.lock().unwrap().len(), 1);
    shop.assert_sound().await;
}

async fn a_refund_that_fails_puts_the_money_back(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, Some("2.50")).await.unwrap();
    let failed = Ok(RefundOutcome::Failed { psp_code: "not_allowed".to_owned() });
    shop.psp.refund_answers.lock().unwrap().push_back(failed);
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Failed);
    assert_eq!(wallet(&shop).await, (1000, 0));
    assert_eq!(shop.count("select count(*) as n from events where kind = 'refund.failed'").await, 1);
    assert!(ask(&shop, &opened, Some("10.00")).await.is_ok(), "all of it may be asked for again");
    shop.assert_sound().await;
}

/// The next order is lost on its way: it may arrive later, or never.
async fn lost_on_its_way(shop: &Shop) -> (String, i64) {
    let lost = Ok(RefundOutcome::Unknown(Doubt::of("reset")));
    shop.psp.refund_answers.lock().unwrap().push_back(lost);
    shop.run_jobs().await;
    shop.psp.refunds.lock().unwrap().pop().unwrap()
}

async fn a_refusal_of_a_repeat_is_not_believed_too_soon(world: World) {
    let shop = Shop::open(world).await;
    let refused = NotDone::Refused { code: "in_use".to_owned(), reason: String::new() };
    for no in [Err(refused.clone()), Ok(RefundOutcome::Failed { psp_code: "in_use".to_owned() })] {
        let opened = shop.paid().await;
        let refund = ask(&shop, &opened, None).await.unwrap();
        let order = lost_on_its_way(&shop).await;
        shop.psp.refund_answers.lock().unwrap().push_back(no);
        shop.world.clock.advance(Duration::from_secs(10));
        shop.run_jobs().await;
        assert_eq!(status(&shop, &refund).await, RefundStatus::Pending);
        shop.psp.refunds.lock().unwrap().push(order);
        shop.world.clock.advance(Duration::from_mins(1));
        shop.run_jobs().await;
        assert_eq!(status(&shop, &refund).await, RefundStatus::Succeeded, "the first one has arrived");
        shop.assert_sound().await;
    }
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, None).await.unwrap();
    lost_on_its_way(&shop).await;
    shop.psp.refund_answers.lock().unwrap().push_back(Err(refused));
    shop.world.clock.advance(Duration::from_mins(2));
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Failed, "none can arrive any more");
    shop.assert_sound().await;
}

async fn what_is_given_back_although_it_failed_here_is_a_persons(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, None).await.unwrap();
    let order = lost_on_its_way(&shop).await;
    let refused = NotDone::Refused { code: "not_today".to_owned(), reason: String::new() };
    shop.psp.refund_answers.lock().unwrap().push_back(Err(refused));
    shop.world.clock.advance(Duration::from_mins(2));
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Failed);
    let hear = async |event: &str| {
        let body = format!("{event} psp_{}", opened.payment.id);
        let signed = HeaderMap::from_iter([("signature".parse().unwrap(), "yes".parse().unwrap())]);
        payments::receive(&shop.app, "scripted", &signed, body.as_bytes()).await.unwrap();
        shop.run_jobs().await;
    };
    hear("refund_1").await;
    shop.run_jobs().await;
    shop.psp.refunds.lock().unwrap().push(order);
    hear("refund_2").await;
    let waiting = "select count(*) as n from jobs where kind = 'payments.refund' and status = 'waiting'";
    assert_eq!(shop.count(waiting).await, 1);
    for _ in 0..2 {
        let error = refunds::carry_out(&shop.app, &refund.id).await.unwrap_err();
        assert!(matches!(error, PaymentError::RefundContradiction { .. }), "{error}");
    }
    assert_eq!(wallet(&shop).await, (1000, 0), "nothing was guessed");
    shop.assert_sound().await;
}

async fn what_was_done_and_came_back_before_it_was_heard_of_was_done_and_came_back(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, None).await.unwrap();
    let (key, minor) = lost_on_its_way(&shop).await;
    shop.psp.refunds.lock().unwrap().push((key.clone(), minor));
    shop.psp.returned.lock().unwrap().push(key);
    shop.world.clock.advance(Duration::from_secs(10));
    shop.run_jobs().await;
    let known = refunds::find(&shop.world.db, &refund.id).await.unwrap().unwrap();
    assert_eq!((known.status, known.succeeded_at.is_some()), (RefundStatus::Failed, true));
    assert_eq!((shop.told("refund.succeeded").await, shop.told("refund.failed").await), (1, 1));
    assert_eq!(wallet(&shop).await, (1000, 0));
    shop.assert_sound().await;
}

async fn a_psp_that_asks_to_wait_is_given_its_time(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, None).await.unwrap();
    let busy = Err(NotDone::Unreachable { reason: "429".to_owned(), after: Some(Duration::from_mins(2)) });
    shop.psp.refund_answers.lock().unwrap().push_back(busy);
    shop.run_jobs().await;
    shop.world.clock.advance(Duration::from_secs(119));
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Pending);
    shop.world.clock.advance(Duration::from_secs(2));
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Succeeded);
}

async fn what_is_not_paid_cannot_be_refunded(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    assert!(matches!(ask(&shop, &opened, None).await, Err(RefundError::NotPaid("requires_payment"))));
}

async fn sellers_and_platform_give_back_their_shares(world: World) {
    let shop = Shop::open(world).await;
    let second = shop.second_seller().await;
    let opened = shop.unregistered(Some(&second), Some("1.00")).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    shop.pay(&opened).await;
    let refund = ask(&shop, &opened, Some("5.01")).await.unwrap();
    let parts: Vec<(i64, i64)> = refund.parts.iter().map(|part| (part.amount.minor(), part.fee.minor())).collect();
    assert_eq!(parts, [(251, 12), (250, 12)], "largest remainder first; the fee's share rounded down until the end");
    shop.run_jobs().await;
    ask(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    for seller in [&second, &opened.orders[0].seller] {
        let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, seller).await.unwrap();
        assert_eq!((wallet[0].pending, wallet[0].reserved), (0, 0));
    }
    let fees = "select cast(coalesce(sum(case when credit_account = 'fees:platform' then amount else -amount end), 0) as bigint)
                as n from transfers where credit_account = 'fees:platform' or debit_account = 'fees:platform'";
    assert_eq!(shop.count(fees).await, 0, "the fee is given back with the last unit");
    shop.assert_sound().await;
}

async fn a_seller_whose_only_sale_was_all_fee_bears_a_refund_whose_fee_is_kept(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.unregistered(None, Some("10.00")).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    shop.pay(&opened).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    let keep = [("refund_fee", json!("keep"))];
    merchants::policies::change(&mut tx, &shop.tenant, &keep, "test", shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let refund = ask(&shop, &opened, Some("4.00")).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(status(&shop, &refund).await, RefundStatus::Succeeded);
    let own = merchants::sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap();
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, &own.id).await.unwrap();
    assert_eq!((wallet[0].available, wallet[0].reserved), (-400, 0));
    shop.assert_sound().await;
}

async fn by_api_a_repeated_key_refunds_once_and_bad_input_nothing(world: World) {
    let gateway = world.gateway().await;
    let payment = gateway.paid_payment().await;
    let body = json!({ "payment": payment, "amount": "100", "reason": "broken" });
    let refund = gateway.post_once("/v1/refunds", "refund-1", &body).await.ok();
    assert_eq!((refund["object"].as_str(), refund["status"].as_str()), (Some("refund"), Some("succeeded")));
    let again = gateway.post_once("/v1/refunds", "refund-1", &body).await;
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(again.json, refund);
    for (body, code, param) in [
        (json!({ "payment": payment, "amount": "0" }), "parameter_invalid", "amount"),
        (json!({ "payment": payment, "amount": "1.5" }), "parameter_invalid", "amount"),
        (json!({ "payment": "pay_x" }), "parameter_invalid", "payment"),
        (json!({ "payment": payment, "amount": "99999999" }), "refund_too_large", "amount"),
        (json!({ "payment": payment, "why": "x" }), "parameter_unknown", "why"),
        (json!({ "payment": payment, "orders": [] }), "parameter_invalid", "orders"),
        (json!({ "payment": payment, "orders": null }), "parameter_wrong_type", "orders"),
    ] {
        let answer = gateway.post("/v1/refunds", body.clone()).await;
        let problem = answer.any_problem();
        assert_eq!((problem["code"].as_str(), problem["param"].as_str()), (Some(code), Some(param)), "{body}");
    }
    let path = format!("/v1/refunds/{}", refund["id"].as_str().unwrap());
    assert_eq!(gateway.get(&path).await.ok(), refund);
    assert_eq!(gateway.get(&format!("/v1/refunds?payment={payment}")).await.ok()["data"].as_array().unwrap().len(), 1);
    assert_eq!(gateway.get(&format!("/v1/payments/{payment}")).await.ok()["refunded"], "100");
}

async fn the_last_of_many_refunds_is_found_at_the_stand_in(world: World) {
    let gateway = world.gateway().await;
    let id = gateway.paid_payment().await;
    let payment = payments::store::find(&gateway.app.db, &id.parse().unwrap()).await.unwrap().unwrap();
    let (psp, psp_payment) = (gateway.app.psps.get("simulator").unwrap(), payment.registered.unwrap().psp_payment);
    let amount = Money::of(1, payment.amount.currency()).unwrap();
    for n in 0..300 {
        let key = format!("many-{n}");
        let request = RefundRequest { psp_payment: psp_payment.clone(), charge: None, amount, key };
        assert!(matches!(psp.refund(&request).await, Ok(RefundOutcome::Done { .. })));
    }
    let found = async |psp_payment: &str, key: &str| psp.look_up_refund(psp_payment, key).await;
    assert!(matches!(found(&psp_payment, "many-299").await, Ok(Finding::Found(RefundOutcome::Done { .. }))));
    assert_eq!(found(&psp_payment, "many-300").await, Ok(Finding::NotFound));
    assert_eq!(found("another", "many-299").await, Ok(Finding::NotFound));
    gateway.stop().await;
}

/// As a bank does that returns a refund weeks later: the stand-in is told to, and tells the gateway by webhook.
async fn a_refund_that_the_bank_returns_is_heard_of_by_webhook(world: World) {
    let gateway = world.gateway().await;
    let payment = gateway.paid_payment().await;
    let refund = gateway.post("/v1/refunds", json!({ "payment": payment, "amount": "100" })).await.ok();
    let id = refund["id"].as_str().unwrap();
    let until = async |wanted: &str| {
        for _ in 0..200 {
            let shown = gateway.get(&format!("/v1/refunds/{id}")).await.ok();
            if shown["status"] == wanted {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the refund was never {wanted}");
    };
    until("succeeded").await;
    let told = async |key: &str| {
        let url = format!("{}/admin/refunds/{id}/return", gateway.simulator.base_url());
        gateway.http.post(url).bearer_auth(key).send().await.unwrap().status().as_u16()
    };
    assert_eq!(told("nobody").await, 401);
    assert_eq!(told(&gateway.simulator_admin_key).await, 200);
    assert_eq!(told(&gateway.simulator_admin_key).await, 409, "it comes back once");
    let failed = until("failed").await;
    assert_eq!((&failed["failure_code"], failed["succeeded_at"].is_string()), (&json!("account_closed"), true));
    assert_eq!(gateway.get(&format!("/v1/payments/{payment}")).await.ok()["refunded"], "0");
    let report = tollgate::integrity::check(&gateway.app.db, tollgate::integrity::Scope::Everything).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
    // All of it may be refunded again.
    let whole = gateway.post("/v1/refunds", json!({ "payment": payment })).await;
    assert!((200..300).contains(&whole.status), "{}", whole.text);
}

both_databases!(
    the_last_of_many_refunds_is_found_at_the_stand_in,
    a_refund_that_the_bank_returns_is_heard_of_by_webhook,
    the_money_is_held_before_the_psp_is_asked_and_gone_after,
    two_refunds_that_together_are_too_much_do_not_both_succeed,
    of_two_hundred_refunds_at_once_no_more_pass_than_fit,
    a_lost_answer_is_asked_for_and_gives_nothing_back_twice,
    a_refusal_of_a_repeat_is_not_believed_too_soon,
    what_is_given_back_although_it_failed_here_is_a_persons,
    what_was_done_and_came_back_before_it_was_heard_of_was_done_and_came_back,
    a_refund_that_fails_puts_the_money_back,
    a_psp_that_asks_to_wait_is_given_its_time,
    what_is_not_paid_cannot_be_refunded,
    a_seller_whose_only_sale_was_all_fee_bears_a_refund_whose_fee_is_kept,
    sellers_and_platform_give_back_their_shares,
    by_api_a_repeated_key_refunds_once_and_bad_input_nothing,
);
