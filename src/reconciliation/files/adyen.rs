//! Adyen's settlement details report, one file per closed batch and merchant account.
//!
//! Amounts are in major units, the direction is the column: debit or credit, never the type. Per row the gross less the four
//! fees is the net; the rows of a batch, its payout among them, come to nothing. Times carry an abbreviation such as PST that
//! may mean several zones: the zone is the source's setting.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::civil::DateTime;
use rust_decimal::Decimal;

use super::amount::{decimal, major, shown};
use super::refused::{ReadError, Refused};
use super::table::{Row, Table};
use super::taken::{MOST_BATCHES, Out};
use crate::reconciliation::calendar::Calendar;
use crate::reconciliation::line::{Line, LineKind, References, Side};
use crate::words::{Currency, Timestamp};

const REQUIRED: &[&str] = &[
    "Merchant Account",
    "Psp Reference",
    "Merchant Reference",
    "Creation Date",
    "TimeZone",
    "Type",
    "Modification Reference",
    "Gross Currency",
    "Gross Debit (GC)",
    "Gross Credit (GC)",
    "Exchange Rate",
    "Net Currency",
    "Net Debit (NC)",
    "Net Credit (NC)",
    "Commission (NC)",
    "Markup (NC)",
    "Scheme Fees (NC)",
    "Interchange (NC)",
    "Batch Number",
];

/// The columns that may stand beside the required ones. `Payment Fees (NC)` and its like are totals of fees: never added.
const KNOWN: &[&str] = &[
    "Company Account",
    "Payment Method",
    "Payment Method Variant",
    "Modification Merchant Reference",
    "Reserved4",
    "Reserved5",
    "Reserved6",
    "Reserved7",
    "Reserved8",
    "Reserved9",
    "Reserved10",
    "Booking Date",
    "Booking Date TimeZone",
    "Metadata",
    "Balance Currency",
    "Net Debit (BC)",
    "Net Credit (BC)",
    "Payment Fees (NC)",
    "Gross Fees (NC)",
    "DCC Markup (NC)",
    "Advanced (NC)",
    "Funds Destination",
    "Balance Platform Debit",
    "Balance Platform Credit",
    "Shopper Country",
    "Clearing Network",
    "Merchant Order Reference",
    "Dispute Reference",
    "ARN",
    "Settlement Flow",
    "Authorisation Code",
];

const FEES: [&str; 4] = ["Commission (NC)", "Markup (NC)", "Scheme Fees (NC)", "Interchange (NC)"];

/// What a batch has come to.
struct Batch {
    currency: Currency,
    sum: i64,
    paid_out: bool,
}

/// Reads a report.
pub fn read(calendar: &Calendar, input: impl Read, out: &mut Out<'_>) -> Result<(), ReadError> {
    let known = |column: &str| REQUIRED.contains(&column) || KNOWN.contains(&column);
    let mut table = Table::open(input, b',', known, REQUIRED)?;
    let mut batches: BTreeMap<String, Batch> = BTreeMap::new();
    while let Some(row) = table.next()? {
        let line = line(&row, calendar)?;
        let count = batches.len();
        let fresh = Batch { currency: line.currency, sum: 0, paid_out: false };
        let name = line.references.batch.clone().unwrap_or_default();
        let batch = batches.entry(name).or_insert(fresh);
        if batch.currency != line.currency {
            let reason = format!("{}, and the batch is in {}", line.currency, batch.currency);
            return Err(row.refuse("Net Currency", reason).into());
        }
        if count > MOST_BATCHES {
            return Err(row.refuse("Batch Number", format!("more than {MOST_BATCHES} batches in one file")).into());
        }
        let sum = batch.sum.checked_add(line.net);
        batch.sum = sum.ok_or_else(|| row.refuse("Net Credit (NC)", "the batch is too large"))?;
        batch.paid_out |= line.kind == LineKind::Payout;
        out.line(line)?;
    }
    batches.iter().try_for_each(|(name, batch)| adds_up(name, batch)).map_err(ReadError::from)
}

/// A batch that paid out comes to nothing. One that did not owes nothing, or it would have.
fn adds_up(name: &str, batch: &Batch) -> Result<(), Refused> {
    let sum = shown(batch.sum, batch.currency);
    if batch.paid_out && batch.sum != 0 {
        let reason = format!(
            "the rows of batch {name}, with the payout itself, come to {sum} instead of nothing: rows are missing or changed"
        );
        return Err(Refused::whole("Net Credit (NC)", reason));
    }
    if !batch.paid_out && batch.sum > 0 {
        let reason = format!("batch {name} owes {sum} and has no row that pays it out: the file is cut off");
        return Err(Refused::whole("Net Credit (NC)", reason));
    }
    Ok(())
}

fn line(row: &Row<'_>, calendar: &Calendar) -> Result<Line, Refused> {
    let net_currency = currency(row, "Net Currency")?;
    let net = direction(row, "Net Debit (NC)", "Net Credit (NC)", net_currency)?
        .ok_or_else(|| row.refuse("Net Credit (NC)", "neither a debit nor a credit"))?;
    let fee = fees(row, net_currency)?;
    let gross_currency =
        if row.get("Gross Currency").is_empty() { net_currency } else { currency(row, "Gross Currency")? };
    let moved = direction(row, "Gross Debit (GC)", "Gross Credit (GC)", gross_currency)?;
    let (gross, presented) = match moved {
        // Rows of the batch itself, such as its payout, have a net and nothing else.
        None => (net.checked_add(fee), None),
        Some(gross) if gross_currency == net_currency => (Some(gross), None),
        Some(gross) => (converted(row, gross, gross_currency, net, fee, net_currency)?, Some((gross_currency, gross))),
    };
    let gross = gross.ok_or_else(|| row.refuse("Net Credit (NC)", "too large"))?;
    let occurred_at = created(row, calendar)?;
    let text = row.need("Type")?;
    let kind = kind(text);
    let batch = format!("{}/{}", row.need("Merchant Account")?, row.need("Batch Number")?);
    let movement = row.some("Modification Reference");
    let texts = if kind == LineKind::Payout { movement.iter().cloned().collect() } else { Vec::new() };
    Ok(Line {
        number: row.number,
        identity: identity(row, &batch, text, net),
        side: Side::Psp,
        kind,
        occurred_at: Some(occurred_at),
        business_date: calendar
            .day_of(occurred_at)
            .ok_or_else(|| row.refuse("Creation Date", "outside the calendar"))?,
        currency: net_currency,
        gross,
        fee,
        net,
        presented,
        reversal: false,
        references: References {
            psp_payment: row.some("Psp Reference"),
            psp_movement: movement,
            our_key: None,
            ours: row.some("Modification Merchant Reference").or_else(|| row.some("Merchant Reference")),
            batch: Some(batch),
            texts,
        },
        raw: row.raw(),
    })
}

/// Batch, type, both references and the booking date; a row without references also has its amount.
fn identity(row: &Row<'_>, batch: &str, kind: &str, net: i64) -> String {
    let kind = kind.to_ascii_lowercase();
    let (payment, movement) = (row.get("Psp Reference"), row.get("Modification Reference"));
    let date = row.some("Booking Date").unwrap_or_else(|| row.get("Creation Date").to_owned());
    let amount = if payment.is_empty() { format!("|{net}") } else { String::new() };
    format!("{batch}|{kind}|{payment}|{movement}|{date}{amount}")
}

/// Letter case differs between descriptions of this report, so it says nothing.
fn kind(text: &str) -> LineKind {
    match text.to_ascii_lowercase().as_str() {
        "settled" | "settledexternally" => LineKind::Charge,
        "refunded" | "refundedexternally" => LineKind::Refund,
        "refundedreversed" => LineKind::RefundFailure,
        "chargeback" | "chargebackexternally" | "secondchargeback" => LineKind::Dispute,
        "chargebackreversed" => LineKind::DisputeReversal,
        "fee" | "misccosts" | "authorisationschemefee" | "paymentcost" | "settlecost" => LineKind::Fee,
        "merchantpayout" | "paidout" => LineKind::Payout,
        "paidoutreversed" | "bankinstructionreturned" => LineKind::PayoutReversal,
        "depositcorrection"
        | "invoicededuction"
        | "manualcorrected"
        | "reserveadjustment"
        | "matchedstatement"
        | "balancetransfer"
        | "internalcompanypayout"
        | "epapaid" => LineKind::Adjustment,
        _ => LineKind::Unknown(text.to_owned()),
    }
}

fn currency(row: &Row<'_>, name: &str) -> Result<Currency, Refused> {
    let code = row.need(name)?;
    Currency::parse(code).map_err(|wrong| row.refuse(name, format!("{code:.20?} is {wrong}")))
}

/// Credit less debit, minor units; none when both columns are empty.
fn direction(row: &Row<'_>, debit: &str, credit: &str, currency: Currency) -> Result<Option<i64>, Refused> {
    let amount = |name: &str| match row.get(name) {
        "" => Ok(None),
        text => major(text, currency).map(Some).map_err(|reason| row.refuse(name, reason)),
    };
    match (amount(debit)?, amount(credit)?) {
        (None, None) => Ok(None),
        (debit, credit) => credit
            .unwrap_or(0)
            .checked_sub(debit.unwrap_or(0))
            .map(Some)
            .ok_or_else(|| row.refuse("Net Credit (NC)", "too large")),
    }
}

fn fees(row: &Row<'_>, currency: Currency) -> Result<i64, Refused> {
    FEES.iter().try_fold(0_i64, |sum, name| {
        let text = row.get(name);
        let fee = if text.is_empty() { Ok(0) } else { major(text, currency) };
        let fee = fee.map_err(|reason| row.refuse(name, reason))?;
        sum.checked_add(fee).ok_or_else(|| row.refuse(name, "the fees are too large"))
    })
}

/// The gross in the currency of settlement: what the file says of net and fees, held against the rate. The rate is rounded, so
/// the two may differ by what half a unit of its last digit makes, and a minor unit.
fn converted(
    row: &Row<'_>,
    gross: i64,
    from: Currency,
    net: i64,
    fee: i64,
    to: Currency,
) -> Result<Option<i64>, Refused> {
    let name = "Exchange Rate";
    let rate = decimal(row.need(name)?).map_err(|reason| row.refuse(name, reason))?.normalize();
    let too_large = || row.refuse(name, "the amount or the rate is too large");
    let settled = net.checked_add(fee).ok_or_else(too_large)?;
    let shift = |amount: Decimal| {
        let (up, down) = (10_i64.checked_pow(to.exponent())?, 10_i64.checked_pow(from.exponent())?);
        amount.checked_mul(Decimal::from(up))?.checked_div(Decimal::from(down))
    };
    let off = (|| {
        let expected = shift(Decimal::from(gross).checked_mul(rate)?)?;
        expected.checked_sub(Decimal::from(settled)).map(|off| off.abs())
    })()
    .ok_or_else(too_large)?;
    let slack = (|| {
        let half = Decimal::try_new(5, rate.scale().checked_add(1)?).ok()?;
        shift(Decimal::from(gross.checked_abs()?).checked_mul(half)?)?.checked_add(Decimal::ONE)
    })()
    .ok_or_else(too_large)?;
    if off > slack {
        let reason = format!("{} at {rate} is not net and fees, {}", shown(gross, from), shown(settled, to));
        return Err(row.refuse(name, reason));
    }
    Ok(Some(settled))
}

fn created(row: &Row<'_>, calendar: &Calendar) -> Result<Timestamp, Refused> {
    let name = "Creation Date";
    let text = row.need(name)?;
    let local: DateTime =
        text.parse().map_err(|_| row.refuse(name, format!("{text:.40?} is no time such as 2025-10-06 01:00:00")))?;
    calendar.instant(local).ok_or_else(|| row.refuse(name, "outside the calendar"))
}
