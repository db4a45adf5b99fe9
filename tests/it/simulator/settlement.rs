//! The settlement list of a day.

use serde_json::{Value, json};

use super::stand::{Stand, registration};

fn today_in_seoul() -> String {
    use tollgate::words::{Clock as _, SystemClock};
    SystemClock.now().plus(std::time::Duration::from_hours(9)).to_string()[..10].to_owned()
}

fn sum(rows: &[Value], field: &str) -> i64 {
    rows.iter().map(|row| row[field].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn a_day_lists_sales_and_refunds_with_fees_that_add_up() {
    let stand = Stand::start().await;
    let before = today_in_seoul();
    for n in 0..7 {
        let order = format!("po_{n}");
        let payment = stand.registered(&order).await;
        stand.confirm(&payment, &format!("{order}:1"), if n == 6 { "lost_card" } else { "approve" }).await;
        if n == 0 {
            stand
                .told(&format!("/v1/payments/{payment}/refund"), "re_x", json!({"amount": 4000, "reference": "re_1"}))
                .await;
        }
    }
    let mut dollars = registration("po_usd");
    dollars["currency"] = json!("USD");
    dollars["amount"] = json!(1999);
    let (_, told) = stand.told("/v1/payments", "po_usd:register", dollars).await;
    stand.confirm(told["id"].as_str().unwrap(), "po_usd:1", "approve").await;
    let date = today_in_seoul();
    if before != date {
        return; // Midnight in Seoul fell into the test.
    }

    let (status, list) = stand.ask(&format!("/v1/settlements?date={date}")).await;
    assert_eq!((status, &list["timezone"], &list["has_more"]), (200, &json!("Asia/Seoul"), &json!(false)));
    let rows = list["data"].as_array().unwrap();
    assert_eq!(rows.len(), 8, "6 sales in won, 1 in dollars, 1 refund; the decline is none");
    for row in rows {
        let (gross, fee, net) =
            (row["gross"].as_i64().unwrap(), row["fee"].as_i64().unwrap(), row["net"].as_i64().unwrap());
        assert_eq!(gross - fee, net);
        match row["type"].as_str().unwrap() {
            "sale" if row["currency"] == "KRW" => assert_eq!((gross, fee), (15000, 435)),
            "sale" => assert_eq!((gross, fee), (1999, 58)),
            "refund" => assert_eq!(
                (gross, fee, &row["key"], &row["refund_reference"]),
                (-4000, 0, &json!("re_x"), &json!("re_1"))
            ),
            other => panic!("{other}"),
        }
        assert!(row["reference"].as_str().unwrap().starts_with("pay_of_po_"));
    }
    for total in list["totals"].as_array().unwrap() {
        let of: Vec<Value> = rows.iter().filter(|row| row["currency"] == total["currency"]).cloned().collect();
        for field in ["gross", "fee", "net"] {
            assert_eq!(total[field].as_i64().unwrap(), sum(&of, field), "{field}");
        }
    }

    // In parts it is the same list.
    let mut parts = Vec::new();
    let mut after = String::new();
    loop {
        let (_, part) = stand.ask(&format!("/v1/settlements?date={date}&limit=3{after}")).await;
        parts.extend(part["data"].as_array().unwrap().clone());
        if part["has_more"] == json!(false) {
            break;
        }
        after = format!("&starting_after={}", parts.last().unwrap()["id"].as_str().unwrap());
    }
    assert_eq!(&parts, rows);

    let (_, empty) = stand.ask("/v1/settlements?date=2020-02-29").await;
    assert_eq!((&empty["data"], &empty["totals"]), (&json!([]), &json!([])));
    for wrong in
        ["", "?date=2021-02-29", "?date=today", "?date=2020-01-01&limit=0", "?date=2020-01-01&starting_after=x"]
    {
        assert_eq!(stand.ask(&format!("/v1/settlements{wrong}")).await.0, 400, "{wrong}");
    }
}
