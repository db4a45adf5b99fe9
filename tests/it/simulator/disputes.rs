//! Disputes at the stand-in: by card, by admin, answered, decided, and never over money that is not there.

use reqwest::Method;
use serde_json::{Value, json};

use super::stand::{Receiver, Stand};

async fn paid(stand: &Stand, order: &str, card: &str) -> String {
    let payment = stand.registered(order).await;
    stand.confirm(&payment, &format!("{order}:1"), card).await;
    payment
}

async fn contest(stand: &Stand, body: Value) -> (u16, Value) {
    stand.admin(Method::POST, "/admin/disputes", Some(body)).await
}

async fn answer(stand: &Stand, dispute: &str, key: &str, text: &str) -> (u16, Value) {
    stand.told(&format!("/v1/disputes/{dispute}/evidence"), key, json!({"evidence": {"explanation": text}})).await
}

async fn until(stand: &Stand, dispute: &str, status: &str) -> Value {
    for _ in 0..200 {
        let (_, told) = stand.ask(&format!("/v1/disputes/{dispute}")).await;
        if told["status"] == status {
            return told;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("the dispute never became {status}");
}

#[tokio::test]
async fn a_card_is_contested_after_the_capture_and_its_evidence_judged_by_its_words() {
    let receiver = Receiver::open(0).await;
    let stand = Stand::telling(&receiver).await;
    let payment = paid(&stand, "po_1", "disputed").await;
    let heard = receiver.wait(2).await;
    let told = heard.iter().find(|each| each.kind() == "dispute.opened").unwrap().json();
    let dispute = told["data"]["dispute"]["id"].as_str().unwrap().to_owned();
    assert_eq!(told["data"]["payment"]["id"], json!(payment));
    assert_eq!(told["data"]["payment"]["disputed_amount"], 15000);

    let (_, list) = stand.ask(&format!("/v1/disputes?payment_id={payment}")).await;
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["reason"]), (&json!(dispute), &json!("fraudulent")));
    let (_, list) = stand.ask("/v1/disputes?opened_since=2000-01-01T00:00:00Z").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);

    let first = answer(&stand, &dispute, "e1", "tracked, winning_evidence").await;
    assert_eq!((first.0, &first.1["dispute"]["status"]), (200, &json!("under_review")));
    assert_eq!(answer(&stand, &dispute, "e1", "tracked, winning_evidence").await, first, "once per key");
    assert_eq!(answer(&stand, &dispute, "e2", "more").await.1["error"]["code"], "evidence_already_submitted");
    until(&stand, &dispute, "won").await;
    let (_, told) = stand.ask(&format!("/v1/payments/{payment}")).await;
    assert_eq!(told["disputed_amount"], 0);
    receiver.wait(4).await;
    assert!(receiver.kinds().contains(&"dispute.closed".to_owned()));
    let record = stand.record("disputes").await;
    assert_eq!((record.len(), &record[0]["evidence_key"]), (1, &json!("e1")));
}

#[tokio::test]
async fn the_admin_contests_what_is_left_and_decides_it() {
    let stand = Stand::start().await;
    let payment = paid(&stand, "po_1", "approve").await;
    assert_eq!(contest(&stand, json!({"payment_id": payment, "amount": 15001})).await.0, 409);
    let (status, first) = contest(&stand, json!({"payment_id": payment, "amount": 5000})).await;
    assert_eq!((status, &first["fee"]), (201, &json!(5000)));
    let (status, told) = stand.told(&format!("/v1/payments/{payment}/refund"), "r1", json!({"amount": 10001})).await;
    assert_eq!(
        (status, &told["error"]["code"]),
        (409, &json!("amount_too_large")),
        "contested money is not given back"
    );
    assert_eq!(stand.told(&format!("/v1/payments/{payment}/refund"), "r2", json!({"amount": 4000})).await.0, 200);
    assert_eq!(contest(&stand, json!({"payment_id": payment})).await.1["amount"], 6000, "what is left");
    assert_eq!(contest(&stand, json!({"payment_id": payment})).await.0, 409);

    let path = format!("/admin/disputes/{}/decide", first["id"].as_str().unwrap());
    assert_eq!(stand.admin(Method::POST, &path, Some(json!({"outcome": "maybe"}))).await.0, 400);
    let (status, lost) = stand.admin(Method::POST, &path, Some(json!({"outcome": "lost"}))).await;
    assert_eq!((status, &lost["status"]), (200, &json!("lost")));
    assert_eq!(stand.admin(Method::POST, &path, Some(json!({"outcome": "won"}))).await.0, 409);
    let (_, told) = stand.ask(&format!("/v1/payments/{payment}")).await;
    assert_eq!(told["disputed_amount"], 11000, "what was lost stays gone");
}

#[tokio::test]
async fn silence_loses_and_evidence_after_that_is_refused() {
    let stand = Stand::start().await;
    let payment = paid(&stand, "po_1", "approve").await;
    let (_, told) = contest(&stand, json!({"payment_id": payment, "respond_in_seconds": 0})).await;
    let dispute = told["id"].as_str().unwrap();
    until(&stand, dispute, "lost").await;
    assert_eq!(answer(&stand, dispute, "e1", "too late").await.1["error"]["code"], "dispute_closed");
}

#[tokio::test]
async fn a_lost_answer_still_counts_as_evidence() {
    let stand = Stand::start().await;
    let payment = paid(&stand, "po_1", "approve").await;
    let (_, told) = contest(&stand, json!({"payment_id": payment})).await;
    let dispute = told["id"].as_str().unwrap();
    stand.fault(json!({"kind": "lose_response", "operation": "evidence", "count": 1})).await;
    let path = format!("/v1/disputes/{dispute}/evidence");
    let body = json!({"evidence": {"explanation": "sent"}});
    assert!(stand.post(&path, "e1", &body).await.is_err(), "the answer is lost");
    let again = stand.told(&path, "e1", body).await;
    assert_eq!((again.0, &again.1["dispute"]["status"]), (200, &json!("under_review")));
}

#[tokio::test]
async fn the_settlement_list_has_what_was_contested_and_won_back() {
    let stand = Stand::start().await;
    let payment = paid(&stand, "po_1", "approve").await;
    let (_, told) = contest(&stand, json!({"payment_id": payment})).await;
    let path = format!("/admin/disputes/{}/decide", told["id"].as_str().unwrap());
    stand.admin(Method::POST, &path, Some(json!({"outcome": "won"}))).await;
    let opened = told["opened_at"].as_str().unwrap();
    let seoul = tollgate::words::Timestamp::parse(opened).unwrap().plus(std::time::Duration::from_hours(9)).to_string();
    let (_, list) = stand.ask(&format!("/v1/settlements?date={}", &seoul[..10])).await;
    let rows: Vec<(String, i64)> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["type"].as_str().unwrap().to_owned(), row["net"].as_i64().unwrap()))
        .collect();
    assert_eq!(rows, [("sale".into(), 14565), ("dispute".into(), -20000), ("dispute_won".into(), 15000)]);
    assert_eq!(list["totals"][0]["net"], 9565);
    let after = list["data"][1]["id"].as_str().unwrap();
    let (_, rest) = stand.ask(&format!("/v1/settlements?date={}&starting_after={after}", &seoul[..10])).await;
    assert_eq!(rest["data"].as_array().unwrap().len(), 1);
}
