//! What of ours the lines may be.

use serde_json::json;

use super::super::super::words::ObjectKind;
use super::super::told::{Here, Ours};
use crate::db::{Db, DbError, Row, query};
use crate::words::{Mode, Tenant, Timestamp};

/// Which name of a payment the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentKey {
    /// The PSP's.
    AtPsp,
    /// Ours.
    Ours,
    /// Of one of its orders.
    Order,
    /// The key of an attempt at the PSP.
    Attempt,
}

/// Charges by a name of their payment; each with the name by which it was found.
pub async fn charges(
    db: &Db,
    by: PaymentKey,
    psp: &str,
    mode: Mode,
    keys: &[&str],
) -> Result<Vec<(String, Ours)>, DbError> {
    let sql = match by {
        PaymentKey::AtPsp => "select p.psp_payment as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.psp_payment in (select value from json_each($3))",
        PaymentKey::Ours => "select p.id as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.id in (select value from json_each($3))",
        PaymentKey::Order => "select o.payment_order_id as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payment_orders o join payments p on p.id = o.payment_id where p.psp = $1 and p.livemode = $2
                 and o.payment_order_id in (select value from json_each($3))",
        PaymentKey::Attempt => "select a.psp_key as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and p.livemode = $2
                 and a.psp_key in (select value from json_each($3))",
    };
    query(sql)
        .bind(psp)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| Ok((row.get("found_by")?, charge(row)?)))
        .collect()
}

fn charge(row: &Row) -> Result<Ours, DbError> {
    let status: String = row.get("status")?;
    let (amount, captured): (i64, i64) = (row.get("amount")?, row.get("captured")?);
    let here = match status.as_str() {
        "succeeded" => Here::Done,
        "requires_payment" | "processing" | "authorized" => Here::Pending,
        _ => Here::GivenUp,
    };
    let id: String = row.get("id")?;
    Ok(Ours {
        kind: ObjectKind::Charge,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment: Some(row.get("id")?),
        id,
        currency: row.get("currency")?,
        amount: if captured > 0 { captured } else { amount },
        here,
        fee_booked: 0,
        told: 0,
        taken: 0,
        written_off: false,
    })
}

/// Refunds by our key or by the PSP's name; each with both names.
pub async fn refunds(
    db: &Db,
    psp: &str,
    mode: Mode,
    keys: &[&str],
) -> Result<Vec<(String, Option<String>, Ours, Ours)>, DbError> {
    let sql = "select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2
                 and psp_key in (select value from json_each($3))
             union select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2
                 and psp_reference in (select value from json_each($3))";
    query(sql)
        .bind(psp)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let amount: i64 = row.get("amount")?;
            let status: String = row.get("status")?;
            let succeeded: Option<Timestamp> = row.get("succeeded_at")?;
            let done = match status.as_str() {
                _ if succeeded.is_some() => Here::Done,
                "pending" => Here::Pending,
                _ => Here::GivenUp,
            };
            let refund = Ours {
                kind: ObjectKind::Refund,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: Some(row.get("payment_id")?),
                currency: row.get("currency")?,
                amount: amount.saturating_neg(),
                here: done,
                fee_booked: 0,
                told: 0,
                taken: 0,
                written_off: false,
            };
            let back = if status == "failed" && succeeded.is_some() { Here::Done } else { Here::Pending };
            let failure = Ours { kind: ObjectKind::RefundFailure, amount, here: back, ..refund.clone() };
            Ok((row.get("psp_key")?, row.get("psp_reference")?, refund, failure))
        })
        .collect()
}

/// Disputes by the PSP's name: the loss of the money, and its coming back.
pub async fn disputes(db: &Db, psp: &str, mode: Mode, keys: &[&str]) -> Result<Vec<(String, Ours, Ours)>, DbError> {
    let sql = "select id, psp_reference, payment_id, merchant_id, livemode, currency, amount, fee, status from disputes
             where psp = $1 and livemode = $2
                 and psp_reference in (select value from json_each($3))";
    query(sql)
        .bind(psp)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let amount: i64 = row.get("amount")?;
            let status: String = row.get("status")?;
            let taken = Ours {
                kind: ObjectKind::Dispute,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: Some(row.get("payment_id")?),
                currency: row.get("currency")?,
                amount: amount.saturating_neg(),
                here: Here::Done,
                fee_booked: row.get("fee")?,
                told: 0,
                taken: 0,
                written_off: false,
            };
            let here = if status == "won" { Here::Done } else { Here::Pending };
            let back = Ours { kind: ObjectKind::DisputeReversal, amount, here, fee_booked: 0, ..taken.clone() };
            Ok((row.get("psp_reference")?, taken, back))
        })
        .collect()
}

/// Payouts to sellers by our id or the provider's name: the going out, and the coming back.
pub async fn payouts(
    db: &Db,
    provider: &str,
    mode: Mode,
    keys: &[&str],
) -> Result<Vec<(String, Option<String>, Ours, Ours)>, DbError> {
    let sql = "select id, provider_reference, merchant_id, livemode, currency, amount, status from payouts
             where provider = $1 and livemode = $2
                 and (id in (select value from json_each($3))
                 or provider_reference in (select value from json_each($3)))";
    query(sql)
        .bind(provider)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let amount: i64 = row.get("amount")?;
            let status: String = row.get("status")?;
            let here = match status.as_str() {
                "paid" | "returned" => Here::Done,
                "processing" => Here::Pending,
                _ => Here::GivenUp,
            };
            let out = Ours {
                kind: ObjectKind::Payout,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: None,
                currency: row.get("currency")?,
                amount: amount.saturating_neg(),
                here,
                fee_booked: 0,
                told: 0,
                taken: 0,
                written_off: false,
            };
            let here = if status == "returned" { Here::Done } else { Here::Pending };
            let back = Ours { kind: ObjectKind::PayoutReturn, amount, here, ..out.clone() };
            Ok((row.get("id")?, row.get("provider_reference")?, out, back))
        })
        .collect()
}
