//! Capture, void, refund, look-up, and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use super::stand::{Stand, read, registration};

async fn authorized(stand: &Stand, order: &str) -> String {
    let mut body = registration(order);
    body["capture"] = json!("manual");
    let (_, told) = stand.told("/v1/payments", &format!("{order}:register"), body).await;
    let payment = told["id"].as_str().unwrap().to_owned();
    let (status, told) = stand.confirm(&payment, &format!("{order}:1"), "approve").await;
    assert_eq!((status, &told["status"], &told["captured_amount"]), (200, &json!("authorized"), &json!(0)));
    payment
}

async fn act(stand: &Stand, payment: &str, verb: &str, key: &str, body: Value) -> (u16, Value) {
    stand.told(&format!("/v1/payments/{payment}/{verb}"), key, body).await
}

#[tokio::test]
async fn an_authorized_payment_is_captured_once_in_whole_or_part() {
    let stand = Stand::start().await;
    let payment = authorized(&stand, "po_1").await;
    let (status, told) = act(&stand, &payment, "capture", "c0", json!({"amount": 15001})).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("amount_too_large")));
    let (status, told) = act(&stand, &payment, "capture", "c1", json!({"amount": 5000})).await;
    assert_eq!((status, &told["captured_amount"], &told["status"]), (200, &json!(5000), &json!("succeeded")));
    assert_eq!(act(&stand, &payment, "capture", "c1", json!({"amount": 5000})).await, (status, told));
    let (status, told) = act(&stand, &payment, "capture", "c2", json!({})).await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("already_captured")));
    let (status, _) = act(&stand, &payment, "void", "v1", json!({})).await;
    assert_eq!(status, 409, "captured money is not voided");
}

#[tokio::test]
async fn a_voided_payment_takes_no_card_any_more() {
    let stand = Stand::start().await;
    let paid = authorized(&stand, "po_1").await;
    let open = stand.registered("po_2").await;
    let waiting = stand.registered("po_3").await;
    let (_, asked) = stand.confirm(&waiting, "po_3:1", "challenge").await;
    for (payment, key) in [(&paid, "v1"), (&open, "v2"), (&waiting, "v3")] {
        let (status, told) = act(&stand, payment, "void", key, json!({})).await;
        assert_eq!((status, &told["status"]), (200, &json!("voided")));
        let (status, told) = stand.confirm(payment, &format!("{key}:again"), "approve").await;
        assert_eq!((status, &told["error"]["code"]), (409, &json!("payment_voided")));
    }
    assert_eq!(stand.verdict(&asked, "approve").await.0, 409);
    assert_eq!(stand.record("captures").await.len(), 0);
}

#[tokio::test]
async fn refunds_never_exceed_what_was_captured() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    assert_eq!(act(&stand, &payment, "refund", "r0", json!({})).await.0, 409, "nothing was paid yet");
    stand.confirm(&payment, "po_1:1", "approve").await;
    let (status, told) = act(&stand, &payment, "refund", "r1", json!({"amount": 10000, "reference": "re_1"})).await;
    assert_eq!(
        (status, &told["payment"]["refunded_amount"], &told["refund"]["reference"]),
        (200, &json!(10000), &json!("re_1"))
    );
    assert_eq!(act(&stand, &payment, "refund", "r2", json!({"amount": 5001})).await.0, 409);
    assert_eq!(act(&stand, &payment, "refund", "r3", json!({"amount": 0})).await.0, 409);
    assert_eq!(act(&stand, &payment, "refund", "r4", json!({})).await.1["refund"]["amount"], 5000);
    assert_eq!(act(&stand, &payment, "refund", "r5", json!({})).await.0, 409);
    let (_, told) = stand.ask(&format!("/v1/payments/{payment}")).await;
    assert_eq!(told["refunds"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_payment_is_found_by_id_reference_and_any_key() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    stand.confirm(&payment, "po_1:1", "lost_card").await;
    stand.confirm(&payment, "po_1:2", "approve").await;
    let (_, by_first) = stand.ask("/v1/payments?key=po_1:1").await;
    assert_eq!(by_first["data"][0]["attempt"]["decline_code"], "lost_card", "a key finds its own attempt");
    let (_, by_second) = stand.ask("/v1/payments?key=po_1:2").await;
    assert_eq!(by_second["data"][0]["attempt"]["status"], "succeeded");
    let (_, by_register) = stand.ask("/v1/payments?key=po_1:register").await;
    assert_eq!((&by_register["data"][0]["id"], &by_register["data"][0]["attempt"]), (&json!(payment), &Value::Null));
    let (_, by_reference) = stand.ask("/v1/payments?reference=pay_of_po_1").await;
    assert_eq!(by_reference["data"][0]["id"], json!(payment));
    assert_eq!(stand.ask("/v1/payments?key=never").await, (200, json!({"object": "list", "data": []})));
    assert_eq!(stand.ask("/v1/payments/spay_never").await.0, 404);
    assert_eq!(stand.ask("/v1/payments").await.0, 400);
}

#[tokio::test]
async fn what_breaks_a_rule_is_refused_by_name_and_changes_nothing() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let with = |field: &str, value: Value| {
        let mut body = registration("po_2");
        body[field] = value;
        body
    };
    for (body, param) in [
        (with("amount", json!(0)), "amount"),
        (with("amount", json!(-5)), "amount"),
        (with("amount", json!("15000")), "amount"),
        (with("amount", json!(1.5)), "amount"),
        (with("currency", json!("krw")), "currency"),
        (with("order_ids", json!([])), "order_ids"),
        (with("order_ids", json!(["po_9"])), "Idempotency-Key"),
        (with("capture", json!("later")), "capture"),
        (with("surprise", json!(1)), "surprise"),
        (with("return", json!({"origin": "https://evil.example"})), "return.origin"),
        (with("return", json!({"url": "javascript:alert(1)"})), "return.url"),
        (json!([]), "body"),
    ] {
        let (status, told) = stand.told("/v1/payments", "po_2:register", body.clone()).await;
        assert_eq!((status, &told["error"]["param"]), (400, &json!(param)), "{body} {told}");
    }
    let (status, told) = stand
        .told(
            &format!("/v1/payments/{payment}/confirm"),
            "po_1:1",
            json!({"payment_method": "tok_sim_approve", "amount": 1}),
        )
        .await;
    assert_eq!((status, &told["error"]["code"]), (409, &json!("amount_mismatch")));
    assert_eq!(stand.confirm(&payment, "po_1:2", "unheard_of").await.0, 400);
    assert_eq!(stand.confirm("spay_never", "po_1:3", "approve").await.0, 404);
    for (text, expected) in [("{", 400), ("", 400), ("{} {}", 400), (&*format!("\"{}\"", "x".repeat(70_000)), 413)] {
        let sent = stand
            .http
            .post(stand.url("/v1/payments"))
            .bearer_auth(&stand.secret_key)
            .header("Idempotency-Key", "po_2:register")
            .body(text.to_owned());
        assert_eq!(read(sent.send().await.unwrap()).await.0, expected, "{text:.20}");
    }
    assert_eq!(stand.record("payments").await.len(), 1);
    assert_eq!(stand.record("attempts").await.len(), 0);
}

#[tokio::test]
async fn only_the_right_keys_open_the_doors() {
    let stand = Stand::start().await;
    for key in ["", "wrong", &stand.admin_key] {
        let sent = stand.http.get(stand.url("/v1/payments?key=x")).bearer_auth(key).send().await.unwrap();
        assert_eq!((sent.status().as_u16(), sent.headers().contains_key("www-authenticate")), (401, true));
    }
    let sent = stand.http.get(stand.url("/admin/calls")).bearer_auth(&stand.secret_key).send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 401, "the gateway is not the admin");
    assert_eq!(stand.admin(Method::GET, "/admin/nothing", None).await.0, 404);
    assert_eq!(stand.admin(Method::DELETE, "/admin/calls", None).await.0, 405);
}
