//! What the stand-in pays out for a business day, its bank's statement, and mistakes planted in both.

use reqwest::Method;
use serde_json::{Value, json};

use super::stand::Stand;

async fn close(stand: &Stand) -> Value {
    let (status, closed) = stand.admin(Method::POST, "/admin/settlements/close", Some(json!({}))).await;
    assert_eq!(status, 200, "{closed}");
    closed
}

async fn plant(stand: &Stand, mistake: Value) {
    let (status, told) = stand.admin(Method::POST, "/admin/planted", Some(mistake)).await;
    assert_eq!(status, 201, "{told}");
}

async fn rows(stand: &Stand, date: &str) -> (Value, Vec<Value>) {
    let (status, list) = stand.ask(&format!("/v1/settlements?date={date}")).await;
    assert_eq!(status, 200, "{list}");
    (list["totals"].clone(), list["data"].as_array().unwrap().clone())
}

async fn statement(stand: &Stand, date: &str) -> String {
    let (status, xml) = stand.ask(&format!("/v1/bank-statements?date={date}")).await;
    assert_eq!(status, 200, "{xml}");
    xml.as_str().unwrap().to_owned()
}

/// The day on which the account moved: the bank's calendar is Seoul's, whatever day was closed.
fn today_in_seoul() -> String {
    use tollgate::words::{Clock as _, SystemClock};
    SystemClock.now().plus(std::time::Duration::from_hours(9)).to_string()[..10].to_owned()
}

#[tokio::test]
async fn a_closed_day_is_paid_out_in_a_batch_and_later_trade_belongs_to_the_next() {
    let stand = Stand::start().await;
    for n in 0..3 {
        let payment = stand.registered(&format!("po_{n}")).await;
        stand.confirm(&payment, &format!("po_{n}:1"), "approve").await;
    }
    let before = today_in_seoul();
    let closed = close(&stand).await;
    let date = closed["date"].as_str().unwrap().to_owned();
    let payout = &closed["payouts"][0];
    assert_eq!((&payout["currency"], &payout["amount"]), (&json!("KRW"), &json!(3 * (15_000 - 435))));

    let payment = stand.registered("po_late").await;
    stand.confirm(&payment, "po_late:1", "approve").await;
    let (totals, listed) = rows(&stand, &date).await;
    assert_eq!(listed.len(), 4, "three sales and the payout; what came later is on the next day's list");
    assert_eq!(listed[3]["type"], "payout");
    assert_eq!(listed[3]["net"], json!(-3 * (15_000 - 435)));
    assert_eq!(totals[0]["net"], 0, "a day that is paid out owes nothing");
    let batch = format!("sba_{date}_KRW");
    assert!(listed.iter().all(|row| row["batch"] == batch.as_str()), "{listed:?}");
    let next = close(&stand).await;
    assert_eq!(next["payouts"][0]["amount"], json!(15_000 - 435));
    assert!(next["date"].as_str().unwrap() > date.as_str());

    let xml = statement(&stand, &before).await;
    if before != today_in_seoul() {
        return; // Midnight in Seoul fell into the test.
    }
    assert!(xml.contains(&format!("SIMULATOR PAYOUT {batch} {date}")), "{xml}");
    assert!(xml.contains("<Amt Ccy=\"KRW\">58260</Amt>"), "both payouts are in the closing balance: {xml}");
}

#[tokio::test]
async fn a_sellers_payout_leaves_the_account_and_a_returned_one_comes_back() {
    let stand = Stand::start().await;
    let body = json!({"amount": 9000, "currency": "KRW", "destination": "dest_sim_slow", "reference": "out_1"});
    let (_, made) = stand.told("/v1/payouts", "out_1", body).await;
    let id = made["payout"]["id"].as_str().unwrap().to_owned();
    let before = today_in_seoul();
    assert!(!statement(&stand, &before).await.contains("out_1"), "an order has moved no money yet");
    for how in [json!({}), json!({"returned": true})] {
        stand.admin(Method::POST, &format!("/admin/payouts/{id}/advance"), Some(how)).await;
    }
    let xml = statement(&stand, &before).await;
    if before != today_in_seoul() {
        return;
    }
    assert_eq!(xml.matches("<EndToEndId>out_1</EndToEndId>").count(), 2, "{xml}");
    assert!(xml.contains("<Amt Ccy=\"KRW\">9000</Amt><CdtDbtInd>DBIT</CdtDbtInd>"), "{xml}");
    assert!(xml.contains("<Amt Ccy=\"KRW\">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>"), "{xml}");
}

#[tokio::test]
async fn planted_mistakes_are_told_and_paid_and_the_lists_still_add_up() {
    let stand = Stand::start().await;
    for n in 0..5 {
        let payment = stand.registered(&format!("po_{n}")).await;
        stand.confirm(&payment, &format!("po_{n}:1"), "approve").await;
    }
    let ids: Vec<Value> = stand.record("captures").await.iter().map(|row| row["id"].clone()).collect();
    plant(&stand, json!({"list": "settlement", "kind": "drop", "row": ids[0]})).await;
    plant(&stand, json!({"list": "settlement", "kind": "alter", "row": ids[1], "gross": 14_000, "fee": 500})).await;
    plant(&stand, json!({"list": "settlement", "kind": "alter", "row": ids[2], "currency": "USD"})).await;
    plant(&stand, json!({"list": "settlement", "kind": "double", "row": ids[3]})).await;
    plant(&stand, json!({"list": "settlement", "kind": "delay", "row": ids[4], "days": 1})).await;
    let invented = json!({"list": "settlement", "kind": "invent", "type": "sale", "currency": "KRW", "gross": 777, "fee": 7,
                          "payment_id": "spay_unknown", "key": "other:1"});
    plant(&stand, invented).await;
    let closed = close(&stand).await;
    let date = closed["date"].as_str().unwrap();
    assert_eq!(closed["payouts"][0]["amount"], json!(13_500 + 2 * (15_000 - 435) + 770));
    assert_eq!((&closed["payouts"][1]["currency"], &closed["payouts"][1]["amount"]), (&json!("USD"), &json!(14_565)));
    let (totals, listed) = rows(&stand, date).await;
    let kinds: Vec<&str> = listed.iter().map(|row| row["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "sale").count(), 5, "{listed:?}");
    assert!(totals.as_array().unwrap().iter().all(|total| total["net"] == 0), "{totals}");
    assert!(listed.iter().any(|row| row["id"] == format!("{}_again", ids[3].as_str().unwrap())));
    let tomorrow = date.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap().to_string();
    let (_, later) = rows(&stand, &tomorrow).await;
    assert_eq!(later.iter().map(|row| &row["id"]).collect::<Vec<_>>(), [&ids[4]], "a day late");

    let before = today_in_seoul();
    plant(&stand, json!({"list": "statement", "kind": "alter", "row": "BNKP1", "gross": 1})).await;
    plant(&stand, json!({"list": "statement", "kind": "drop", "row": "BNKP2"})).await;
    plant(
        &stand,
        json!({"list": "statement", "kind": "invent", "type": "other", "currency": "KRW", "gross": -5, "reference": "A <gift>"}),
    )
    .await;
    let xml = statement(&stand, &before).await;
    if before != today_in_seoul() {
        return;
    }
    assert!(xml.contains("A &lt;gift&gt;") && xml.contains("<AcctSvcrRef>BNKP1</AcctSvcrRef>"), "{xml}");
    assert!(!xml.contains("BNKP2") && xml.contains("<Amt Ccy=\"KRW\">4</Amt><CdtDbtInd>DBIT</CdtDbtInd>"), "{xml}");
    let (_, removed) = stand.admin(Method::DELETE, "/admin/planted", None).await;
    assert_eq!(removed["removed"], 9);
    assert_eq!(rows(&stand, date).await.1.iter().filter(|row| row["type"] == "sale").count(), 5, "as it was");
}

#[tokio::test]
async fn a_mistake_that_says_nothing_or_twice_is_refused() {
    let stand = Stand::start().await;
    for odd in [
        json!({"list": "settlement", "kind": "drop"}),
        json!({"list": "settlement", "kind": "alter", "row": "x"}),
        json!({"list": "settlement", "kind": "delay", "row": "x"}),
        json!({"list": "settlement", "kind": "invent", "row": "x"}),
        json!({"list": "settlement", "kind": "invent", "type": "sale", "currency": "WON", "gross": 1}),
        json!({"list": "ledger", "kind": "drop", "row": "x"}),
    ] {
        assert_eq!(stand.admin(Method::POST, "/admin/planted", Some(odd.clone())).await.0, 400, "{odd}");
    }
    let twice = json!({"list": "settlement", "kind": "drop", "row": "x"});
    plant(&stand, twice.clone()).await;
    assert_eq!(stand.admin(Method::POST, "/admin/planted", Some(twice)).await.0, 409);
    assert_eq!(stand.ask("/v1/bank-statements?date=yesterday").await.0, 400);
}
