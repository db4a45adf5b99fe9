//! Settle: what became of a capture or void, as state, books and event, in one transaction and once.

use super::share::shares;
use super::{Capture, CaptureStatus, Operation, Reason, store};
use crate::app::App;
use crate::db::{Tx, retrying};
use crate::payments::calls;
use crate::payments::error::PaymentError;
use crate::payments::status::OrderStatus;
use crate::payments::tell::tell;
use crate::payments::{sale, store as payments};
use crate::wallets;
use crate::words::{CallId, Timestamp};

/// Closes the record of `call` and settles `after`, what its capture has become. Whoever comes second changes nothing.
pub(super) async fn settle(app: &App, call: &CallId, after: &Capture) -> Result<(), PaymentError> {
    let now = app.now();
    retrying(|| async {
        let mut tx = app.db.begin().await?;
        calls::answered(&mut tx, call, now, after.failure_code.as_deref().unwrap_or(after.status.as_str())).await?;
        settle_heard(&mut tx, after, now).await?;
        Ok::<_, PaymentError>(tx.commit().await?)
    })
    .await?;
    app.wake.notify_one();
    Ok(())
}

/// What a capture or void has become, in the caller's transaction; says whether this was the first to tell.
pub async fn settle_heard(tx: &mut Tx, after: &Capture, now: Timestamp) -> Result<bool, PaymentError> {
    let first = store::settle(tx, after).await?;
    if first {
        follow(tx, after, now).await?;
    }
    Ok(first)
}

async fn follow(tx: &mut Tx, after: &Capture, now: Timestamp) -> Result<(), PaymentError> {
    let gone = after.failure_code.as_deref() == Some(Reason::ReleasedByPsp.as_str());
    match (after.operation, after.status) {
        (Operation::Capture, CaptureStatus::Succeeded) => captured(tx, after, now).await,
        (Operation::Void, CaptureStatus::Succeeded) => {
            released(tx, after, after.reason.unwrap_or(Reason::RequestedByMerchant), now).await
        }
        (Operation::Capture, CaptureStatus::Failed) if gone => {
            tell(tx, &after.payment, "payment.capture_failed", now).await?;
            released(tx, after, Reason::ReleasedByPsp, now).await
        }
        (operation, CaptureStatus::Failed) => {
            store::free(tx, &after.payment, now).await?;
            let kind = match operation {
                Operation::Capture => "payment.capture_failed",
                Operation::Void => "payment.cancel_failed",
            };
            tell(tx, &after.payment, kind, now).await
        }
        (_, CaptureStatus::Pending) => Ok(()),
    }
}

/// Taken: what each order has of it is sold; an order that the capture does not reach is not paid.
async fn captured(tx: &mut Tx, after: &Capture, now: Timestamp) -> Result<(), PaymentError> {
    if !store::captured(tx, &after.payment, after.amount, now).await? {
        return Err(PaymentError::Overtaken);
    }
    let orders = payments::orders(&mut *tx, &after.payment).await?;
    let shares = shares(after.amount, &orders).ok_or(PaymentError::NotFound)?;
    for share in &shares {
        store::capture_order(tx, share, now).await?;
    }
    tell(tx, &after.payment, "payment.succeeded", now).await?;
    let payment = payments::find(&mut *tx, &after.payment).await?.ok_or(PaymentError::NotFound)?;
    let mut paid = payments::orders(&mut *tx, &after.payment).await?;
    paid.retain(|order| order.status == OrderStatus::Success);
    wallets::post(tx, &sale::postings(&payment, &paid, &after.psp, now)).await?;
    Ok(())
}

/// Let go: the payment is over, and none of its orders will be paid.
async fn released(tx: &mut Tx, after: &Capture, reason: Reason, now: Timestamp) -> Result<(), PaymentError> {
    if !store::released(tx, &after.payment, reason, now).await? {
        return Err(PaymentError::Overtaken);
    }
    payments::move_orders(tx, &after.payment, OrderStatus::Failed, now).await?;
    tell(tx, &after.payment, "payment.canceled", now).await
}
