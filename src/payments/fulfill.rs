//! Fulfill: an order was delivered, so what is still pending of it becomes the seller's to be paid out, once.
//!
//! The merchant says so, or the days of its policy are over. Refunds, disputes and deliveries of one payment wait for each
//! other at the payment's row, so a delivery moves exactly what they left.

use std::time::Duration;

use super::payment::{Order, Payment};
use super::status::OrderStatus;
use super::{store, view};
use crate::app::App;
use crate::db::{DbError, MayRetry, Tx, retrying};
use crate::events::{self, NewEvent};
use crate::ledger::{Account, Posting, Transfer};
use crate::merchants::policies;
use crate::wallets::{self, WalletError};
use crate::words::{Money, PaymentOrderId, Tenant, Timestamp};

/// Orders looked for at once.
const BATCH: i64 = 100;
/// Orders delivered in one sweep, so that other work gets its turn.
const MOST: usize = 1_000;

/// Why an order was not delivered. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum FulfillError {
    /// No such order, or not this tenant's.
    #[error("there is no such payment order")]
    NoOrder,
    /// It is not paid, so there is nothing to deliver yet.
    #[error("a payment order that is {0} cannot be fulfilled: it is not paid")]
    NotPaid(&'static str),
    /// The books refused.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for FulfillError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Db(error) => error.may_retry(),
            Self::Books(error) => error.may_retry(),
            Self::NoOrder | Self::NotPaid(_) => false,
        }
    }
}

/// Marks an order delivered and gives it with its payment. Delivered again, nothing changes.
///
/// Call it last in a transaction: it ends with the wallets.
pub async fn fulfill(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &PaymentOrderId,
    now: Timestamp,
) -> Result<(Payment, Order), FulfillError> {
    let order = store::order(&mut *tx, tenant, id).await?.ok_or(FulfillError::NoOrder)?;
    store::lock(tx, &order.payment, now).await?;
    // Read again behind the lock: what a refund took meanwhile is no longer pending.
    let mut order = store::order(&mut *tx, tenant, id).await?.ok_or(FulfillError::NoOrder)?;
    let payment = store::find(&mut *tx, &order.payment).await?.ok_or(FulfillError::NoOrder)?;
    if order.status != OrderStatus::Success {
        return Err(FulfillError::NotPaid(order.status.as_str()));
    }
    if order.fulfilled_at.is_some() {
        return Ok((payment, order));
    }
    let moved = order.pending;
    store::mark_fulfilled(tx, id, now).await?;
    order.fulfilled_at = Some(now);
    order.pending = Money::zero(moved.currency());
    let data = view::order_view(&payment, &order);
    let (kind, object_id) = ("payment_order.fulfilled", id.as_str());
    events::append(tx, NewEvent { tenant, kind, object_id, data, now }).await?;
    if !moved.is_zero() {
        let transfer = Transfer {
            debit: Account::Pending(order.seller.clone()),
            credit: Account::Available(order.seller.clone()),
            amount: moved,
        };
        let posting = Posting {
            kind: "fulfillment",
            source_id: id.to_string(),
            tenant: tenant.clone(),
            payment: Some(order.payment.clone()),
            transfers: vec![transfer],
            now,
        };
        wallets::post(tx, &[posting]).await?;
    }
    Ok((payment, order))
}

/// Delivers the orders whose days are over by the policy of their merchant; says how many. Run by every worker: of two that
/// find the same order, the second finds it delivered.
pub async fn fulfill_due(app: &App) -> Result<usize, FulfillError> {
    let mut done = 0;
    for (tenant, days) in policies::fulfilling_by_time(&app.db).await? {
        let wait = Duration::from_secs(u64::from(days).saturating_mul(86_400));
        while done < MOST {
            let now = app.now();
            let due = store::to_fulfill(&app.db, &tenant, now.minus(wait), BATCH).await?;
            let mut failed = 0;
            for id in &due {
                // One order that cannot be delivered holds nobody else up.
                match fulfill_alone(app, &tenant, id, now).await {
                    Ok(()) => done += 1,
                    Err(error) => {
                        tracing::error!(order = %id, error = &error as &dyn std::error::Error, "an order cannot be fulfilled");
                        failed += 1;
                    }
                }
            }
            if failed > 0 || due.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
                break;
            }
        }
    }
    if done > 0 {
        app.wake.notify_one();
    }
    Ok(done)
}

async fn fulfill_alone(app: &App, tenant: &Tenant, id: &PaymentOrderId, now: Timestamp) -> Result<(), FulfillError> {
    retrying(|| async {
        let mut tx = app.db.begin().await?;
        fulfill(&mut tx, tenant, id, now).await?;
        Ok::<_, FulfillError>(tx.commit().await?)
    })
    .await
}
