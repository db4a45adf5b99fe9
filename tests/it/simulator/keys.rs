//! Idempotency: one execution per key, the same answer for ever.

use std::sync::Arc;

use reqwest::Method;
use serde_json::json;

use super::stand::{Stand, read, registration};

#[tokio::test]
async fn the_same_key_and_body_give_the_same_bytes() {
    let stand = Stand::start().await;
    let mut bodies = Vec::new();
    for _ in 0..3 {
        let answer = stand.post("/v1/payments", "k:po_1", &registration("po_1")).await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(answer.headers().contains_key("idempotent-replayed"), !bodies.is_empty());
        bodies.push(answer.bytes().await.unwrap());
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(stand.record("payments").await.len(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_body_or_call_is_refused_and_changes_nothing() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let mut other = registration("po_1");
    other["amount"] = json!(15001);
    let (status, told) = stand.told("/v1/payments", "po_1:register", other).await;
    assert_eq!((status, &told["error"]["code"]), (422, &json!("idempotency_key_reused")));
    assert_eq!(stand.confirm(&payment, "po_1:1", "do_not_honor").await.0, 402);
    assert_eq!(stand.confirm(&payment, "po_1:1", "approve").await.0, 422);
    let (status, _) = stand.told(&format!("/v1/payments/{payment}/void"), "po_1:1", json!({})).await;
    assert_eq!(status, 422);
    assert_eq!(stand.record("attempts").await.len(), 1);
    assert_eq!(stand.record("captures").await.len(), 0);
}

#[tokio::test]
async fn answers_declines_included_outlive_a_restart() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let declined = stand.confirm(&payment, "po_1:1", "insufficient_funds").await;
    let approved = stand.confirm(&payment, "po_1:2", "approve").await;
    let refused = stand.confirm(&payment, "po_1:3", "approve").await;
    assert_eq!((declined.0, approved.0, refused.0), (402, 200, 409));
    let stand = stand.restart(None).await;
    assert_eq!(stand.confirm(&payment, "po_1:1", "insufficient_funds").await, declined);
    assert_eq!(stand.confirm(&payment, "po_1:2", "approve").await, approved);
    assert_eq!(stand.confirm(&payment, "po_1:3", "approve").await, refused);
    assert_eq!(stand.record("captures").await.len(), 1);
}

#[tokio::test]
async fn fifty_confirms_with_one_key_are_one_execution() {
    let stand = Arc::new(Stand::start().await);
    // The slow card keeps the first call open while the others arrive.
    for card in ["approve", "slow"] {
        let order = format!("po_{card}");
        let payment = stand.registered(&order).await;
        let calls = (0..50).map(|_| {
            let (stand, payment, key) = (Arc::clone(&stand), payment.clone(), format!("{order}:1"));
            tokio::spawn(async move { stand.confirm(&payment, &key, card).await })
        });
        let mut answers = Vec::new();
        for call in calls.collect::<Vec<_>>() {
            answers.push(call.await.unwrap());
        }
        assert_eq!(answers[0].0, 200, "{}", answers[0].1);
        assert!(answers.iter().all(|answer| *answer == answers[0]));
        let (_, counted) = stand.admin(Method::GET, &format!("/admin/calls?key={order}:1"), None).await;
        assert_eq!((&counted["data"][0]["calls"], &counted["data"][0]["executions"]), (&json!(50), &json!(1)));
    }
    assert_eq!(stand.record("attempts").await.len(), 2);
    assert_eq!(stand.record("captures").await.len(), 2);
}

#[tokio::test]
async fn many_keys_at_once_still_pay_a_payment_once() {
    let stand = Arc::new(Stand::start().await);
    let payment = stand.registered("po_1").await;
    let calls = (0..20).map(|n| {
        let (stand, payment) = (Arc::clone(&stand), payment.clone());
        tokio::spawn(async move { stand.confirm(&payment, &format!("po_1:{n}"), "approve").await.0 })
    });
    let mut statuses = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        statuses.push(call.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 19);
    assert_eq!(stand.record("captures").await.len(), 1);
}

#[tokio::test]
async fn a_slow_answer_comes_although_the_stand_in_was_restarted_meanwhile() {
    let stand = Stand::start().await;
    let payment = stand.registered("po_1").await;
    let path = format!("/v1/payments/{payment}/confirm");
    let body = json!({"payment_method": "tok_sim_slow"});
    let hasty = stand
        .http
        .post(stand.url(&path))
        .timeout(std::time::Duration::from_millis(100))
        .bearer_auth(&stand.secret_key)
        .header("Idempotency-Key", "po_1:1")
        .json(&body)
        .send();
    assert!(hasty.await.is_err());
    let stand = stand.restart(None).await;
    let (status, told) = stand.told(&path, "po_1:1", body).await;
    assert_eq!((status, &told["status"]), (200, &json!("succeeded")));
    assert_eq!(stand.record("captures").await.len(), 1);
}

#[tokio::test]
async fn a_key_is_required_and_has_its_form() {
    let stand = Stand::start().await;
    let ask = |keys: &[&str]| {
        let mut request =
            stand.http.post(stand.url("/v1/payments")).bearer_auth(&stand.secret_key).json(&registration("po_1"));
        for key in keys {
            request = request.header("Idempotency-Key", *key);
        }
        async { read(request.send().await.unwrap()).await }
    };
    for keys in
        [&[][..], &[""], &["po_1 with space"], &["po_1", "po_1"], &["no order in it"], &["x".repeat(256).as_str()]]
    {
        let (status, told) = ask(keys).await;
        assert_eq!((status, &told["error"]["param"]), (400, &json!("Idempotency-Key")), "{keys:?}");
    }
    assert_eq!(ask(&["keyOfNothing"]).await.0, 400, "the key must contain an order's id");
    assert_eq!(stand.record("payments").await.len(), 0);
}
