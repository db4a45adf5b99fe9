//! The SQL of corrections.

use super::{Correction, Status};
use crate::db::{DbError, On, Row, Tx, query};
use crate::ledger::Transfer;
use crate::words::{CorrectionId, Currency, Money, Page, Slice, Tenant};
use serde_json::{Value, json};

pub(super) async fn insert(tx: &mut Tx, correction: &Correction) -> Result<(), DbError> {
    let transfers: Vec<Value> = correction
        .transfers
        .iter()
        .map(|it| json!([it.debit.to_string(), it.credit.to_string(), it.amount, it.amount.currency()]))
        .collect();
    query(
        "insert into corrections (merchant_id, livemode, id, reason, corrects, payment_id, transfers, status, asked_by, asked_at) \
         values ($1, $2, $3, $4, $5, $6, $7, 'asked', $8, $9)",
    )
    .bind(&correction.tenant.merchant)
    .bind(correction.tenant.mode)
    .bind(&correction.id)
    .bind(&correction.reason)
    .bind(&correction.corrects)
    .bind(&correction.payment)
    .bind(Value::from(transfers).to_string())
    .bind(&correction.asked_by)
    .bind(correction.asked_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Writes down what was decided, if nothing was decided yet: the update is the lock.
pub(super) async fn decide(tx: &mut Tx, correction: &Correction) -> Result<bool, DbError> {
    let changed = query(
        "update corrections set status = $4, decided_by = $5, decided_at = $6, journal_id = $7 \
         where merchant_id = $1 and livemode = $2 and id = $3 and status = 'asked'",
    )
    .bind(&correction.tenant.merchant)
    .bind(correction.tenant.mode)
    .bind(&correction.id)
    .bind(correction.status.as_str())
    .bind(&correction.decided_by)
    .bind(correction.decided_at)
    .bind(&correction.journal)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// One correction of whatever merchant: for the console.
///
/// # Errors
/// When the database fails.
pub async fn find(on: impl Into<On<'_>>, id: &CorrectionId) -> Result<Option<Correction>, DbError> {
    query("select * from corrections where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// One correction of this tenant.
///
/// # Errors
/// When the database fails.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &CorrectionId) -> Result<Option<Correction>, DbError> {
    Ok(find(on, id).await?.filter(|correction| correction.tenant == *tenant))
}

/// The newest corrections of all merchants; those that wait first.
///
/// # Errors
/// When the database fails.
pub async fn list(on: impl Into<On<'_>>, limit: i64) -> Result<Vec<Correction>, DbError> {
    query("select * from corrections order by case status when 'asked' then 0 else 1 end, id desc limit $1")
        .bind(limit)
        .all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

/// A page of a tenant's corrections, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn of_tenant(on: impl Into<On<'_>>, tenant: &Tenant, page: &Page) -> Result<Slice<Correction>, DbError> {
    let sql = if page.is_backwards() {
        "select * from corrections where merchant_id = $1 and livemode = $2 and id > $3 order by id limit $4"
    } else {
        "select * from corrections where merchant_id = $1 and livemode = $2 and id < $3 order by id desc limit $4"
    };
    let rows =
        query(sql).bind(&tenant.merchant).bind(tenant.mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<Correction, DbError> {
    let bad = || DbError::corrupt("transfers", "not what a correction moves");
    let text: String = row.get("transfers")?;
    let listed: Vec<[String; 4]> = serde_json::from_str(&text).map_err(|_| bad())?;
    let transfer = |[debit, credit, amount, currency]: [String; 4]| {
        let currency = Currency::parse(&currency).ok()?;
        let amount = Money::parse(&amount, currency).ok()?;
        Some(Transfer { debit: debit.parse().ok()?, credit: credit.parse().ok()?, amount })
    };
    Ok(Correction {
        id: row.get("id")?,
        tenant: Tenant { merchant: row.get("merchant_id")?, mode: row.get("livemode")? },
        reason: row.get("reason")?,
        corrects: row.get("corrects")?,
        payment: row.get("payment_id")?,
        transfers: listed.into_iter().map(|one| transfer(one).ok_or_else(bad)).collect::<Result<_, _>>()?,
        status: match row.get::<String>("status")?.as_str() {
            "asked" => Status::Asked,
            "posted" => Status::Posted,
            "refused" => Status::Refused,
            _ => return Err(DbError::corrupt("status", "not a status of a correction")),
        },
        asked_by: row.get("asked_by")?,
        asked_at: row.get("asked_at")?,
        decided_by: row.get("decided_by")?,
        decided_at: row.get("decided_at")?,
        journal: row.get("journal_id")?,
    })
}
