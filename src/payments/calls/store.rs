//! The SQL of calls to PSPs.

use super::Call;
use crate::db::{DbError, On, Tx, query};
use crate::psp::NotDone;
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

/// Writes that a call surely did nothing, and what else the PSP said.
pub async fn not_done(tx: &mut Tx, id: &CallId, at: Timestamp, not_done: &NotDone) -> Result<(), DbError> {
    let (refused, not_before) = match not_done {
        NotDone::Refused { code, .. } => (Some(code.as_str()), None),
        NotDone::Unreachable { after, .. } => (None, after.map(|after| at.plus(after))),
    };
    answered(tx, id, at, &not_done.to_string()).await?;
    query("update psp_calls set refused_code = $2 where id = $1").bind(id).bind(refused).execute(&mut *tx).await?;
    wait(tx, id, not_before).await
}

/// Writes before when the PSP wants no other call about the same, as it said to this one; nothing if it did not.
pub async fn wait(tx: &mut Tx, id: &CallId, not_before: Option<Timestamp>) -> Result<(), DbError> {
    if let Some(not_before) = not_before {
        query("update psp_calls set not_before = $2 where id = $1").bind(id).bind(not_before).execute(tx).await?;
    }
    Ok(())
}

/// Before when the PSP wants no other call about what goes under `key`.
pub async fn not_before(on: impl Into<On<'_>>, payment: &PaymentId, key: &str) -> Result<Option<Timestamp>, DbError> {
    query("select max(not_before) as at from psp_calls where payment_id = $1 and psp_key = $2")
        .bind(payment)
        .bind(key)
        .one(on)
        .await?
        .get("at")
}

/// When the PSP was last asked about an attempt, and before when it wants no other call. It is asked by its payment, for
/// calls are kept in that order: every page that waits asks this, and must not read all calls there ever were.
pub async fn latest_look(
    on: impl Into<On<'_>>,
    payment: &PaymentId,
    attempt: &AttemptId,
) -> Result<(Option<Timestamp>, Option<Timestamp>), DbError> {
    let row = query(
        "select max(sent_at) as at, max(not_before) as not_before from psp_calls
         where payment_id = $1 and attempt_id = $2 and operation in ('look_up', 'confirm')",
    )
    .bind(payment)
    .bind(attempt)
    .one(on)
    .await?;
    Ok((row.get("at")?, row.get("not_before")?))
}

/// The last order to take the money of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastOrder {
    /// When it was over, or was begun if the program died over it.
    pub at: Timestamp,
    /// The PSP's code, if it refused it.
    pub refused: Option<String>,
    /// Before when the PSP wants no other, if it said so.
    pub not_before: Option<Timestamp>,
}

/// The last order to take the money of `attempt`.
pub async fn last_order(
    on: impl Into<On<'_>>,
    payment: &PaymentId,
    attempt: &AttemptId,
) -> Result<Option<LastOrder>, DbError> {
    query(
        "select coalesce(answered_at, sent_at) as at, refused_code, not_before from psp_calls
         where payment_id = $1 and attempt_id = $2 and operation = 'confirm' order by id desc limit 1",
    )
    .bind(payment)
    .bind(attempt)
    .optional(on)
    .await?
    .map(|row| {
        let (at, refused, not_before) = (row.get("at")?, row.get("refused_code")?, row.get("not_before")?);
        Ok(LastOrder { at, refused, not_before })
    })
    .transpose()
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
