//! Checkout sessions through the API: what is taken, what is refused and changes nothing, lists, ends.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::merchants::keys::{Kind, NewKey};
use tollgate::merchants::{self, keys};
use tollgate::words::{Mode, Tenant, random_base62};

use crate::support::Gateway;
use crate::support::{World, both_databases};

const PATH: &str = "/v1/checkout/sessions";

both_databases!(
    a_session_is_opened_and_shown,
    each_seller_gets_one_order,
    bad_input_names_its_field_and_changes_nothing,
    the_key_makes_it_happen_once,
    another_merchants_session_is_not_there,
    lists_turn_pages_and_narrow,
    a_session_is_expired_by_the_merchant_once,
);

fn order() -> Value {
    json!({
        "line_items": [
            { "name": "White porcelain mug", "unit_amount": "18.00", "quantity": 2 },
            { "name": "Coffee beans", "unit_amount": "14.50", "quantity": 1 },
        ],
        "currency": "USD",
        "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
    })
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut body = order();
    change(&mut body);
    body
}

async fn count(gateway: &Gateway) -> usize {
    gateway.get(&format!("{PATH}?limit=100")).await.ok()["data"].as_array().unwrap().len()
}

async fn a_session_is_opened_and_shown(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let body = with(|body| {
        body["cancel_url"] = json!("http://localhost:4000/cart");
        body["reference"] = json!("2026-1031");
        body["customer_email"] = json!("kim@mail.example");
        body["locale"] = json!("ko");
        body["application_fee"] = json!("1.01");
        body["expires_in"] = json!(1800);
        body["metadata"] = json!({ "table": "7" });
    });
    let answer = gateway.post(PATH, body).await;
    assert_eq!(answer.status, 201);
    let session = answer.ok();
    let page = session["url"].as_str().unwrap().strip_prefix(&format!("{}/pay/", gateway.url)).unwrap();
    assert!(page.len() >= 22 && page.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{page}");
    for (field, value) in [
        ("object", json!("checkout.session")),
        ("livemode", json!(false)),
        ("status", json!("open")),
        ("amount", json!("50.50")),
        ("currency", json!("USD")),
        ("application_fee", json!("1.01")),
        ("reference", json!("2026-1031")),
        ("customer_email", json!("kim@mail.example")),
        ("locale", json!("ko")),
        ("capture", json!("automatic")),
        ("success_url", json!("https://shop.example/paid?session={CHECKOUT_SESSION_ID}")),
        ("cancel_url", json!("http://localhost:4000/cart")),
        ("metadata", json!({ "table": "7" })),
        ("completed_at", Value::Null),
        ("expired_at", Value::Null),
        ("expires_at", json!(world.now().plus(Duration::from_mins(30)))),
        ("created_at", json!(world.now())),
    ] {
        assert_eq!(session[field], value, "{field}");
    }
    assert_eq!(session["line_items"][0]["amount"], "36.00");
    assert_eq!(session["payment_orders"][0]["amount"], "50.50");
    assert_eq!(session["payment_orders"][0]["status"], "NOT_STARTED");
    let shown = gateway.get(&format!("{PATH}/{}", session["id"].as_str().unwrap())).await.ok();
    assert_eq!(shown, session);
    let payment = gateway.get(&format!("/v1/payments/{}", session["payment"].as_str().unwrap())).await.ok();
    assert_eq!((&payment["amount"], &payment["status"]), (&json!("50.50"), &json!("requires_payment")));
    gateway.stop().await;
}

async fn each_seller_gets_one_order(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let roastery = gateway.post("/v1/sellers", json!({ "name": "Hilltop Roastery" })).await.ok();
    let body = with(|body| {
        body["line_items"][1]["seller"] = roastery["id"].clone();
        body["line_items"].as_array_mut().unwrap().push(json!(
            { "name": "Filters", "unit_amount": "2.00", "quantity": 3, "seller": roastery["id"] }
        ));
    });
    let session = gateway.post(PATH, body).await.ok();
    let orders = session["payment_orders"].as_array().unwrap();
    assert_eq!(orders.len(), 2);
    assert_eq!((&orders[0]["seller"], &orders[0]["amount"]), (&session["line_items"][0]["seller"], &json!("36.00")));
    assert_eq!((&orders[1]["seller"], &orders[1]["amount"]), (&roastery["id"], &json!("20.50")));
    gateway.stop().await;
}

async fn bad_input_names_its_field_and_changes_nothing(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let no_seller = tollgate::words::SellerId::new().to_string();
    let cases: Vec<(&str, Value)> = vec![
        ("line_items", with(|b| b["line_items"] = json!([]))),
        ("line_items", with(|b| drop(b.as_object_mut().unwrap().remove("line_items")))),
        ("line_items", with(|b| b["line_items"] = json!("mug"))),
        ("line_items[1].name", with(|b| b["line_items"][1]["name"] = json!(""))),
        ("line_items[1].unit_amount", with(|b| b["line_items"][1]["unit_amount"] = json!("14.5"))),
        ("line_items[1].unit_amount", with(|b| b["line_items"][1]["unit_amount"] = json!(14.50))),
        ("line_items[0].quantity", with(|b| b["line_items"][0]["quantity"] = json!(0))),
        ("line_items[0].quantity", with(|b| b["line_items"][0]["quantity"] = json!(1.5))),
        ("line_items[0].quantity", with(|b| b["line_items"][0]["quantity"] = json!("2"))),
        ("line_items[0].colour", with(|b| b["line_items"][0]["colour"] = json!("white"))),
        ("line_items[0].seller", with(|b| b["line_items"][0]["seller"] = json!(no_seller))),
        ("currency", with(|b| b["currency"] = json!("usd"))),
        ("line_items[0].unit_amount", with(|b| b["currency"] = json!("KRW"))),
        ("success_url", with(|b| b["success_url"] = json!("http://shop.example"))),
        ("success_url", with(|b| drop(b.as_object_mut().unwrap().remove("success_url")))),
        ("cancel_url", with(|b| b["cancel_url"] = json!("https://a:b@shop.example"))),
        ("locale", with(|b| b["locale"] = json!("fr"))),
        ("capture", with(|b| b["capture"] = json!("later"))),
        ("expires_in", with(|b| b["expires_in"] = json!(60))),
        ("application_fee", with(|b| b["application_fee"] = json!("50.51"))),
        ("metadata.x", with(|b| b["metadata"] = json!({ "x": 1 }))),
        ("amount", with(|b| b["amount"] = json!("1.00"))),
    ];
    for (param, body) in cases {
        let answer = gateway.post(PATH, body).await;
        answer.refused(400);
        assert_eq!(answer.json["param"], param, "{}", answer.text);
        assert!(answer.json["detail"].as_str().unwrap().len() > 10, "{}", answer.text);
    }
    let several = with(|body| {
        body["locale"] = json!("fr");
        body["expires_in"] = json!(1);
    });
    let answer = gateway.post(PATH, several).await;
    let told: Vec<_> = answer.json["errors"].as_array().unwrap().iter().map(|error| error["param"].clone()).collect();
    assert_eq!(told, ["locale", "expires_in"], "{}", answer.text);
    // A card number in a free text goes nowhere.
    let number = ["4242", "4242", "4242", "4242"].join(" ");
    assert_eq!(gateway.post(PATH, with(|b| b["reference"] = json!(number))).await.refused(400), "card_number_refused");
    assert_eq!(count(&gateway).await, 0);
    gateway.stop().await;
}

async fn the_key_makes_it_happen_once(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let send = |key: Option<&str>, body: Value| {
        let request = gateway.http.post(format!("{}{PATH}", gateway.url)).bearer_auth(&gateway.key).json(&body);
        Gateway::send(match key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        })
    };
    assert_eq!(send(None, order()).await.refused(400), "idempotency_key_missing");
    let (first, second) = tokio::join!(send(Some("once"), order()), send(Some("\"once\""), order()));
    assert_eq!((first.status, second.status), (201, 201), "{} {}", first.text, second.text);
    assert_eq!(first.text, second.text);
    let other = with(|body| body["currency"] = json!("EUR"));
    assert_eq!(send(Some("once"), other).await.refused(422), "idempotency_key_reused");
    assert_eq!(count(&gateway).await, 1);
    gateway.stop().await;
}

async fn another_merchants_session_is_not_there(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let session = gateway.post(PATH, order()).await.ok();
    let id = session["id"].as_str().unwrap();
    let mut tx = world.db.begin().await.unwrap();
    let stranger = merchants::create(&mut tx, "Another shop", world.now()).await.unwrap();
    let new = |kind| NewKey { kind, scopes: Vec::new(), name: None, expires_at: None };
    let issue = async |tx: &mut tollgate::db::Tx, merchant, mode| {
        let issued = keys::issue(tx, &Tenant::new(merchant, mode), new(Kind::Secret), world.now()).await.unwrap();
        issued.token.expose().to_owned()
    };
    let foreign = issue(&mut tx, stranger.id.clone(), Mode::Test).await;
    let live = issue(&mut tx, gateway.tenant.merchant.clone(), Mode::Live).await;
    tx.commit().await.unwrap();
    for key in [&foreign, &live] {
        for (method, path) in [(Method::GET, format!("{PATH}/{id}")), (Method::POST, format!("{PATH}/{id}/expire"))] {
            assert_eq!(gateway.call(method, &path, key, None).await.refused(404), "resource_not_found");
        }
        let cursor = gateway.call(Method::GET, &format!("{PATH}?starting_after={id}"), key, None).await;
        assert_eq!(cursor.refused(400), "cursor_unknown");
        let list = gateway.call(Method::GET, PATH, key, None).await.ok();
        assert_eq!(list["data"], json!([]));
        // The merchant's own seller is not another's, nor the live side's.
        let body = with(|body| body["line_items"][0]["seller"] = session["line_items"][0]["seller"].clone());
        let refused = gateway.call(Method::POST, PATH, key, Some(body)).await;
        refused.refused(400);
        assert_eq!(refused.json["param"], "line_items[0].seller");
    }
    // The stand-in takes no live payments, so a live session is not opened either.
    let unpayable = gateway.call(Method::POST, PATH, &live, Some(with(|_| {}))).await;
    assert_eq!(unpayable.refused(409), "livemode_unavailable");
    assert_eq!(gateway.call(Method::GET, PATH, &live, None).await.ok()["data"], json!([]));
    gateway.stop().await;
}

async fn lists_turn_pages_and_narrow(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let session = gateway.post(PATH, with(|b| b["reference"] = json!(format!("order-{}", number % 2)))).await.ok();
        ids.insert(0, session["id"].as_str().unwrap().to_owned());
        world.clock.advance(Duration::from_secs(10));
        // Ids are ordered by the millisecond of the machine's clock.
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    let listed = async |query: &str| -> (Vec<String>, bool) {
        let list = gateway.get(&format!("{PATH}?{query}")).await.ok();
        let data = list["data"].as_array().unwrap().iter();
        (data.map(|item| item["id"].as_str().unwrap().to_owned()).collect(), list["has_more"].as_bool().unwrap())
    };
    assert_eq!(listed("").await, (ids.clone(), false));
    assert_eq!(listed("limit=2").await, (ids[..2].to_vec(), true));
    assert_eq!(listed(&format!("limit=2&starting_after={}", ids[1])).await, (ids[2..4].to_vec(), true));
    assert_eq!(listed(&format!("limit=2&starting_after={}", ids[3])).await, (ids[4..].to_vec(), false));
    assert_eq!(listed(&format!("limit=2&ending_before={}", ids[3])).await, (ids[1..3].to_vec(), true));
    assert_eq!(listed("reference=order-1").await.0, [ids[1].clone(), ids[3].clone()]);
    assert_eq!(listed("reference=order-1&limit=1").await, (vec![ids[1].clone()], true));
    let first = world.now().minus(Duration::from_secs(50));
    assert_eq!(listed(&format!("created[lte]={first}")).await.0, ids[4..]);
    assert_eq!(listed(&format!("created[gt]={first}")).await.0, ids[..4]);
    gateway.call(Method::POST, &format!("{PATH}/{}/expire", ids[2]), &gateway.key, None).await.ok();
    assert_eq!(listed("status=expired").await.0, [ids[2].clone()]);
    assert_eq!(listed("status=open&reference=order-0").await.0, [ids[0].clone(), ids[4].clone()]);
    for query in ["status=paid", "colour=red", "created[gte]=today", "limit=0", "starting_after=cs_x"] {
        gateway.get(&format!("{PATH}?{query}")).await.refused(400);
    }
    gateway.stop().await;
}

async fn a_session_is_expired_by_the_merchant_once(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let session = gateway.post(PATH, order()).await.ok();
    let path = format!("{PATH}/{}", session["id"].as_str().unwrap());
    let unknown = format!("{PATH}/cs_{}/expire", random_base62(26));
    assert_eq!(gateway.call(Method::POST, &unknown, &gateway.key, None).await.refused(404), "resource_not_found");
    let odd = gateway.call(Method::POST, &format!("{path}/expire"), &gateway.key, Some(json!({ "now": true }))).await;
    assert_eq!(odd.refused(400), "parameter_unknown");
    let ended = gateway.call(Method::POST, &format!("{path}/expire"), &gateway.key, None).await.ok();
    assert_eq!((&ended["status"], &ended["url"]), (&json!("expired"), &Value::Null));
    assert_eq!(ended["payment_orders"][0]["status"], "FAILED");
    let again = gateway.call(Method::POST, &format!("{path}/expire"), &gateway.key, None).await.ok();
    assert_eq!(again, ended);
    assert_eq!(gateway.get(&path).await.ok(), ended);
    let events = gateway.get("/v1/events?type=checkout.session.expired").await.ok();
    assert_eq!(events["data"].as_array().unwrap().len(), 1, "{events}");
    gateway.stop().await;
}
