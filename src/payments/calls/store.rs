//! The SQL of calls to PSPs.

use super::Call;
use crate::db::{DbError, On, Tx, query};
use crate::words::{AttemptId, CallId, PaymentId, Tenant, Timestamp};

/// Writes that a call is about to be sent.
pub async fn sent(tx: &mut Tx, call: &Call) -> Result<(), DbError> {
    query(
        "insert into psp_calls (id, payment_id, attempt_id, merchant_id, livemode, psp, operation, psp_key, sent_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(&call.id)
    .bind(&call.payment)
    .bind(&call.attempt)
    .bind(&call.tenant.merchant)
    .bind(call.tenant.mode)
    .bind(&call.psp)
    .bind(call.operation.as_str())
    .bind(&call.psp_key)
    .bind(call.sent_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what came back.
pub async fn answered(tx: &mut Tx, id: &CallId, at: Timestamp, result: &str) -> Result<(), DbError> {
    query("update psp_calls set answered_at = $2, result = $3 where id = $1")
        .bind(id)
        .bind(at)
        .bind(result)
        .execute(tx)
        .await?;
    Ok(())
}

/// When the PSP was last asked about an attempt. It is asked by its payment, for calls are kept in that order: every page
/// that waits asks this, and must not read all calls there ever were.
pub async fn latest_look(
    on: impl Into<On<'_>>,
    payment: &PaymentId,
    attempt: &AttemptId,
) -> Result<Option<Timestamp>, DbError> {
    query(
        "select max(sent_at) as at from psp_calls
         where payment_id = $1 and attempt_id = $2 and operation in ('look_up', 'confirm')",
    )
    .bind(payment)
    .bind(attempt)
    .one(on)
    .await?
    .get("at")
}

/// How often `operation` was sent under `key`.
pub async fn count(on: impl Into<On<'_>>, payment: &PaymentId, operation: &str, key: &str) -> Result<u32, DbError> {
    let row = query("select count(*) as n from psp_calls where payment_id = $1 and operation = $2 and psp_key = $3")
        .bind(payment)
        .bind(operation)
        .bind(key)
        .one(on)
        .await?;
    Ok(u32::try_from(row.get::<i64>("n")?).unwrap_or(u32::MAX))
}

/// When `operation` was last sent under `key` but for the call `but`.
pub async fn earlier(
    on: impl Into<On<'_>>,
    payment: &PaymentId,
    operation: &str,
    key: &str,
    but: &CallId,
) -> Result<Option<Timestamp>, DbError> {
    query(
        "select max(sent_at) as at from psp_calls
         where payment_id = $1 and operation = $2 and psp_key = $3 and id <> $4",
    )
    .bind(payment)
    .bind(operation)
    .bind(key)
    .bind(but)
    .one(on)
    .await?
    .get("at")
}

/// The calls about a payment, first to last.
pub async fn of_payment(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Call>, DbError> {
    let rows = query("select * from psp_calls where payment_id = $1 order by id").bind(payment).all(on).await?;
    rows.iter()
        .map(|row| {
            Ok(Call {
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: row.get("payment_id")?,
                attempt: row.get("attempt_id")?,
                operation: row.get("operation")?,
                psp: row.get("psp")?,
                psp_key: row.get("psp_key")?,
                sent_at: row.get("sent_at")?,
                answered_at: row.get("answered_at")?,
                result: row.get("result")?,
            })
        })
        .collect()
}
