//! What of ours the lines may be.

use serde_json::json;

use super::super::super::words::ObjectKind;
use super::super::told::{Here, Ours};
use crate::db::{Db, DbError, Row, query};
use crate::words::{Mode, PaymentId, Tenant, Timestamp};

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

/// A movement of ours under the names by which a line may call it.
#[derive(Debug, Clone)]
pub struct Named {
    /// The names.
    pub names: Vec<String>,
    /// The movement.
    pub ours: Ours,
    /// What takes it back: a refund that came back, a dispute that was won, a payout that was returned.
    pub back: Option<Ours>,
}

/// Charges by a name of their payment; each with the name by which it was found.
pub async fn charges(db: &Db, by: PaymentKey, psp: &str, mode: Mode, keys: &[&str]) -> Result<Vec<Named>, DbError> {
    let sql = match by {
        PaymentKey::AtPsp => "select p.psp_payment as found_by, p.id, p.id as payment_id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.psp_payment in (select value from json_each($3))",
        PaymentKey::Ours => "select p.id as found_by, p.id, p.id as payment_id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.id in (select value from json_each($3))",
        PaymentKey::Order => "select o.payment_order_id as found_by, p.id, p.id as payment_id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payment_orders o join payments p on p.id = o.payment_id where p.psp = $1 and p.livemode = $2
                 and o.payment_order_id in (select value from json_each($3))",
        PaymentKey::Attempt => "select a.psp_key as found_by, p.id, p.id as payment_id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and p.livemode = $2
                 and a.psp_key in (select value from json_each($3))",
    };
    let read = |row: &Row| {
        let captured: i64 = row.get("captured")?;
        let here = match row.get::<String>("status")?.as_str() {
            "succeeded" => Here::Done,
            "requires_payment" | "processing" | "authorized" => Here::Pending,
            _ => Here::GivenUp,
        };
        let amount = if captured > 0 { captured } else { row.get("amount")? };
        let ours = ours(row, ObjectKind::Charge, row.get("payment_id")?, amount, here)?;
        Ok(Named { names: vec![row.get("found_by")?], ours, back: None })
    };
    named(db, sql, (psp, mode), keys, read).await
}

/// Charges beside the one that paid, by the key of their attempt or by the PSP's name: each is a movement of its own, which the attempt
/// stands for.
pub async fn second_charges(db: &Db, psp: &str, mode: Mode, keys: &[&str]) -> Result<Vec<Named>, DbError> {
    let sql = "select a.psp_key, a.second_charge, a.id, a.payment_id, p.merchant_id, p.livemode, p.currency, a.second_charge_amount as amount
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and p.livemode = $2
                 and a.second_charged_at is not null and a.psp_key in (select value from json_each($3))
             union select a.psp_key, a.second_charge, a.id, a.payment_id, p.merchant_id, p.livemode, p.currency, a.second_charge_amount
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and p.livemode = $2
                 and a.second_charged_at is not null and a.second_charge in (select value from json_each($3))";
    let read = |row: &Row| {
        let ours = ours(row, ObjectKind::Charge, row.get("payment_id")?, row.get("amount")?, Here::Done)?;
        Ok(Named { names: vec![row.get("psp_key")?, row.get("second_charge")?], ours, back: None })
    };
    named(db, sql, (psp, mode), keys, read).await
}

/// Refunds by our key or by the PSP's name.
pub async fn refunds(db: &Db, psp: &str, mode: Mode, keys: &[&str]) -> Result<Vec<Named>, DbError> {
    let sql = "select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2
                 and psp_key in (select value from json_each($3))
             union select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2
                 and psp_reference in (select value from json_each($3))";
    let read = |row: &Row| {
        let (amount, status): (i64, String) = (row.get("amount")?, row.get("status")?);
        let succeeded = row.get::<Option<Timestamp>>("succeeded_at")?.is_some();
        let here = match status.as_str() {
            _ if succeeded => Here::Done,
            "pending" => Here::Pending,
            _ => Here::GivenUp,
        };
        let came_back = if status == "failed" && succeeded { Here::Done } else { Here::Pending };
        let ours = ours(row, ObjectKind::Refund, row.get("payment_id")?, amount.saturating_neg(), here)?;
        let back = Ours { kind: ObjectKind::RefundFailure, amount, here: came_back, ..ours.clone() };
        let names = [Some(row.get("psp_key")?), row.get("psp_reference")?].into_iter().flatten().collect();
        Ok(Named { names, ours, back: Some(back) })
    };
    named(db, sql, (psp, mode), keys, read).await
}

/// Disputes by the PSP's name: the loss of the money, and its coming back.
pub async fn disputes(db: &Db, psp: &str, mode: Mode, keys: &[&str]) -> Result<Vec<Named>, DbError> {
    let sql = "select id, psp_reference, payment_id, merchant_id, livemode, currency, amount, fee, status from disputes
             where psp = $1 and livemode = $2
                 and psp_reference in (select value from json_each($3))";
    let read = |row: &Row| {
        let amount: i64 = row.get("amount")?;
        let won = if row.get::<String>("status")? == "won" { Here::Done } else { Here::Pending };
        let ours = ours(row, ObjectKind::Dispute, row.get("payment_id")?, amount.saturating_neg(), Here::Done)?;
        let back = Ours { kind: ObjectKind::DisputeReversal, amount, here: won, ..ours.clone() };
        let ours = Ours { fee_booked: row.get("fee")?, ..ours };
        Ok(Named { names: vec![row.get("psp_reference")?], ours, back: Some(back) })
    };
    named(db, sql, (psp, mode), keys, read).await
}

/// Payouts to sellers by our id or the provider's name: the going out, and the coming back.
pub async fn payouts(db: &Db, provider: &str, mode: Mode, keys: &[&str]) -> Result<Vec<Named>, DbError> {
    let sql = "select o.id, o.provider_reference, o.merchant_id, o.livemode, o.currency, o.amount, o.status
                 from json_each($3) k cross join payouts o where o.id = k.value and o.provider = $1 and o.livemode = $2
             union select o.id, o.provider_reference, o.merchant_id, o.livemode, o.currency, o.amount, o.status
                 from json_each($3) k cross join payouts o
                 where o.provider_reference = k.value and o.provider = $1 and o.livemode = $2";
    let read = |row: &Row| {
        let (amount, status): (i64, String) = (row.get("amount")?, row.get("status")?);
        let here = match status.as_str() {
            "paid" | "returned" => Here::Done,
            "processing" => Here::Pending,
            _ => Here::GivenUp,
        };
        let returned = if status == "returned" { Here::Done } else { Here::Pending };
        let ours = ours(row, ObjectKind::Payout, None, amount.saturating_neg(), here)?;
        let back = Ours { kind: ObjectKind::PayoutReturn, amount, here: returned, ..ours.clone() };
        let names = [Some(row.get("id")?), row.get("provider_reference")?].into_iter().flatten().collect();
        Ok(Named { names, ours, back: Some(back) })
    };
    named(db, sql, (provider, mode), keys, read).await
}

/// What of one PSP's account is called by one of the keys, which travel as one JSON text.
async fn named(
    db: &Db,
    sql: &'static str,
    (psp, mode): (&str, Mode),
    keys: &[&str],
    read: impl Fn(&Row) -> Result<Named, DbError>,
) -> Result<Vec<Named>, DbError> {
    let rows = query(sql).bind(psp).bind(mode).bind(json!(keys).to_string()).all(db).await?;
    rows.iter().map(read).collect()
}

/// A movement as its own row tells it, of which no line has told yet.
fn ours(row: &Row, kind: ObjectKind, payment: Option<PaymentId>, amount: i64, here: Here) -> Result<Ours, DbError> {
    Ok(Ours {
        kind,
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment,
        currency: row.get("currency")?,
        amount,
        here,
        fee_booked: 0,
        told: 0,
        taken: 0,
        written_off: false,
    })
}
