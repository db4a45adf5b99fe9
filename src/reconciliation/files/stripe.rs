//! Stripe's itemized payout reconciliation report (`payout_reconciliation.itemized.7`, `payout_reconciliation.by_id.itemized.4`).
//!
//! Amounts are in major units and signed by the balance: a charge above zero, a refund or the payout itself below. Per row
//! `net = gross - fee`; the rows of a payout, the payout among them, come to nothing.

use std::collections::BTreeMap;
use std::io::Read;

use jiff::civil::DateTime;

use super::amount::{major, shown};
use super::refused::{ReadError, Refused};
use super::table::{Row, Table};
use super::taken::{MOST_BATCHES, Out};
use crate::config::reconciliation::Source;
use crate::reconciliation::calendar::Calendar;
use crate::reconciliation::line::{Line, LineKind, References, Side};
use crate::words::{Currency, Timestamp};

const REQUIRED: &[&str] =
    &["automatic_payout_id", "balance_transaction_id", "currency", "gross", "fee", "net", "reporting_category"];

/// Every column of these reports that Stripe documents, besides metadata.
const KNOWN: &[&str] = &[
    "automatic_payout_id",
    "automatic_payout_effective_at",
    "automatic_payout_effective_at_utc",
    "balance_transaction_id",
    "created",
    "created_utc",
    "available_on",
    "available_on_utc",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "description",
    "source_id",
    "charge_id",
    "payment_intent_id",
    "invoice_id",
    "invoice_number",
    "subscription_id",
    "customer_id",
    "customer_name",
    "customer_email",
    "customer_description",
    "payment_method_type",
    "trace_id",
    "trace_id_status",
    "payout_reference_token",
    "payout_statement_descriptor",
    "customer_facing_amount",
    "customer_facing_currency",
    "fee_net_of_withheld_tax",
    "withheld_tax",
    "card_brand",
    "card_funding",
    "card_country",
    "is_link",
    "regulatory_tag",
    "statement_descriptor",
    "dispute_reason",
    "charge_created",
    "charge_created_utc",
    "destination_payment_id",
    "transfer_id",
];
const KNOWN_BEGINNINGS: &[&str] =
    &["payment_metadata[", "refund_metadata[", "transfer_metadata[", "shipping_", "connected_account_"];

/// Reads a report.
pub fn read(source: &Source, calendar: &Calendar, input: impl Read, out: &mut Out<'_>) -> Result<(), ReadError> {
    let mut table = Table::open(input, b',', known, REQUIRED)?;
    if !table.has("created_utc") && !table.has("created") {
        return Err(Refused::whole("created_utc", "this column is missing, and so is created").into());
    }
    let ours = source.columns.get("ours").map(String::as_str);
    if let Some(missing) = ours.filter(|column| !table.has(column)) {
        return Err(
            Refused::whole(missing, "this column is missing; the settings say that our reference is in it").into()
        );
    }
    let mut batches: BTreeMap<String, (Currency, i64)> = BTreeMap::new();
    while let Some(row) = table.next()? {
        let line = line(&row, calendar, ours)?;
        if let Some(batch) = &line.references.batch {
            let count = batches.len();
            let (currency, sum) = batches.entry(batch.clone()).or_insert((line.currency, 0));
            if *currency != line.currency {
                return Err(row.refuse("currency", format!("{}, and {batch} is in {currency}", line.currency)).into());
            }
            *sum = sum.checked_add(line.net).ok_or_else(|| row.refuse("net", "the payout is too large"))?;
            if count > MOST_BATCHES {
                return Err(row
                    .refuse("automatic_payout_id", format!("more than {MOST_BATCHES} payouts in one file"))
                    .into());
            }
        }
        out.line(line)?;
    }
    match batches.iter().find(|(_, (_, sum))| *sum != 0) {
        None => Ok(()),
        Some((batch, (currency, sum))) => Err(Refused::whole(
            "net",
            format!(
                "the rows of {batch}, with the payout itself, come to {} instead of nothing: rows are missing or changed",
                shown(*sum, *currency)
            ),
        )
        .into()),
    }
}

fn known(column: &str) -> bool {
    KNOWN.contains(&column) || KNOWN_BEGINNINGS.iter().any(|beginning| column.starts_with(beginning))
}

fn line(row: &Row<'_>, calendar: &Calendar, ours: Option<&str>) -> Result<Line, Refused> {
    let currency = currency(row, "currency")?;
    let amount = |name: &str| major(row.need(name)?, currency).map_err(|reason| row.refuse(name, reason));
    let occurred_at = created(row, calendar)?;
    let business_date =
        calendar.day_of(occurred_at).ok_or_else(|| row.refuse("created_utc", "outside the calendar"))?;
    let (gross, fee, net) = (amount("gross")?, amount("fee")?, amount("net")?);
    Ok(Line {
        number: row.number,
        identity: row.need("balance_transaction_id")?.to_owned(),
        side: Side::Psp,
        kind: kind(row.need("reporting_category")?),
        occurred_at: Some(occurred_at),
        business_date,
        currency,
        gross,
        fee,
        net,
        presented: presented(row, currency, gross)?,
        reversal: false,
        references: References {
            psp_payment: row.some("payment_intent_id").or_else(|| row.some("charge_id")),
            psp_movement: row.some("source_id"),
            our_key: None,
            ours: ours.and_then(|column| row.some(column)),
            batch: row.some("automatic_payout_id"),
            texts: ["trace_id", "payout_reference_token", "payout_statement_descriptor", "statement_descriptor"]
                .iter()
                .filter_map(|name| row.some(name))
                .collect(),
        },
        raw: row.raw(),
    })
}

fn kind(category: &str) -> LineKind {
    match category {
        "charge" => LineKind::Charge,
        "partial_capture_reversal" => LineKind::ChargeReversal,
        "refund" => LineKind::Refund,
        "refund_failure" => LineKind::RefundFailure,
        "dispute" => LineKind::Dispute,
        "dispute_reversal" => LineKind::DisputeReversal,
        "fee" | "network_cost" | "tax" => LineKind::Fee,
        "payout" => LineKind::Payout,
        "payout_reversal" => LineKind::PayoutReversal,
        "other_adjustment" | "risk_reserved_funds" | "connect_reserved_funds" => LineKind::Adjustment,
        other => LineKind::Unknown(other.to_owned()),
    }
}

fn currency(row: &Row<'_>, name: &str) -> Result<Currency, Refused> {
    let code = row.need(name)?;
    Currency::parse(&code.to_ascii_uppercase()).map_err(|wrong| row.refuse(name, format!("{code:.20?} is {wrong}")))
}

/// What the shopper paid, when that was another currency; with the sign of what came of it.
fn presented(row: &Row<'_>, settled: Currency, gross: i64) -> Result<Option<(Currency, i64)>, Refused> {
    if row.get("customer_facing_currency").is_empty() || row.get("customer_facing_amount").is_empty() {
        return Ok(None);
    }
    let currency = currency(row, "customer_facing_currency")?;
    if currency == settled {
        return Ok(None);
    }
    let name = "customer_facing_amount";
    let amount = major(row.get(name), currency).map_err(|reason| row.refuse(name, reason))?;
    let signed = if gross < 0 { amount.checked_abs().and_then(i64::checked_neg) } else { Some(amount) };
    signed.map(|amount| Some((currency, amount))).ok_or_else(|| row.refuse(name, "too large"))
}

/// `created_utc` is UTC, `created` is in the zone for which the report was run: the source's.
fn created(row: &Row<'_>, calendar: &Calendar) -> Result<Timestamp, Refused> {
    let (name, utc) = if row.get("created_utc").is_empty() { ("created", false) } else { ("created_utc", true) };
    let text = row.need(name)?;
    let local: DateTime =
        text.parse().map_err(|_| row.refuse(name, format!("{text:.40?} is no time such as 2025-10-06 01:00:00")))?;
    let instant = if utc {
        local.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| Timestamp::from_micros(at.timestamp().as_microsecond()))
    } else {
        calendar.instant(local)
    };
    instant.ok_or_else(|| row.refuse(name, "outside the calendar"))
}
