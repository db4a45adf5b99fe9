//! Approve: what follows when an attempt turns out to be approved, in the transaction of its settlement.

use super::attempts::Attempt;
use super::captures::Reason;
use super::error::PaymentError;
use super::payment::{Order, Payment};
use super::status::{OrderStatus, PaymentStatus};
use super::{late, methods, sale, session_view, settle, store};
use crate::app::App;
use crate::checkout::{self, Capture};
use crate::db::Tx;
use crate::events::{self, NewEvent};
use crate::ledger::Posting;
use crate::psp::Approval;
use crate::words::Timestamp;

/// What is left to do about an approval, once the transaction comes to its books.
pub(super) struct Approved {
    /// To be posted: nothing while a card only holds the money.
    pub sales: Vec<Posting>,
    /// The payment, when its money came too late and goes back.
    pub unwanted: Option<Payment>,
}

/// Writes that the money of `payment` was taken, or is held where the merchant wants to take it later.
pub(super) async fn approve(
    app: &App,
    tx: &mut Tx,
    mut payment: Payment,
    attempt: &Attempt,
    approval: &Approval,
    now: Timestamp,
) -> Result<Approved, PaymentError> {
    let unwanted = late::is_unwanted(tx, &payment).await?;
    if !unwanted {
        methods::keep(app, tx, &mut payment, attempt, approval, now).await?;
    }
    payment.cancellation_reason = unwanted.then(|| Reason::LateSuccess.as_str().to_owned());
    payment.updated_at = now;
    let (orders, kind) = if payment.capture == Capture::Manual {
        (hold(app, tx, &mut payment, attempt, now).await?, "payment.authorized")
    } else {
        (take(tx, &mut payment, now).await?, "payment.succeeded")
    };
    // Nobody is to deliver for money that goes back: its own event says so instead.
    if !unwanted {
        settle::tell(tx, kind, &payment, &orders, attempt, now).await?;
        complete_session(app, tx, &payment, &orders, now).await?;
    }
    let taken = payment.status == PaymentStatus::Succeeded;
    let sales = if taken { sale::postings(&payment, &orders, &attempt.psp, now) } else { Vec::new() };
    Ok(Approved { sales, unwanted: unwanted.then_some(payment) })
}

async fn take(tx: &mut Tx, payment: &mut Payment, now: Timestamp) -> Result<Vec<Order>, PaymentError> {
    if !store::succeed(tx, &payment.id, payment.cancellation_reason.as_deref(), now).await? {
        return Err(PaymentError::Overtaken);
    }
    payment.status = PaymentStatus::Succeeded;
    payment.captured = payment.amount;
    payment.succeeded_at = Some(now);
    Ok(store::succeed_orders(tx, &payment.id, now).await?)
}

/// The card holds the money for as long as the PSP says.
async fn hold(
    app: &App,
    tx: &mut Tx,
    payment: &mut Payment,
    attempt: &Attempt,
    now: Timestamp,
) -> Result<Vec<Order>, PaymentError> {
    let psp = app.psps.get(&attempt.psp).ok_or(PaymentError::NoPsp(payment.tenant.mode.as_str()))?;
    // From the moment of asking, for the PSP may have counted from then.
    let expires_at = attempt.sent_at.plus(psp.authorization_lifetime());
    if !store::authorize(tx, &payment.id, expires_at, payment.cancellation_reason.as_deref(), now).await? {
        return Err(PaymentError::Overtaken);
    }
    payment.status = PaymentStatus::Authorized;
    (payment.authorized_at, payment.authorization_expires_at) = (Some(now), Some(expires_at));
    store::move_orders(tx, &payment.id, OrderStatus::Executing, now).await?;
    Ok(store::orders(&mut *tx, &payment.id).await?)
}

async fn complete_session(
    app: &App,
    tx: &mut Tx,
    payment: &Payment,
    orders: &[Order],
    now: Timestamp,
) -> Result<(), PaymentError> {
    let Some(id) = &payment.checkout else { return Ok(()) };
    if checkout::complete(tx, &payment.tenant, id, now).await? {
        let session = checkout::get(&mut *tx, &payment.tenant, id).await?.ok_or(PaymentError::NotFound)?;
        let data = session_view(app, &session, orders);
        let kind = "checkout.session.completed";
        events::append(tx, NewEvent { tenant: &payment.tenant, kind, object_id: id.as_str(), data, now }).await?;
    }
    Ok(())
}
