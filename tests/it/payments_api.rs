//! What merchants read of their payments.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollgate::payments;
use tollgate::psp::Psps;
use tollgate::words::PaymentId;

use crate::support::door::Door;
use crate::support::scripted_psp::{ScriptedPsp, approved};
use crate::support::{Answer, World, both_databases};

both_databases!(a_payment_is_read_as_it_stands, payments_are_listed_and_narrowed);

async fn checkout(door: &Door, key: &str, reference: &str) -> Value {
    let body = json!({
        "line_items": [{"name": "Tea", "unit_amount": "12.50", "quantity": 2}],
        "currency": "USD",
        "success_url": "https://shop.example/paid",
        "reference": reference,
        "metadata": {"table": "7"},
    });
    let answer = door.post("/v1/checkout/sessions", key, &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json
}

fn ids(page: &Answer) -> Vec<&str> {
    assert_eq!(page.status, 200, "{}", page.text);
    page.json["data"].as_array().unwrap().iter().map(|payment| payment["id"].as_str().unwrap()).collect()
}

async fn a_payment_is_read_as_it_stands(world: World) {
    let door = Door::start_with(&world, Psps::of([Arc::new(ScriptedPsp::default()) as _])).await;
    let merchant = door.merchant("Shop").await;
    let session = checkout(&door, &merchant.key, "order-1").await;
    let id = session["payment"].as_str().unwrap();
    let payment = door.get(&format!("/v1/payments/{id}"), &merchant.key).await;
    assert_eq!(payment.status, 200, "{}", payment.text);
    for (member, value) in [
        ("object", json!("payment")),
        ("livemode", json!(false)),
        ("status", json!("requires_payment")),
        ("amount", json!("25.00")),
        ("currency", json!("USD")),
        ("captured", json!("0.00")),
        ("refunded", json!("0.00")),
        ("reference", json!("order-1")),
        ("checkout_session", session["id"].clone()),
        ("attempts", json!([])),
    ] {
        assert_eq!(payment.json[member], value, "{member}: {}", payment.text);
    }
    assert_eq!(payment.json["orders"][0]["status"], "NOT_STARTED", "{}", payment.text);
    assert_eq!(payment.json["orders"][0]["amount"], "25.00");

    let stranger = door.merchant("Other").await;
    for key in [&stranger.key, &merchant.live_key] {
        door.get(&format!("/v1/payments/{id}"), key).await.problem(404, "resource_not_found");
        assert_eq!(ids(&door.get("/v1/payments", key).await), Vec::<&str>::new());
        door.get(&format!("/v1/payments?starting_after={id}"), key).await.problem(400, "cursor_unknown");
    }
    door.get("/v1/payments/nonsense", &merchant.key).await.problem(404, "resource_not_found");
}

async fn payments_are_listed_and_narrowed(world: World) {
    let psp = Arc::new(ScriptedPsp::default());
    let door = Door::start_with(&world, Psps::of([psp.clone() as _])).await;
    let merchant = door.merchant("Shop").await;
    let mut made = Vec::new();
    let begin = world.now();
    for number in 0..4 {
        let session = checkout(&door, &merchant.key, &format!("order-{}", number % 2)).await;
        made.insert(0, session["payment"].as_str().unwrap().to_owned());
        world.clock.advance(Duration::from_hours(1));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let list = async |query: &str| door.get(&format!("/v1/payments?{query}"), &merchant.key).await;
    let all = list("").await;
    assert_eq!(ids(&all), made);
    let alone = door.get(&format!("/v1/payments/{}", made[0]), &merchant.key).await;
    assert_eq!(all.json["data"][0], alone.json, "a list shows what a look at one shows");

    assert_eq!(ids(&list("reference=order-1").await), [&made[0][..], &made[2]]);
    assert_eq!(ids(&list("reference=order-9").await), Vec::<&str>::new());
    assert_eq!(ids(&list("status=requires_payment&limit=1").await), [&made[0][..]]);
    assert_eq!(ids(&list("status=succeeded").await), Vec::<&str>::new());
    let from = begin.plus(Duration::from_hours(1));
    let to = begin.plus(Duration::from_hours(2));
    assert_eq!(ids(&list(&format!("created[gte]={from}&created[lte]={to}")).await), [&made[1][..], &made[2]]);
    let until = begin.plus(Duration::from_hours(3));
    assert_eq!(ids(&list(&format!("created[gt]={from}&created[lt]={until}")).await), [&made[1][..]]);
    let page = list(&format!("limit=2&starting_after={}", made[0])).await;
    assert_eq!((ids(&page), &page.json["has_more"]), (vec![&made[1][..], &made[2]], &json!(true)));

    let session = checkout(&door, &merchant.key, "order-paid").await;
    let paid = PaymentId::parse(session["payment"].as_str().unwrap()).unwrap();
    payments::register(&door.app, &paid).await.unwrap();
    psp.will(approved());
    payments::execute(&door.app, &paid, "tok_1").await.unwrap();
    let succeeded = list("status=succeeded").await;
    assert_eq!(ids(&succeeded), [paid.as_str()]);
    let payment = &succeeded.json["data"][0];
    assert_eq!((&payment["captured"], &payment["attempts"][0]["outcome"]), (&json!("25.00"), &json!("approved")));
    assert_eq!(ids(&list("status=requires_payment").await), made);

    for (query, code, param) in [
        ("status=paid", "parameter_invalid", "status"),
        ("created[gte]=yesterday", "parameter_invalid", "created[gte]"),
        ("created=2026", "parameter_unknown", "created"),
        ("starting_after=pay_00000000000000000000000000", "cursor_unknown", "starting_after"),
    ] {
        assert_eq!(list(query).await.problem(400, code)["param"], param, "{query}");
    }
}
