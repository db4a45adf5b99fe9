//! The SQL of captures and voids.

use super::share::Share;
use super::{Capture, CaptureStatus, Operation, Reason};
use crate::db::{DbError, On, Row, Tx, query};
use crate::payments::payment::Payment;
use crate::payments::store::read_payment;
use crate::words::{CaptureId, Currency, Money, PaymentId, Tenant, Timestamp};

/// Takes an authorized payment for one operation, a capture only while the hold lasts; says whether it was free.
///
/// The condition is the lock: of a capture and a void that come together one finds it broken.
pub(super) async fn claim(
    tx: &mut Tx,
    payment: &PaymentId,
    operation: Operation,
    now: Timestamp,
) -> Result<bool, DbError> {
    let claimed = query(
        "update payments set pending_operation = $2, updated_at = $3
         where id = $1 and status = 'authorized' and pending_operation is null
             and (authorization_expires_at > $3 or $4)",
    )
    .bind(payment)
    .bind(operation.as_str())
    .bind(now)
    .bind(operation == Operation::Void)
    .execute(tx)
    .await?;
    Ok(claimed == 1)
}

/// Writes a new capture or void.
pub(super) async fn insert(tx: &mut Tx, capture: &Capture) -> Result<(), DbError> {
    query(
        "insert into captures (id, payment_id, merchant_id, livemode, operation, currency, amount, reason, status, psp,
             psp_key, created_at, deadline_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $1, $11, $12)",
    )
    .bind(&capture.id)
    .bind(&capture.payment)
    .bind(&capture.tenant.merchant)
    .bind(capture.tenant.mode)
    .bind(capture.operation.as_str())
    .bind(capture.amount.currency())
    .bind(capture.amount.minor())
    .bind(capture.reason.map(Reason::as_str))
    .bind(capture.status.as_str())
    .bind(&capture.psp)
    .bind(capture.created_at)
    .bind(capture.deadline_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes what a pending capture or void has become; says whether it was pending.
pub(super) async fn settle(tx: &mut Tx, capture: &Capture) -> Result<bool, DbError> {
    let settled = query(
        "update captures set status = $2, psp_reference = $3, failure_code = $4, settled_at = $5
         where id = $1 and status = 'pending'",
    )
    .bind(&capture.id)
    .bind(capture.status.as_str())
    .bind(&capture.psp_reference)
    .bind(&capture.failure_code)
    .bind(capture.settled_at)
    .execute(tx)
    .await?;
    Ok(settled == 1)
}

/// Marks an authorized payment as captured; says whether it was authorized.
pub(super) async fn captured(tx: &mut Tx, payment: &PaymentId, amount: Money, now: Timestamp) -> Result<bool, DbError> {
    let captured = query(
        "update payments set status = 'succeeded', captured = $2, succeeded_at = $3, updated_at = $3,
             pending_operation = null
         where id = $1 and status = 'authorized' and pending_operation = 'capture'",
    )
    .bind(payment)
    .bind(amount.minor())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(captured == 1)
}

/// Writes what was taken of one order. Of nothing there is no sale, so such an order is not paid.
pub(super) async fn capture_order(tx: &mut Tx, share: &Share, now: Timestamp) -> Result<(), DbError> {
    let taken = !share.amount.is_zero();
    query(
        "update payment_orders
         set payment_order_status = $2, captured = $3, captured_fee = $4, wallet_updated = $5, ledger_updated = $5,
             updated_at = $6, pending = $7, paid_at = $8
         where payment_order_id = $1 and payment_order_status <> 'SUCCESS'",
    )
    .bind(&share.order)
    .bind(if taken { "SUCCESS" } else { "FAILED" })
    .bind(taken.then(|| share.amount.to_string()))
    .bind(taken.then(|| share.fee.to_string()))
    .bind(taken)
    .bind(now)
    .bind(share.amount.checked_sub(share.fee).map_or(0, Money::minor))
    .bind(taken.then_some(now))
    .execute(tx)
    .await?;
    Ok(())
}

/// Marks an authorized payment as canceled; says whether it was authorized.
pub(super) async fn released(
    tx: &mut Tx,
    payment: &PaymentId,
    reason: Reason,
    now: Timestamp,
) -> Result<bool, DbError> {
    let released = query(
        "update payments set status = 'canceled', cancellation_reason = $2, updated_at = $3, pending_operation = null
         where id = $1 and status = 'authorized'",
    )
    .bind(payment)
    .bind(reason.as_str())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(released == 1)
}

/// Lets the next operation have the payment.
pub(super) async fn free(tx: &mut Tx, payment: &PaymentId, now: Timestamp) -> Result<(), DbError> {
    query("update payments set pending_operation = null, updated_at = $2 where id = $1")
        .bind(payment)
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}

/// Marks the payments whose hold ends until `until` as told of, each once, and gives them.
pub(super) async fn tell_expiring(tx: &mut Tx, until: Timestamp, limit: i64) -> Result<Vec<Payment>, DbError> {
    query(
        "update payments set expiry_told = $3
         where id in (select id from payments
                      where status = 'authorized' and not expiry_told and authorization_expires_at <= $1
                      order by authorization_expires_at limit $2)
         and not expiry_told returning *",
    )
    .bind(until)
    .bind(limit)
    .bind(true)
    .all(tx)
    .await?
    .iter()
    .map(read_payment)
    .collect()
}

/// The payments whose hold has ended and for which nothing was asked of the PSP.
pub(super) async fn overdue(on: impl Into<On<'_>>, now: Timestamp, limit: i64) -> Result<Vec<Payment>, DbError> {
    query(
        "select * from payments
         where status = 'authorized' and pending_operation is null and authorization_expires_at <= $1
         order by authorization_expires_at limit $2",
    )
    .bind(now)
    .bind(limit)
    .all(on)
    .await?
    .iter()
    .map(read_payment)
    .collect()
}

/// The capture or void, whoever's it is: for work that starts from an id of our own.
pub async fn find(on: impl Into<On<'_>>, id: &CaptureId) -> Result<Option<Capture>, DbError> {
    query("select * from captures where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// The captures and voids of a payment, first to last.
pub async fn of_payment(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Capture>, DbError> {
    let rows = query("select * from captures where payment_id = $1 order by id").bind(payment).all(on).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Capture, DbError> {
    let currency: Currency = row.get("currency")?;
    let (operation, status): (String, String) = (row.get("operation")?, row.get("status")?);
    Ok(Capture {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment: row.get("payment_id")?,
        operation: Operation::parse(&operation).ok_or_else(|| DbError::corrupt("operation", &operation))?,
        amount: Money::of(row.get("amount")?, currency).ok_or_else(|| DbError::corrupt("amount", "no amount"))?,
        reason: row.get::<Option<String>>("reason")?.as_deref().and_then(Reason::parse),
        status: CaptureStatus::parse(&status).ok_or_else(|| DbError::corrupt("status", &status))?,
        psp: row.get("psp")?,
        psp_reference: row.get("psp_reference")?,
        failure_code: row.get("failure_code")?,
        created_at: row.get("created_at")?,
        deadline_at: row.get("deadline_at")?,
        settled_at: row.get("settled_at")?,
    })
}
