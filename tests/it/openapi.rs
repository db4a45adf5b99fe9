//! The contract for machines says what is so: the same routes, and the shapes of real answers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::corrections::{self, Asked};
use tollgate::ledger::{Account, Transfer};
use tollgate::payments;
use tollgate::psp::{Card, Outcome, Psps};
use tollgate::queue::{self, NewJob};
use tollgate::words::{Currency, JobId, Money, PaymentId, Secret, SellerId, Tenant};

use crate::support::contract::{DOCUMENT, check};
use crate::support::door::Door;
use crate::support::scripted_bank::ScriptedBank;
use crate::support::scripted_psp::{ScriptedPsp, approved};
use crate::support::{Answer, World, both_databases, source};

both_databases!(real_answers_have_the_shapes_it_tells);

#[test]
fn it_lists_the_routes_there_are() {
    let list = std::fs::read_to_string(source::root().join("src/http/mod.rs")).unwrap();
    let mut routed = BTreeSet::new();
    for line in list.lines().filter(|line| line.contains(".route(\"/v1/")) {
        let path = line.split('"').nth(1).unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if line.contains(&format!(" {method}(")) || line.contains(&format!(".{method}(")) {
                routed.insert(format!("{method} {path}"));
            }
        }
    }
    let mut told = BTreeSet::new();
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        told.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    assert_eq!(told, routed);
    assert_eq!(DOCUMENT["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn it_tells_of_every_event_as_a_webhook() {
    let told: Vec<&str> = DOCUMENT["webhooks"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(told, tollgate::events::KINDS);
    for (kind, webhook) in DOCUMENT["webhooks"].as_object().unwrap() {
        let schema = &webhook["post"]["requestBody"]["content"]["application/json"]["schema"];
        let mut wrong = Vec::new();
        check(schema, &json!({"type": kind, "timestamp": "2026-01-31T09:00:00Z"}), "message", &mut wrong);
        assert_eq!(wrong, ["message.data is missing"], "{kind} is a message of its own type");
    }
}

#[test]
fn whatever_is_done_once_tells_of_a_conflict() {
    for (path, methods) in DOCUMENT["paths"].as_object().unwrap() {
        let post = &methods["post"];
        let keyed = post["parameters"]
            .as_array()
            .is_some_and(|told| told.contains(&json!({"$ref": "#/components/parameters/idempotency_key"})));
        assert!(!keyed || post["responses"]["409"].is_object(), "{path}: the same key may be under way");
    }
}

#[allow(clippy::too_many_lines, reason = "one conversation, from the first call to the last")]
async fn real_answers_have_the_shapes_it_tells(world: World) {
    let psp = Arc::new(ScriptedPsp::default());
    let door =
        Door::start_with(&world, Psps::of([psp.clone() as _]).sending([Arc::new(ScriptedBank::default()) as _])).await;
    let merchant = door.merchant("Shop").await;
    let is = |answer: &Answer, method: &str, path: &str| {
        let content = &DOCUMENT["paths"][path][method]["responses"][answer.status.to_string()]["content"];
        let schema = &content["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} does not tell of {}: {}", answer.status, answer.text);
        let mut wrong = Vec::new();
        check(schema, &answer.json, path, &mut wrong);
        assert!(wrong.is_empty(), "{method} {path}:\n{}\n{}", wrong.join("\n"), answer.text);
    };
    let post = async |path: &str, of: &str, body: Value| {
        let answer = door.post(path, &merchant.key, &body).await;
        is(&answer, "post", of);
        answer.json
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    let served = door.client.get(format!("{}/openapi.json", door.url)).send().await.unwrap();
    assert_eq!(Answer::read(served).await.json, *DOCUMENT, "anybody may read it");

    let seller = post("/v1/sellers", "/v1/sellers", json!({"name": "Tea house", "metadata": {"a": "b"}})).await;
    let key = post("/v1/api_keys", "/v1/api_keys", json!({"kind": "restricted", "scopes": ["read"]})).await;
    let key = text(&key["id"]);
    post(&format!("/v1/api_keys/{key}/rotate"), "/v1/api_keys/{id}/rotate", json!({})).await;
    post(&format!("/v1/api_keys/{key}/revoke"), "/v1/api_keys/{id}/revoke", json!({})).await;
    let own = json!({"platform_fee": {"fixed": {"USD": "0.30"}, "ppm": 29_000}});
    let terms = format!("/v1/sellers/{}/policies", text(&seller["id"]));
    post(&terms, "/v1/sellers/{id}/policies", own.clone()).await;
    post("/v1/policies", "/v1/policies", own).await;
    let hooks = json!({"url": "https://shop.example/hooks"});
    let endpoint = text(&post("/v1/webhook_endpoints", "/v1/webhook_endpoints", hooks).await["id"]);
    let path = format!("/v1/webhook_endpoints/{endpoint}");
    post(&path, "/v1/webhook_endpoints/{id}", json!({"description": "till"})).await;
    post(&format!("{path}/rotate_secret"), "/v1/webhook_endpoints/{id}/rotate_secret", json!({})).await;
    let delivery = post(&format!("{path}/test"), "/v1/webhook_endpoints/{id}/test", json!({})).await;

    let line = |seller: Value| json!({"name": "Tea", "unit_amount": "12.50", "quantity": 2, "seller": seller});
    let session = |lines: Value| json!({"line_items": lines, "currency": "USD", "success_url": "https://shop.example/", "save_payment_method": true});
    let sessions = "/v1/checkout/sessions";
    let paid = post(sessions, sessions, session(json!([line(Value::Null), line(seller["id"].clone())]))).await;
    let left = post(sessions, sessions, session(json!([line(Value::Null)]))).await;
    let expire = format!("{sessions}/{}/expire", text(&left["id"]));
    post(&expire, "/v1/checkout/sessions/{id}/expire", json!({})).await;
    let payment = PaymentId::parse(paid["payment"].as_str().unwrap()).unwrap();
    payments::register(&door.app, &payment).await.unwrap();
    let Outcome::Approved(mut approval) = approved() else { panic!("approved") };
    approval.card = Some(Card { brand: "visa".to_owned(), last4: "4242".to_owned() });
    approval.saved = Some(Secret::new("reusable".to_owned()));
    psp.will(Outcome::Approved(approval));
    payments::execute(&door.app, &payment, "tok_1").await.unwrap();
    let lines = json!([line(Value::Null), line(seller["id"].clone())]);
    post("/v1/payments/explain", "/v1/payments/explain", json!({"currency": "USD", "line_items": lines})).await;
    let orders = payments::store::orders(&world.db, &payment).await.unwrap();
    let order = orders[0].id.to_string();
    post(&format!("/v1/payment_orders/{order}/fulfill"), "/v1/payment_orders/{id}/fulfill", json!({})).await;
    let listed = door.get("/v1/payment_methods", &merchant.key).await;
    let method = text(&listed.json["data"][0]["id"]);
    let charge = json!({"amount": "5.00", "currency": "USD", "payment_method": method});
    psp.will(approved());
    post("/v1/payments", "/v1/payments", charge).await;
    let refund = post("/v1/refunds", "/v1/refunds", json!({"payment": payment, "amount": "5.00"})).await;
    let at_psp = format!("psp_{payment}");
    psp.contest(&at_psp, "dp_at_psp", 500, world.now());
    psp.contest(&at_psp, "dp_two_at_psp", 100, world.now());
    payments::disputes::look(&door.app, &payment).await.unwrap();
    let lost = text(&door.get("/v1/disputes", &merchant.key).await.json["data"][1]["id"]);
    post(&format!("/v1/disputes/{lost}/accept"), "/v1/disputes/{id}/accept", json!({})).await;
    let dispute = text(&door.get("/v1/disputes", &merchant.key).await.json["data"][0]["id"]);
    let evidence = format!("/v1/disputes/{dispute}/evidence");
    post(&evidence, "/v1/disputes/{id}/evidence", json!({"explanation": "It was delivered."})).await;
    let of_seller = format!("/v1/sellers/{}", text(&seller["id"]));
    let schedule = json!({"interval": "weekly", "weekday": "friday", "minimum": {"USD": "5.00"}});
    let change = json!({"payout_destination": {"token": "dest_1", "last4": "6789"}, "payout_schedule": schedule});
    let own = orders[0].seller.to_string();
    post(&of_seller, "/v1/sellers/{id}", change.clone()).await;
    post(&format!("/v1/sellers/{own}"), "/v1/sellers/{id}", change).await;
    let verification = json!({"state": "verified", "version": 1});
    post(&format!("/v1/sellers/{own}/verification"), "/v1/sellers/{id}/verification", verification).await;
    // A first account of a seller who has money waits.
    world.clock.advance(std::time::Duration::from_hours(24));
    let payout = post("/v1/payouts", "/v1/payouts", json!({"seller": own, "amount": "1.00", "currency": "USD"})).await;
    let payout = text(&payout["id"]);
    post(&format!("/v1/payouts/{payout}/cancel"), "/v1/payouts/{id}/cancel", json!({})).await;
    let mut tx = world.db.begin().await.unwrap();
    tollgate::events::place(&mut tx, 100).await.unwrap();
    tx.commit().await.unwrap();

    tollgate::ledger::seals::seal(&world.db, &door.app.keyring, &tollgate::ledger::seals::Head::default(), world.now())
        .await
        .unwrap();
    let journals = door.get("/v1/ledger/journals", &merchant.key).await;
    let journal = text(&journals.json["data"][0]["id"]);
    corrected(&world, &merchant.test, &seller["id"]).await;
    let moved = json!({"debit": "suspense", "credit": "bank", "amount": "0.01", "currency": "USD"});
    let correction = json!({"reason": "a cent was lost", "corrects": journal, "transfers": [moved]});
    let correction = text(&post("/v1/corrections", "/v1/corrections", correction).await["id"]);
    tollgate::integrity::watch::look(&world.db, world.now()).await.unwrap();
    let events = door.get("/v1/events", &merchant.key).await;
    let event = text(&events.json["data"][0]["id"]);
    let seller = text(&seller["id"]);
    let delivery = text(&delivery["id"]);
    for (path, id) in [
        ("/v1/merchant", ""),
        ("/v1/api_keys", ""),
        ("/v1/api_keys/{id}", &key),
        ("/v1/sellers", ""),
        ("/v1/sellers/{id}", &seller),
        ("/v1/sellers/{id}/policies", &seller),
        ("/v1/policies", ""),
        ("/v1/checkout/sessions", ""),
        ("/v1/checkout/sessions/{id}", paid["id"].as_str().unwrap()),
        ("/v1/payments", ""),
        ("/v1/payments/{id}", payment.as_str()),
        ("/v1/payment_orders/{id}", &order),
        ("/v1/payment_methods", ""),
        ("/v1/payment_methods/{id}", &method),
        ("/v1/refunds", ""),
        ("/v1/refunds/{id}", refund["id"].as_str().unwrap()),
        ("/v1/disputes", ""),
        ("/v1/disputes/{id}", &dispute),
        ("/v1/payouts", ""),
        ("/v1/payouts/{id}", &payout),
        ("/v1/wallets/{seller}", &seller),
        ("/v1/ledger/journals", ""),
        ("/v1/ledger/balances", ""),
        ("/v1/ledger/trial_balance", ""),
        ("/v1/corrections", ""),
        ("/v1/corrections/{id}", &correction),
        ("/v1/ledger/journals/{id}/proof", &journal),
        ("/v1/sellers/{id}/statement", &seller),
        ("/v1/integrity", ""),
        ("/v1/events", ""),
        ("/v1/events/{id}", &event),
        ("/v1/webhook_endpoints", ""),
        ("/v1/webhook_endpoints/{id}", &endpoint),
        ("/v1/webhook_deliveries", ""),
        ("/v1/webhook_deliveries/{id}", &delivery),
    ] {
        let answer = door.get(&path.replace("{id}", id).replace("{seller}", id), &merchant.key).await;
        is(&answer, "get", path);
        if answer.json["object"] == "list" {
            assert_ne!(answer.json["data"], json!([]), "{path} has nothing to compare with");
        }
    }
    post(&format!("{path}/replay"), "/v1/webhook_endpoints/{id}/replay", json!({"since": "2020-01-01T00:00:00Z"}))
        .await;
    post(&format!("/v1/webhook_deliveries/{delivery}/resend"), "/v1/webhook_deliveries/{id}/resend", json!({})).await;
    let dead = letters(&world, &merchant.test).await;
    let listed = door.get("/v1/dead_letters", &merchant.key).await;
    is(&listed, "get", "/v1/dead_letters");
    assert_ne!(listed.json["data"], json!([]));
    let story = door.get(&format!("/v1/dead_letters/{}", dead[0]), &merchant.key).await;
    is(&story, "get", "/v1/dead_letters/{id}");
    assert_ne!(story.json["failures"], json!([]));
    post("/v1/dead_letters/retry_all", "/v1/dead_letters/retry_all", json!({"kind": "nothing.else"})).await;
    post(&format!("/v1/dead_letters/{}/retry", dead[0]), "/v1/dead_letters/{id}/retry", json!({})).await;
    let resolve = format!("/v1/dead_letters/{}/resolve", dead[1]);
    post(&resolve, "/v1/dead_letters/{id}/resolve", json!({"reason": "done by hand"})).await;
    let detach = format!("/v1/payment_methods/{method}");
    let gone = door.request(reqwest::Method::DELETE, &detach, &merchant.key).send().await.unwrap();
    is(&Answer::read(gone).await, "delete", "/v1/payment_methods/{id}");
    let gone = door.request(reqwest::Method::DELETE, &path, &merchant.key).send().await.unwrap();
    is(&Answer::read(gone).await, "delete", "/v1/webhook_endpoints/{id}");

    let refused = door.get("/v1/nothing", &merchant.key).await;
    let mut wrong = Vec::new();
    check(&DOCUMENT["components"]["schemas"]["Problem"], &refused.json, "problem", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A correction that was agreed to.
async fn corrected(world: &World, tenant: &Tenant, seller: &Value) {
    let seller = SellerId::parse(seller.as_str().unwrap()).unwrap();
    let amount = Money::of(1, Currency::parse("USD").unwrap()).unwrap();
    let transfers = vec![Transfer { debit: Account::Suspense, credit: Account::Available(seller), amount }];
    let asked = Asked { reason: "a cent was lost".into(), corrects: None, payment: None, transfers, by: "a@b".into() };
    let mut tx = world.db.begin().await.unwrap();
    let correction = corrections::ask(&mut tx, tenant, &asked, world.now()).await.unwrap();
    corrections::agree(&mut tx, &correction, "c@d", world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Two jobs of this tenant that were given up.
async fn letters(world: &World, tenant: &Tenant) -> Vec<JobId> {
    let mut tx = world.db.begin().await.unwrap();
    for key in ["re_1", "re_2"] {
        let job = NewJob { kind: "nothing.done", key, payload: Value::Null, run_at: world.now(), tenant: Some(tenant) };
        queue::enqueue(&mut tx, job).await.unwrap();
    }
    let jobs = queue::claim(&mut tx, "nothing", 2, world.now(), Duration::from_mins(1)).await.unwrap();
    for job in &jobs {
        queue::bury(&mut tx, job, world.now(), "no").await.unwrap();
    }
    tx.commit().await.unwrap();
    jobs.into_iter().map(|job| job.id).collect()
}
