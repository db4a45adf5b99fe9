//! Every fault switch is seen from outside.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;

use super::stand::{Receiver, Stand};

#[tokio::test]
async fn a_lost_response_has_acted_and_the_repeat_finds_it() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    stand.fault(json!({"kind": "lose_response", "operation": "confirm", "count": 1})).await;
    let path = format!("/v1/payments/{payment}/confirm");
    let body = json!({"payment_method": "tok_sim_approve"});
    let error = stand.post(&path, "po_1:1", &body).await.unwrap_err();
    assert!(!error.is_connect() && !error.is_timeout(), "{error:?}");
    assert_eq!(stand.record("captures").await.len(), 1, "it acted");
    let (status, told) = stand.told(&path, "po_1:1", body).await;
    assert_eq!((status, &told["status"]), (200, &json!("succeeded")));
    assert_eq!(stand.record("captures").await.len(), 1, "once");
}

#[tokio::test]
async fn what_fails_before_acting_leaves_no_trace() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let path = format!("/v1/payments/{payment}/confirm");
    let body = json!({"payment_method": "tok_sim_approve"});
    for order in [
        json!({"kind": "timeout_before", "operation": "confirm", "count": 1, "delay_ms": 300}),
        json!({"kind": "error_500", "operation": "confirm", "count": 1}),
        json!({"kind": "rate_limit_429", "operation": "confirm", "count": 1, "delay_ms": 2000}),
    ] {
        stand.fault(order).await;
    }
    // The switches are asked in their order, each strikes this call: the last obstacle is the one that is seen.
    let limited = stand.post(&path, "po_1:1", &body).await.unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"2".parse::<reqwest::header::HeaderValue>().unwrap())
    );
    stand.admin(Method::DELETE, "/admin/faults", None).await;

    stand.fault(json!({"kind": "error_500", "operation": "confirm", "count": 1})).await;
    assert_eq!(stand.post(&path, "po_1:1", &body).await.unwrap().status(), 500);

    stand.fault(json!({"kind": "timeout_before", "operation": "confirm", "count": 1, "delay_ms": 300})).await;
    let began = Instant::now();
    assert!(stand.post(&path, "po_1:1", &body).await.is_err());
    assert!(began.elapsed() >= Duration::from_millis(300));

    assert_eq!(stand.record("attempts").await.len(), 0);
    assert_eq!(stand.ask("/v1/payments?key=po_1:1").await.1["data"], json!([]));
    let (_, counted) = stand.admin(Method::GET, "/admin/calls?key=po_1:1", None).await;
    assert_eq!(counted["data"], json!([]), "the key was never executed");
    assert_eq!(stand.told(&path, "po_1:1", body).await.0, 200);
}

#[tokio::test]
async fn an_error_after_acting_has_acted() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    stand.fault(json!({"kind": "error_500_after", "operation": "confirm", "count": 1})).await;
    assert_eq!(stand.confirm(&payment, "po_1:1", "approve").await.0, 500);
    assert_eq!(stand.record("captures").await.len(), 1);
    assert_eq!(stand.confirm(&payment, "po_1:1", "approve").await.0, 200);
}

#[tokio::test]
async fn a_faulty_look_up_is_not_an_empty_one() {
    let stand = Stand::start().await;
    stand.fault(json!({"kind": "error_500", "operation": "lookup", "count": 1})).await;
    assert_eq!(stand.ask("/v1/payments?key=x").await.0, 500);
    assert_eq!(stand.ask("/v1/payments?key=x").await.0, 200);
}

#[tokio::test]
async fn webhooks_are_doubled_lost_or_late_on_order() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;

    stand.fault(json!({"kind": "duplicate_webhooks", "operation": "confirm", "count": 1})).await;
    stand.confirm(&stand.registered("po_1").await, "po_1:1", "approve").await;
    let heard = receiver.wait(2).await;
    assert_eq!(heard[0].json()["id"], heard[1].json()["id"]);

    stand.fault(json!({"kind": "no_webhook", "operation": "confirm", "count": 1})).await;
    stand.confirm(&stand.registered("po_2").await, "po_2:1", "approve").await;

    stand.fault(json!({"kind": "late_webhook", "operation": "confirm", "count": 1, "delay_ms": 700})).await;
    let began = Instant::now();
    stand.confirm(&stand.registered("po_3").await, "po_3:1", "approve").await;
    assert_eq!(receiver.heard().len(), 2);
    let heard = receiver.wait(3).await;
    assert!(began.elapsed() >= Duration::from_millis(700));
    assert_eq!(heard[2].json()["data"]["payment"]["reference"], "pay_of_po_3");
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.heard().len(), 3, "the one of po_2 never comes");
}

#[tokio::test]
async fn webhooks_overtake_each_other_on_order() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;
    stand.fault(json!({"kind": "webhooks_out_of_order", "operation": "confirm", "count": 1, "delay_ms": 600})).await;
    let (_, asked) = stand.confirm(&stand.registered("po_1").await, "po_1:1", "challenge").await;
    stand.verdict(&asked, "approve").await;
    receiver.wait(2).await;
    assert_eq!(receiver.kinds(), ["payment.succeeded", "payment.requires_action"]);
}

#[tokio::test]
async fn a_webhook_comes_before_the_response_on_order() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;
    stand.fault(json!({"kind": "webhook_before_response", "operation": "confirm", "count": 1})).await;
    stand.confirm(&stand.registered("po_1").await, "po_1:1", "approve").await;
    assert_eq!(receiver.kinds(), ["payment.succeeded"]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(receiver.heard().len(), 1, "and only once");
}

#[tokio::test]
async fn switches_are_listed_removed_and_checked() {
    let stand = Stand::start().await;
    stand.fault(json!({"kind": "error_500", "operation": "refund", "percent": 50, "seed": 9})).await;
    stand.fault(json!({"kind": "lose_response"})).await;
    let (_, listed) = stand.admin(Method::GET, "/admin/faults", None).await;
    assert_eq!((&listed["data"][0]["kind"], &listed["data"][0]["struck"]), (&json!("error_500"), &json!(0)));
    assert_eq!(stand.admin(Method::DELETE, "/admin/faults/1", None).await, (200, json!({"removed": 1})));
    assert_eq!(stand.admin(Method::DELETE, "/admin/faults/1", None).await.0, 404);
    assert_eq!(stand.admin(Method::DELETE, "/admin/faults", None).await, (200, json!({"removed": 1})));
    for wrong in [json!({"kind": "explode"}), json!({"kind": "error_500", "percent": 101}), json!({})] {
        assert_eq!(stand.admin(Method::POST, "/admin/faults", Some(wrong)).await.0, 400);
    }
}
