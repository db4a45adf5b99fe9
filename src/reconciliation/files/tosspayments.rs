//! Toss Payments' settlement rows: the JSON array of `GET /v1/settlements`, or several of them, page after page.
//!
//! Amounts are in major units, as numbers. The fee is `supplyAmount + vat`, and `payOutAmount = amount - fee`. A row of a
//! cancellation has `cancel`; whether its amounts are then below zero is nowhere written down, so both are read.

use std::io::Read;

use jiff::civil::Date;
use serde_json::Value;

use super::amount::{major, shown};
use super::json::{Json, Object, text};
use super::refused::{ReadError, Refused};
use super::taken::Out;
use crate::reconciliation::line::{Line, LineKind, References, Side};
use crate::words::{Currency, Timestamp};

/// Every field of a row that Toss Payments documents.
const KNOWN: &[&str] = &[
    "mId",
    "paymentKey",
    "transactionKey",
    "orderId",
    "currency",
    "method",
    "amount",
    "interestFee",
    "fees",
    "supplyAmount",
    "vat",
    "payOutAmount",
    "approvedAt",
    "soldDate",
    "paidOutDate",
    "card",
    "easyPay",
    "virtualAccount",
    "transfer",
    "mobilePhone",
    "giftCertificate",
    "cancel",
];

/// Reads rows.
pub fn read(input: impl Read, out: &mut Out<'_>) -> Result<(), ReadError> {
    let mut json = Json::open(input)?;
    if json.peek()?.is_none() {
        return Err(Refused::file("it is empty: not even a list").into());
    }
    while json.peek()?.is_some() {
        json.expect(b'[')?;
        let mut first = true;
        while json.more(first, b']')? {
            first = false;
            out.line(line(&json.object()?)?)?;
        }
    }
    Ok(())
}

fn line(row: &Object) -> Result<Line, Refused> {
    row.knows(KNOWN)?;
    let code = row.need("currency")?;
    let currency = Currency::parse(code).map_err(|wrong| row.refuse("currency", format!("{code:.20?} is {wrong}")))?;
    let amount = |name: &str| major(row.need(name)?, currency).map_err(|reason| row.refuse(name, reason));
    let (gross, net) = (amount("amount")?, amount("payOutAmount")?);
    let fee = amount("supplyAmount")?.checked_add(amount("vat")?).ok_or_else(|| row.refuse("vat", "too large"))?;
    fees_add_up(row, currency, fee)?;
    let cancel = row.value("cancel");
    // A cancellation takes money away, whichever sign the file gives it; its fee, which comes back, turns with it.
    let turned = cancel.is_some() && gross > 0;
    let [gross, fee, net] = [gross, fee, net].map(|minor| if turned { minor.saturating_neg() } else { minor });
    let when = |name: &str, text: Option<&str>| match text {
        None => Ok(None),
        Some(text) => Timestamp::parse(text)
            .map(Some)
            .ok_or_else(|| row.refuse(name, format!("{text:.40?} is no time such as 2025-10-06T01:00:00+09:00"))),
    };
    let (kind, occurred_at) = match cancel {
        None => (LineKind::Charge, when("approvedAt", row.get("approvedAt")?)?),
        Some(cancel) => {
            taken_back(row, cancel, currency, gross)?;
            (LineKind::Refund, when("canceledAt", text(cancel.get("canceledAt"), row.number, "canceledAt")?)?)
        }
    };
    let batch = row.some("paidOutDate")?.map(|day| {
        let account = row.value("mId").and_then(Value::as_str).unwrap_or_default();
        format!("{account}/{day}/{currency}")
    });
    Ok(Line {
        number: row.number,
        identity: row.need("transactionKey")?.to_owned(),
        side: Side::Psp,
        kind,
        occurred_at,
        business_date: date(row, "soldDate")?,
        currency,
        gross,
        fee,
        net,
        presented: None,
        reversal: false,
        references: References {
            psp_payment: row.some("paymentKey")?,
            psp_movement: row.some("transactionKey")?,
            our_key: None,
            ours: row.some("orderId")?,
            batch,
            texts: Vec::new(),
        },
        raw: row.raw.clone(),
    })
}

/// The fees one by one, where the row has them, are the fee.
fn fees_add_up(row: &Object, currency: Currency, fee: i64) -> Result<(), Refused> {
    let Some(fees) = row.value("fees") else { return Ok(()) };
    let fees = fees.as_array().ok_or_else(|| row.refuse("fees", "not a list"))?;
    if fees.is_empty() {
        return Ok(());
    }
    let sum = fees.iter().try_fold(0_i64, |sum, one| {
        let text = text(one.get("fee"), row.number, "fees")?.ok_or_else(|| row.refuse("fees", "one without a fee"))?;
        let part = major(text, currency).map_err(|reason| row.refuse("fees", reason))?;
        sum.checked_add(part).ok_or_else(|| row.refuse("fees", "too large"))
    })?;
    if sum == fee {
        return Ok(());
    }
    let reason = format!("they come to {}, supplyAmount and vat to {}", shown(sum, currency), shown(fee, currency));
    Err(row.refuse("fees", reason))
}

/// What a cancellation says it took back is what the row says.
fn taken_back(row: &Object, cancel: &Value, currency: Currency, gross: i64) -> Result<(), Refused> {
    let Some(said) = text(cancel.get("cancelAmount"), row.number, "cancelAmount")? else { return Ok(()) };
    let said = major(said, currency).map_err(|reason| row.refuse("cancelAmount", reason))?;
    if said.checked_abs() == gross.checked_abs() {
        return Ok(());
    }
    let reason = format!("{} was cancelled, the row is over {}", shown(said, currency), shown(gross, currency));
    Err(row.refuse("cancelAmount", reason))
}

fn date(row: &Object, name: &str) -> Result<Date, Refused> {
    let text = row.need(name)?;
    day(text).ok_or_else(|| row.refuse(name, format!("{text:.40?} is no day such as 2025-10-06")))
}

/// `YYYY-MM-DD`, and nothing else that a date may be written as.
pub fn day(text: &str) -> Option<Date> {
    if text.len() == 10 { text.parse().ok() } else { None }
}
