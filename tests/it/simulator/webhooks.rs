//! Webhooks of the stand-in: signed, repeated until acknowledged, also after a restart.

use std::time::Duration;

use super::stand::{Receiver, Stand};

#[tokio::test]
async fn a_webhook_is_sent_again_until_it_is_acknowledged() {
    let receiver = Receiver::open(3).await;
    let stand = Stand::telling(&receiver).await;
    stand.confirm(&stand.registered("po_1").await, "po_1:1", "approve").await;
    let heard = receiver.wait(4).await;
    assert!(heard.iter().all(|each| each.body == heard[0].body), "the same event each time");
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(receiver.heard().len(), 4, "and no more after a 2xx");
    assert_eq!(stand.record("events").await[0]["delivered"], 1);
}

#[tokio::test]
async fn a_webhook_that_could_not_be_sent_leaves_after_a_restart() {
    let stand = Stand::start().await;
    stand.confirm(&stand.registered("po_1").await, "po_1:1", "approve").await;
    let receiver = Receiver::open(0).await;
    let _stand = stand.restart(Some(receiver.target.clone())).await;
    let heard = receiver.wait(1).await;
    assert_eq!(heard[0].kind(), "payment.succeeded");
    assert_eq!(heard[0].json()["data"]["payment"]["attempt"]["key"], "po_1:1");
}

#[tokio::test]
async fn each_kind_of_event_is_told_with_an_id_of_its_own() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;
    let payment = stand.registered("po_1").await;
    stand.confirm(&payment, "po_1:1", "do_not_honor").await;
    stand.confirm(&payment, "po_1:2", "approve").await;
    stand.told(&format!("/v1/payments/{payment}/refund"), "r1", serde_json::json!({})).await;
    let voided = stand.registered("po_2").await;
    stand.told(&format!("/v1/payments/{voided}/void"), "v1", serde_json::json!({})).await;
    receiver.wait(4).await;
    let mut kinds = receiver.kinds();
    kinds.sort();
    assert_eq!(kinds, ["payment.failed", "payment.refunded", "payment.succeeded", "payment.voided"]);
    let ids: std::collections::BTreeSet<String> =
        receiver.heard().iter().map(|each| each.json()["id"].to_string()).collect();
    assert_eq!(ids.len(), 4);
}
