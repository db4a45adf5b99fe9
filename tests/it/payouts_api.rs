//! Payouts by HTTP, with the stand-in as the bank: what a merchant sees, what is refused, and what the witness says.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::merchants::Scope;
use tollgate::merchants::keys::{self, Kind, NewKey};
use tollgate::simulator::faults::{FaultKind, FaultOrder, Operation};
use tollgate::wallets;
use tollgate::words::{Currency, Money, SellerId};

use crate::support::{Gateway, World, both_databases, eventually};

/// A verified seller with 100.00 USD available.
pub async fn seller(gateway: &Gateway, token: &str) -> String {
    let destination = json!({"token": token, "bank_name": "Hangang Bank", "last4": "6789"});
    let body = json!({"name": "Tea house", "payout_destination": destination});
    let seller = gateway.post("/v1/sellers", body).await.ok();
    assert_eq!(
        (seller["verification"].as_str(), &seller["payout_destination"]),
        (
            Some("unverified"),
            &json!({"bank_name": "Hangang Bank", "last4": "6789", "version": 1, "held_until": null,
            "failed_at": null, "failure_code": null})
        )
    );
    let id = seller["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sellers/{id}/verification");
    let verified = gateway.post(&path, json!({"state": "verified", "version": 1})).await.ok();
    assert_eq!(verified["verification"], "verified");
    earn(gateway, &id, 10_000).await;
    id
}

async fn earn(gateway: &Gateway, seller: &str, minor: i64) {
    let posting = Posting {
        kind: "correction",
        source_id: seller.to_owned(),
        tenant: gateway.tenant.clone(),
        payment: None,
        transfers: vec![Transfer {
            debit: Account::Psp("simulator".to_owned()),
            credit: Account::Available(SellerId::parse(seller).unwrap()),
            amount: Money::of(minor, Currency::parse("USD").unwrap()).unwrap(),
        }],
        now: gateway.app.now(),
    };
    let mut tx = gateway.app.db.begin().await.unwrap();
    wallets::post(&mut tx, &[posting]).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn ask(gateway: &Gateway, seller: &str, amount: &str) -> Value {
    gateway.post("/v1/payouts", json!({"seller": seller, "amount": amount, "currency": "USD"})).await.ok()
}

pub async fn becomes(gateway: &Gateway, payout: &Value, status: &str) -> Value {
    let path = format!("/v1/payouts/{}", payout["id"].as_str().unwrap());
    let look = || async { Some(gateway.get(&path).await.ok()).filter(|payout| payout["status"] == status) };
    eventually(&format!("{path} is {status}"), look).await
}

async fn balances(gateway: &Gateway, seller: &str) -> (String, String) {
    let wallet = gateway.get(&format!("/v1/wallets/{seller}")).await.ok();
    let text = |name: &str| wallet["balances"][0][name].as_str().unwrap().to_owned();
    (text("available"), text("paying_out"))
}

/// The stand-in's own record of payouts.
pub async fn record(gateway: &Gateway) -> Vec<Value> {
    let url = format!("{}/admin/record/payouts", gateway.simulator.base_url());
    let answer = gateway.http.get(url).bearer_auth(&gateway.simulator_admin_key).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["data"].as_array().unwrap().clone()
}

async fn advance(gateway: &Gateway, psp_payout: &str, body: Value) {
    let url = format!("{}/admin/payouts/{psp_payout}/advance", gateway.simulator.base_url());
    let request = gateway.http.post(url).bearer_auth(&gateway.simulator_admin_key).json(&body);
    assert_eq!(request.send().await.unwrap().status(), 200);
}

fn fault(kind: FaultKind, operation: Operation) -> FaultOrder {
    FaultOrder {
        kind,
        operation: Some(operation),
        count: Some(1),
        skip: 0,
        percent: None,
        seed: 0,
        delay_ms: Some(300),
    }
}

async fn a_payout_is_asked_for_once_paid_by_webhook_and_comes_back(world: World) {
    let gateway = world.gateway().await;
    let seller = seller(&gateway, "dest_sim_paid").await;
    let body = json!({"seller": seller, "amount": "40.00", "currency": "USD", "metadata": {"run": "7"}});
    let payout = gateway.post_once("/v1/payouts", "payout-1", &body).await.ok();
    assert_eq!((payout["object"].as_str(), payout["status"].as_str()), (Some("payout"), Some("pending")));
    let again = gateway.post_once("/v1/payouts", "payout-1", &body).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &payout));
    assert_eq!(balances(&gateway, &seller).await, ("60.00".to_owned(), "40.00".to_owned()));
    let paid = becomes(&gateway, &payout, "paid").await;
    assert_eq!(paid["destination"], json!({"bank_name": "Hangang Bank", "last4": "6789"}));
    assert!(!paid.to_string().contains("dest_sim"), "the token is never shown: {paid}");
    assert_eq!(balances(&gateway, &seller).await, ("60.00".to_owned(), "0.00".to_owned()));
    let [sent] = &record(&gateway).await[..] else { panic!("sent once") };
    assert_eq!((&sent["amount"], &sent["times_paid"], &sent["key"]), (&json!(4000), &json!(1), &payout["id"]));

    advance(&gateway, sent["id"].as_str().unwrap(), json!({"returned": true})).await;
    let returned = becomes(&gateway, &payout, "returned").await;
    assert_eq!(returned["failure_code"], "account_closed");
    let body = json!({"seller": seller, "amount": "40.00", "currency": "USD"});
    let shut = gateway.post_once("/v1/payouts", "payout-2", &body).await;
    assert_eq!(shut.problem(409, "payout_destination_failed")["param"], "seller");
    let shown = gateway.get(&format!("/v1/sellers/{seller}")).await.ok();
    assert_eq!(shown["payout_destination"]["failure_code"], "account_closed");
    let page = crate::console::Visitor::operator(&gateway).await.page(&format!("/console/sellers/{seller}")).await;
    assert!(page.contains("money did not arrive at the payout destination (account_closed"), "{page}");
    assert_eq!(balances(&gateway, &seller).await, ("100.00".to_owned(), "0.00".to_owned()));
    let events = gateway.get(&format!("/v1/events?object_id={}", payout["id"].as_str().unwrap())).await.ok();
    let kinds: Vec<&str> = events["data"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["payout.returned", "payout.paid", "payout.created"]);
    assert_eq!(gateway.get("/v1/integrity").await.ok()["state"], "holds");
    gateway.stop().await;
}

async fn the_bank_has_bad_days_and_sends_nothing_twice(world: World) {
    let gateway = world.gateway().await;
    let lost = seller(&gateway, "dest_sim_lost_answer").await;
    let rejected = seller(&gateway, "dest_sim_rejected").await;
    let later = seller(&gateway, "dest_sim_fails_later").await;
    let fine = seller(&gateway, "dest_sim_paid").await;
    for (kind, operation) in [
        (FaultKind::Error500After, Operation::Payout),
        (FaultKind::Error500, Operation::PayoutLookup),
        (FaultKind::DuplicateWebhooks, Operation::PayoutCompletion),
    ] {
        gateway.simulator.faults().add(fault(kind, operation));
    }
    let asked = [
        (ask(&gateway, &lost, "10.00").await, "paid", ""),
        (ask(&gateway, &rejected, "20.00").await, "failed", "invalid_destination"),
        (ask(&gateway, &later, "30.00").await, "failed", "account_frozen"),
        (ask(&gateway, &fine, "40.00").await, "paid", ""),
    ];
    for (payout, status, code) in &asked {
        let ended = becomes(&gateway, payout, status).await;
        assert_eq!(ended["failure_code"].as_str().unwrap_or_default(), *code);
    }
    let record = record(&gateway).await;
    assert_eq!(record.len(), 4, "one each: {record:?}");
    let paid: i64 = record.iter().map(|sent| sent["times_paid"].as_i64().unwrap()).sum();
    assert_eq!(paid, 2);
    assert_eq!(balances(&gateway, &rejected).await.0, "100.00");
    assert_eq!(balances(&gateway, &later).await.0, "100.00");
    assert_eq!(gateway.get("/v1/integrity").await.ok()["state"], "holds");
    gateway.stop().await;
}

async fn faults_of_the_switchboard_strike_payouts_too(world: World) {
    let gateway = world.gateway().await;
    let seller = seller(&gateway, "dest_sim_paid").await;
    gateway.simulator.faults().add(fault(FaultKind::PayoutRejected, Operation::Payout));
    let payout = ask(&gateway, &seller, "10.00").await;
    becomes(&gateway, &payout, "failed").await;
    let again = json!({"state": "verified"});
    gateway.post(&format!("/v1/sellers/{seller}/verification"), again).await.ok();
    gateway.simulator.faults().add(fault(FaultKind::PayoutReturned, Operation::Payout));
    gateway.simulator.faults().add(fault(FaultKind::PayoutSlow, Operation::Payout));
    let payout = ask(&gateway, &seller, "10.00").await;
    becomes(&gateway, &payout, "paid").await;
    let sent = record(&gateway).await.pop().unwrap();
    advance(&gateway, sent["id"].as_str().unwrap(), json!({})).await;
    becomes(&gateway, &payout, "returned").await;
    gateway.stop().await;
}

async fn account_numbers_are_refused_and_kept_nowhere(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let own = gateway.get("/v1/sellers").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sellers/{own}");
    for (destination, param) in [
        (json!({"token": "DE89370400440532013000"}), "payout_destination.token"),
        (json!({"token": "110-123-456789"}), "payout_destination.token"),
        (json!({"token": "with space"}), "payout_destination.token"),
        (json!({"token": "dest_1", "bank_name": "GB82 WEST 1234 5698 7654 32"}), "payout_destination.bank_name"),
        (json!({"token": "dest_1", "last4": "56789"}), "payout_destination.last4"),
        (json!({"token": "dest_1", "iban": "x"}), "payout_destination.iban"),
        (json!("dest_1"), "payout_destination"),
    ] {
        let answer = gateway.post(&path, json!({"payout_destination": destination})).await;
        assert_eq!(answer.any_problem()["param"], param, "{destination}");
        assert!(!answer.text.contains("4405") && !answer.text.contains("456789"), "{}", answer.text);
    }
    let card = gateway.post(&path, json!({"payout_destination": {"token": "4242424242424242"}})).await;
    assert!(card.status >= 400 && !card.text.contains("4242424242"), "{}", card.text);
    assert_eq!(gateway.get(&path).await.ok()["payout_destination"], Value::Null);
    gateway.stop().await;
}

async fn a_seller_is_changed_and_checked_by_who_may(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let own = gateway.get("/v1/sellers").await.ok()["data"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/sellers/{own}");
    let verification = format!("{path}/verification");
    let verify = |version: i64| gateway.post(&verification, json!({"state": "verified", "version": version}));
    assert_eq!(verify(0).await.any_problem()["code"], "payout_destination_missing");
    let to = |token: &str| json!({"payout_destination": {"token": token, "last4": "1234"}});
    let changed = gateway.post(&path, to("dest_1")).await.ok();
    assert_eq!((&changed["is_self"], &changed["payout_destination"]["held_until"]), (&json!(true), &Value::Null));
    assert_eq!(verify(1).await.ok()["verification"], "verified");
    let changed = gateway.post(&path, to("dest_2")).await.ok();
    assert_eq!(changed["verification"], "unverified");
    assert!(changed["payout_destination"]["held_until"].is_string(), "{changed}");
    assert_eq!(verify(1).await.any_problem()["code"], "payout_destination_changed", "another one was checked");
    assert_eq!(verify(2).await.ok()["verification"], "verified");
    let asked = json!({"seller": own, "amount": "1.00", "currency": "USD"});
    assert_eq!(gateway.post("/v1/payouts", asked).await.any_problem()["code"], "payout_destination_held");

    let named = gateway.post(&path, json!({"name": "Moon & Tea", "metadata": {"a": "b"}})).await.ok();
    assert_eq!((&named["name"], &named["verification"]), (&json!("Moon & Tea"), &json!("verified")));
    let weekly = json!({"interval": "weekly", "weekday": "friday", "time_zone": "Asia/Seoul"});
    let scheduled = gateway.post(&path, json!({"payout_schedule": weekly})).await.ok();
    assert_eq!(scheduled["payout_schedule"]["time_zone"], "Asia/Seoul");
    let bad = gateway.post(&path, json!({"payout_schedule": {"interval": "weekly"}})).await;
    assert_eq!(bad.any_problem()["param"], "payout_schedule.weekday");
    assert_eq!(gateway.post(&path, json!({"payout_destination": null})).await.ok()["payout_destination"], Value::Null);

    let rows = tollgate::db::query("select action from audit_entries where object_id = $1 order by id")
        .bind(own.as_str())
        .all(&gateway.app.db)
        .await
        .unwrap();
    let acts: Vec<String> = rows.iter().map(|row| row.get("action").unwrap()).collect();
    let (moved, checked, timed) = ("seller.payout_destination", "seller.verification", "seller.payout_schedule");
    assert_eq!(acts, [moved, checked, moved, checked, timed, moved]);

    // A key that may write but not send money changes the name and nothing about where money goes.
    let writer = key_with(&gateway, &[Scope::Read, Scope::Write]).await;
    for (path, body, status) in [
        (path.as_str(), json!({"name": "Sun & Tea"}), 200),
        (path.as_str(), to("dest_of_a_thief"), 403),
        (path.as_str(), json!({"payout_schedule": {"interval": "daily"}}), 403),
        (verification.as_str(), json!({"state": "verified"}), 403),
        ("/v1/payouts", json!({"seller": own, "amount": "1.00", "currency": "USD"}), 403),
        ("/v1/payouts/out_00000000000000000000000000/cancel", json!({}), 403),
    ] {
        let answer = gateway.call(Method::POST, path, &writer, Some(body.clone())).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
    }
    gateway.stop().await;
}

async fn key_with(gateway: &Gateway, scopes: &[Scope]) -> String {
    let new = NewKey { kind: Kind::Restricted, scopes: scopes.to_vec(), name: None, expires_at: None };
    let mut tx = gateway.app.db.begin().await.unwrap();
    let issued = keys::issue(&mut tx, &gateway.tenant, new, gateway.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    issued.token.expose().to_owned()
}

async fn what_cannot_be_paid_out_is_refused_and_what_waits_is_taken_back(world: World) {
    let gateway = world.gateway().await;
    let seller = seller(&gateway, "dest_sim_paid").await;
    gateway.post("/v1/policies", json!({"payout_approval_above": {"USD": "50.00"}})).await.ok();
    for (body, code, param) in [
        (json!({"seller": seller, "amount": "0.00", "currency": "USD"}), "parameter_invalid", "amount"),
        (json!({"seller": seller, "amount": "1", "currency": "USD"}), "parameter_invalid", "amount"),
        (json!({"seller": seller, "amount": "1.00", "currency": "ABC"}), "parameter_invalid", "currency"),
        (json!({"seller": "sel_x", "amount": "1.00", "currency": "USD"}), "parameter_invalid", "seller"),
        (json!({"seller": seller, "amount": "100.01", "currency": "USD"}), "balance_too_low", "amount"),
        (json!({"seller": seller, "amount": "1", "currency": "KRW"}), "balance_too_low", "amount"),
        (json!({"seller": seller, "amount": "1.00", "currency": "USD", "why": "x"}), "parameter_unknown", "why"),
    ] {
        let answer = gateway.post("/v1/payouts", body.clone()).await;
        let problem = answer.any_problem();
        assert_eq!((problem["code"].as_str(), problem["param"].as_str()), (Some(code), Some(param)), "{body}");
    }
    let payout = ask(&gateway, &seller, "50.01").await;
    assert_eq!(payout["status"], "needs_approval");
    let listed = gateway.get(&format!("/v1/payouts?seller={seller}&status=needs_approval")).await.ok();
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);
    assert_eq!(gateway.get("/v1/payouts?status=paid").await.ok()["data"], json!([]));
    assert_eq!(gateway.get("/v1/payouts?status=gone").await.any_problem()["param"], "status");
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(record(&gateway).await.is_empty(), "nothing is sent before somebody lets it go");
    let cancel = format!("/v1/payouts/{}/cancel", payout["id"].as_str().unwrap());
    assert_eq!(gateway.post(&cancel, json!({})).await.ok()["status"], "canceled");
    assert_eq!(gateway.post(&cancel, json!({})).await.any_problem()["code"], "payout_not_cancelable");
    assert_eq!(balances(&gateway, &seller).await, ("100.00".to_owned(), "0.00".to_owned()));
    gateway.stop().await;
}

async fn a_first_destination_cools_when_there_is_money_and_each_change_is_told(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let made = gateway.post("/v1/sellers", json!({"name": "Late"})).await.ok();
    let id = made["id"].as_str().unwrap();
    let path = format!("/v1/sellers/{id}");
    let to = |token: &str| json!({"payout_destination": {"token": token, "last4": "1234"}});
    earn(&gateway, id, 100).await;
    let first = gateway.post(&path, to("dest_1")).await.ok();
    assert!(first["payout_destination"]["held_until"].is_string(), "{first}");
    gateway.post(&format!("{path}/verification"), json!({"state": "verified", "version": 1})).await.ok();
    let asked = json!({"seller": id, "amount": "1.00", "currency": "USD"});
    assert_eq!(gateway.post("/v1/payouts", asked).await.any_problem()["code"], "payout_destination_held");

    gateway.post(&path, to("dest_1")).await.ok();
    gateway.post(&path, json!({"name": "Later"})).await.ok();
    let second = gateway.post(&path, to("dest_2")).await.ok();
    gateway.post(&path, json!({"payout_destination": null})).await.ok();
    let events = format!("/v1/events?object_id={id}&type=seller.payout_destination_changed");
    let told = gateway.until(&events, |list| list["data"].as_array().unwrap().len() >= 3).await;
    let told = told["data"].as_array().unwrap();
    assert_eq!(told.len(), 3, "the same once more and another name are no change: {told:?}");
    let object = |at: usize| &told[at]["data"]["object"];
    assert_eq!((object(1), &object(0)["payout_destination"]), (&second, &Value::Null));
    assert!(!json!(told).to_string().contains("dest_"), "no token is told");
    gateway.stop().await;
}

both_databases!(
    a_payout_is_asked_for_once_paid_by_webhook_and_comes_back,
    the_bank_has_bad_days_and_sends_nothing_twice,
    faults_of_the_switchboard_strike_payouts_too,
    account_numbers_are_refused_and_kept_nowhere,
    a_seller_is_changed_and_checked_by_who_may,
    what_cannot_be_paid_out_is_refused_and_what_waits_is_taken_back,
    a_first_destination_cools_when_there_is_money_and_each_change_is_told,
);
