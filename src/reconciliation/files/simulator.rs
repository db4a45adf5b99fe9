//! The stand-in PSP's settlement list: the JSON of `GET /v1/settlements`, page after page.
//!
//! Amounts are in minor units. Every page repeats what the whole day comes to, so that a row that was lost on the way is seen;
//! the last page says that there is no more.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::civil::Date;
use serde_json::Value;

use super::amount::{minor, shown};
use super::json::{Json, Object, text};
use super::refused::{ReadError, Refused};
use super::taken::Out;
use super::tosspayments::day;
use crate::reconciliation::line::{Line, LineKind, References, Side};
use crate::words::{Currency, Timestamp};

/// Rows of a page. The day stands behind them, so that a page is held until it is read.
const MOST_ROWS: usize = 5_000;

const KNOWN: &[&str] = &[
    "id",
    "type",
    "payment_id",
    "reference",
    "order_ids",
    "key",
    "refund_reference",
    "currency",
    "gross",
    "fee",
    "net",
    "occurred_at",
    "batch",
    "status",
];

/// What pages say of themselves and of the whole day.
#[derive(Default)]
struct Page {
    rows: Vec<Object>,
    payouts: Vec<Object>,
    date: Option<Date>,
    totals: Option<BTreeMap<Currency, [i64; 4]>>,
    more: Option<bool>,
}

/// Reads the pages of a day, or of several days one after another.
pub fn read(input: impl Read, out: &mut Out<'_>) -> Result<(), ReadError> {
    let mut json = Json::open(input)?;
    if json.peek()?.is_none() {
        return Err(Refused::file("it is empty: not even a page").into());
    }
    while json.peek()?.is_some() {
        whole_day(&mut json, out)?;
    }
    Ok(())
}

fn whole_day<R: Read>(json: &mut Json<R>, out: &mut Out<'_>) -> Result<(), ReadError> {
    let mut sums: BTreeMap<Currency, [i64; 4]> = BTreeMap::new();
    let mut former: Option<(Date, BTreeMap<Currency, [i64; 4]>)> = None;
    loop {
        let page = page(json)?;
        let missing = |field: &str| Refused::whole(field, "a page without it");
        let date = page.date.ok_or_else(|| missing("date"))?;
        let totals = page.totals.ok_or_else(|| missing("totals"))?;
        let more = page.more.ok_or_else(|| missing("has_more"))?;
        if former.as_ref().is_some_and(|(day, all)| *day != date || *all != totals) {
            let reason = "this page's day or totals are not the former's: the list changed while it was asked for";
            return Err(json.refuse(reason.to_owned()));
        }
        for row in &page.rows {
            let line = line(row, date)?;
            let sum = sums.entry(line.currency).or_default();
            for (sum, part) in sum.iter_mut().zip([1, line.gross, line.fee, line.net]) {
                *sum = sum.checked_add(part).ok_or_else(|| row.refuse("net", "the day is too large"))?;
            }
            out.line(line)?;
        }
        for row in &page.payouts {
            out.line(payout(row, date)?)?;
        }
        if !more {
            return adds_up(&sums, &totals).map_err(ReadError::from);
        }
        former = Some((date, totals));
        if json.peek()?.is_none() {
            return Err(json.refuse("the last page says that there are more: the list is cut off".to_owned()));
        }
    }
}

fn page<R: Read>(json: &mut Json<R>) -> Result<Page, ReadError> {
    let mut page = Page::default();
    json.expect(b'{')?;
    let mut first = true;
    while json.more(first, b'}')? {
        first = false;
        let Value::String(name) = json.value()? else { return Err(json.refuse("no name of a field".to_owned())) };
        json.expect(b':')?;
        match name.as_str() {
            "data" => page.rows = rows(json)?,
            "payouts" => page.payouts = rows(json)?,
            "date" => {
                let text = json.value()?;
                page.date = text.as_str().and_then(day);
            }
            "totals" => page.totals = Some(totals(&json.value()?)?),
            "has_more" => page.more = json.value()?.as_bool(),
            "object" | "timezone" | "utc_offset" | "closed" => {
                json.value()?;
            }
            other => {
                let name: String = other.chars().take(80).collect();
                return Err(Refused::whole(&name, "this version of the parser knows no such field").into());
            }
        }
    }
    Ok(page)
}

fn rows<R: Read>(json: &mut Json<R>) -> Result<Vec<Object>, ReadError> {
    json.expect(b'[')?;
    let mut rows = Vec::new();
    while json.more(rows.is_empty(), b']')? {
        if rows.len() >= MOST_ROWS {
            return Err(json.refuse(format!("more than {MOST_ROWS} rows on one page")));
        }
        rows.push(json.object()?);
    }
    Ok(rows)
}

/// What the day comes to by currency: rows, gross, fee, net.
fn totals(value: &Value) -> Result<BTreeMap<Currency, [i64; 4]>, Refused> {
    let bad = || Refused::whole("totals", "not what a day comes to by currency");
    let mut all = BTreeMap::new();
    for total in value.as_array().ok_or_else(bad)? {
        let currency = total.get("currency").and_then(Value::as_str).and_then(|code| Currency::parse(code).ok());
        let currency = currency.ok_or_else(bad)?;
        let mut sums = [0; 4];
        for (sum, name) in sums.iter_mut().zip(["count", "gross", "fee", "net"]) {
            let text = total.get(name).and_then(Value::as_str).ok_or_else(bad)?;
            *sum = text.parse().map_err(|_| bad())?;
        }
        if all.insert(currency, sums).is_some() {
            return Err(bad());
        }
    }
    Ok(all)
}

fn adds_up(sums: &BTreeMap<Currency, [i64; 4]>, totals: &BTreeMap<Currency, [i64; 4]>) -> Result<(), Refused> {
    let both = sums.keys().chain(totals.keys());
    for currency in both {
        let (rows, said) = (sums.get(currency), totals.get(currency));
        if rows != said {
            let told = |sums: Option<&[i64; 4]>| {
                let [count, gross, fee, net] = sums.copied().unwrap_or_default();
                let [gross, fee, net] = [gross, fee, net].map(|minor| shown(minor, *currency));
                format!("{count} rows, gross {gross}, fee {fee}, net {net}")
            };
            let reason = format!("the rows in {currency} are {}; the list says {}", told(rows), told(said));
            return Err(Refused::whole("totals", reason));
        }
    }
    Ok(())
}

fn currency(row: &Object) -> Result<Currency, Refused> {
    let code = row.need("currency")?;
    Currency::parse(code).map_err(|wrong| row.refuse("currency", format!("{code:.20?} is {wrong}")))
}

fn occurred_at(row: &Object, name: &str) -> Result<Timestamp, Refused> {
    let text = row.need(name)?;
    Timestamp::parse(text)
        .ok_or_else(|| row.refuse(name, format!("{text:.40?} is no time such as 2025-10-06T01:00:00Z")))
}

fn line(row: &Object, date: Date) -> Result<Line, Refused> {
    row.knows(KNOWN)?;
    let currency = currency(row)?;
    let amount = |name: &str| minor(row.need(name)?, currency).map_err(|reason| row.refuse(name, reason));
    let id = row.need("id")?;
    let word = row.need("type")?;
    let kind = match word {
        "sale" => LineKind::Charge,
        "refund" => LineKind::Refund,
        "refund_failure" => LineKind::RefundFailure,
        "dispute" => LineKind::Dispute,
        "dispute_won" => LineKind::DisputeReversal,
        "fee" => LineKind::Fee,
        "payout" => LineKind::Payout,
        "adjustment" => LineKind::Adjustment,
        other => LineKind::Unknown(other.to_owned()),
    };
    Ok(Line {
        number: row.number,
        identity: id.to_owned(),
        side: Side::Psp,
        kind,
        occurred_at: Some(occurred_at(row, "occurred_at")?),
        business_date: date,
        currency,
        gross: amount("gross")?,
        fee: amount("fee")?,
        net: amount("net")?,
        presented: None,
        reversal: false,
        references: References {
            psp_payment: row.some("payment_id")?,
            psp_movement: Some(id.to_owned()),
            our_key: row.some("key")?,
            ours: row.some("refund_reference")?.or(row.some("reference")?),
            batch: row.some("batch")?,
            texts: Vec::new(),
        },
        raw: row.raw.clone(),
    })
}

/// What the stand-in sent to our bank: as a line it leaves what it owes us, so it is below zero.
fn payout(row: &Object, date: Date) -> Result<Line, Refused> {
    let currency = currency(row)?;
    let id = row.need("id")?;
    let amount = minor(row.need("amount")?, currency).map_err(|reason| row.refuse("amount", reason))?;
    let gross = amount.checked_neg().ok_or_else(|| row.refuse("amount", "too large"))?;
    let batch = row.some("batch")?.unwrap_or_else(|| id.to_owned());
    let at = text(row.value("occurred_at").or_else(|| row.value("created_at")), row.number, "occurred_at")?;
    Ok(Line {
        number: row.number,
        identity: id.to_owned(),
        side: Side::Psp,
        kind: LineKind::Payout,
        occurred_at: at.and_then(Timestamp::parse),
        business_date: date,
        currency,
        gross,
        fee: 0,
        net: gross,
        presented: None,
        reversal: false,
        references: References {
            psp_movement: Some(id.to_owned()),
            batch: Some(batch),
            texts: row.some("reference")?.into_iter().collect(),
            ..References::default()
        },
        raw: row.raw.clone(),
    })
}
