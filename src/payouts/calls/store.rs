//! The SQL of calls to payout providers.

use super::PayoutCall;
use crate::db::{DbError, On, Tx, query};
use crate::payouts::Payout;
use crate::words::{CallId, PayoutId, Timestamp};

/// Writes that a call about `payout` is about to be sent.
pub async fn sent(tx: &mut Tx, payout: &Payout, operation: &str, now: Timestamp) -> Result<CallId, DbError> {
    let id = CallId::new();
    query(
        "insert into psp_calls (id, payout_id, merchant_id, livemode, psp, operation, psp_key, sent_at)
         values ($1, $2, $3, $4, $5, $6, $2, $7)",
    )
    .bind(&id)
    .bind(&payout.id)
    .bind(&payout.tenant.merchant)
    .bind(payout.tenant.mode)
    .bind(&payout.provider)
    .bind(operation)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(id)
}

/// Before when the provider wants no other call about the payout.
pub async fn not_before(on: impl Into<On<'_>>, payout: &PayoutId) -> Result<Option<Timestamp>, DbError> {
    query("select max(not_before) as at from psp_calls where payout_id = $1").bind(payout).one(on).await?.get("at")
}

/// Writes what came back.
pub async fn answered(tx: &mut Tx, id: &CallId, at: Timestamp, result: &str) -> Result<(), DbError> {
    let result: String = result.chars().take(500).collect();
    query("update psp_calls set answered_at = $2, result = $3 where id = $1")
        .bind(id)
        .bind(at)
        .bind(result)
        .execute(tx)
        .await?;
    Ok(())
}

/// How many calls about a payout were sent since an instant.
pub async fn count_since(on: impl Into<On<'_>>, id: &PayoutId, since: Timestamp) -> Result<u32, DbError> {
    let row = query("select count(*) as n from psp_calls where payout_id = $1 and sent_at >= $2")
        .bind(id)
        .bind(since)
        .one(on)
        .await?;
    Ok(u32::try_from(row.get::<i64>("n")?).unwrap_or(u32::MAX))
}

/// When a payout was last ordered before the call `but`; none when that was the first order.
pub async fn earlier(on: impl Into<On<'_>>, id: &PayoutId, but: &CallId) -> Result<Option<Timestamp>, DbError> {
    query("select max(sent_at) as at from psp_calls where payout_id = $1 and operation = 'payout' and id <> $2")
        .bind(id)
        .bind(but)
        .one(on)
        .await?
        .get("at")
}

/// The calls about a payout, first to last; the newest two hundred.
pub async fn of_payout(on: impl Into<On<'_>>, id: &PayoutId) -> Result<Vec<PayoutCall>, DbError> {
    let rows =
        query("select * from psp_calls where payout_id = $1 order by id desc limit 200").bind(id).all(on).await?;
    rows.iter()
        .rev()
        .map(|row| {
            Ok(PayoutCall {
                id: row.get("id")?,
                operation: row.get("operation")?,
                provider: row.get("psp")?,
                key: row.get("psp_key")?,
                sent_at: row.get("sent_at")?,
                answered_at: row.get("answered_at")?,
                result: row.get("result")?,
            })
        })
        .collect()
}
