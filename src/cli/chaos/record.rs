//! The fourth witness: what the stand-in PSP itself wrote down.

use std::collections::HashMap;

use anyhow::Context as _;
use reqwest::Method;
use serde_json::Value;

use super::disputes;
use super::net::How;
use super::stage::Stage;

/// Money that the PSP moved. Amounts in minor units.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Our payment's id, as the PSP was told it.
    pub payment: String,
    /// The key under which it was asked for.
    pub key: String,
    /// How much.
    pub amount: i64,
}

/// Money that the PSP sent to a seller.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The key under which it was ordered.
    pub key: String,
    /// In minor units.
    pub amount: i64,
    /// How often it left.
    pub paid: i64,
    /// How often it came back.
    pub returned: i64,
}

/// What a shopper's bank contests.
#[derive(Debug, Clone)]
pub struct Contested {
    /// The PSP's name for it.
    pub reference: String,
    /// Our payment's id.
    pub payment: String,
    /// In minor units.
    pub amount: i64,
    /// What the PSP charges for it, in minor units.
    pub fee: i64,
    /// `needs_response`, `under_review`, `won` or `lost`.
    pub status: String,
    /// The key under which the merchant's word came, if it came.
    pub word: Option<String>,
}

/// The PSP's record.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// What it says of each payment, by our payment's id.
    pub statuses: HashMap<String, String>,
    /// Money taken from cards.
    pub captures: Vec<Moved>,
    /// Money given back.
    pub refunds: Vec<Moved>,
    /// Money sent to sellers.
    pub payouts: Vec<Sent>,
    /// What is or was contested.
    pub disputes: Vec<Contested>,
    /// Our ids of payments with a card whose owner contests what it pays.
    pub to_contest: Vec<String>,
}

/// Reads the whole record.
pub async fn read(stage: &Stage) -> anyhow::Result<Record> {
    let payments = list(stage, "payments").await?;
    let ids = payments.iter().map(|payment| (text(&payment["id"]), text(&payment["reference"])));
    let ids: HashMap<&str, &str> = ids.collect();
    let ours = |psp_payment: &Value| ids.get(text(psp_payment)).copied().unwrap_or_default().to_owned();
    let moved = |row: &Value| Moved {
        payment: ours(&row["payment_id"]),
        key: text(&row["key"]).to_owned(),
        amount: row["amount"].as_i64().unwrap_or_default(),
    };
    let (captures, refunds) = (list(stage, "captures").await?, list(stage, "refunds").await?);
    let statuses =
        payments.iter().map(|it| (text(&it["reference"]).to_owned(), text(&it["status"]).to_owned())).collect();
    let payouts = list(stage, "payouts").await?;
    let contested = |row: &Value| Contested {
        reference: text(&row["id"]).to_owned(),
        payment: ours(&row["payment_id"]),
        amount: row["amount"].as_i64().unwrap_or_default(),
        fee: row["fee"].as_i64().unwrap_or_default(),
        status: text(&row["status"]).to_owned(),
        word: Some(text(&row["evidence_key"])).filter(|key| !key.is_empty()).map(str::to_owned),
    };
    let (disputes, attempts) = (list(stage, "disputes").await?, list(stage, "attempts").await?);
    let to_contest = attempts.iter().filter(|row| text(&row["card"]) == disputes::CARD && is_approved(row));
    Ok(Record {
        disputes: disputes.iter().map(contested).collect(),
        to_contest: to_contest.map(|row| ours(&row["payment_id"])).collect(),
        payouts: payouts.iter().map(sent).collect(),
        statuses,
        captures: captures.iter().map(moved).collect(),
        refunds: refunds.iter().map(moved).collect(),
    })
}

fn is_approved(attempt: &Value) -> bool {
    matches!(text(&attempt["status"]), "authorized" | "succeeded")
}

fn sent(row: &Value) -> Sent {
    let number = |name: &str| row[name].as_i64().unwrap_or_default();
    let (amount, paid, returned) = (number("amount"), number("times_paid"), number("times_returned"));
    Sent { key: text(&row["key"]).to_owned(), amount, paid, returned }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

async fn list(stage: &Stage, name: &str) -> anyhow::Result<Vec<Value>> {
    let mut rows: Vec<Value> = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row| row["seq"].as_i64().unwrap_or_default());
        let url = format!("{}/admin/record/{name}?after={after}", stage.psp.base_url());
        let how = How { bearer: Some(&stage.admin_key), ..How::default() };
        let reply = stage.net.send(Method::GET, &url, &how).await.context("the PSP does not show its record")?;
        let part = reply.json["data"].as_array().context("the PSP's record cannot be read")?;
        if part.is_empty() {
            return Ok(rows);
        }
        rows.extend(part.iter().cloned());
    }
}
