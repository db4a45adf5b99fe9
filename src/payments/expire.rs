//! Expire: end a checkout whose time is over or that the merchant has ended, unless it is being paid.

use super::error::PaymentError;
use super::payment::Payment;
use super::status::{OrderStatus, PaymentStatus};
use super::{session_view, store};
use crate::app::App;
use crate::checkout::{self, Session};
use crate::db::{Tx, retrying};
use crate::events::{self, NewEvent};
use crate::words::{PaymentId, SessionId, Tenant, Timestamp};

/// Sessions ended in one sweep.
const BATCH: i64 = 200;

/// Ends the session `id` of `tenant` now. Ending it again changes nothing.
pub async fn expire(app: &App, tenant: &Tenant, id: &SessionId) -> Result<Session, PaymentError> {
    retrying(|| expire_once(app, tenant, id)).await
}

/// Ends the sessions whose time is over, but those that are just being paid; says how many. One that cannot be ended does
/// not keep the others, and is told of.
pub async fn expire_overdue(app: &App) -> Result<usize, PaymentError> {
    let mut ended = 0;
    for (tenant, id) in store::overdue_sessions(&app.db, app.now(), BATCH).await? {
        match expire(app, &tenant, &id).await {
            Ok(_) => ended += 1,
            Err(PaymentError::NotExpirable(_)) => {}
            Err(error) => {
                tracing::error!(session = %id, error = &error as &dyn std::error::Error, "a session stays open");
            }
        }
    }
    Ok(ended)
}

/// Whether the time of the payment's session is over; if so it is ended here and now.
pub(super) async fn is_over(app: &App, payment: &Payment) -> Result<bool, PaymentError> {
    let Some(id) = &payment.checkout else { return Ok(false) };
    let session = checkout::get(&app.db, &payment.tenant, id).await?.ok_or(PaymentError::NotFound)?;
    if app.now() < session.expires_at {
        return Ok(false);
    }
    match expire(app, &payment.tenant, id).await {
        Ok(_) | Err(PaymentError::NotExpirable(_)) => Ok(true),
        Err(error) => Err(error),
    }
}

const PAID: &str = "it is paid";
const PAYING: &str = "it is being paid";
const CALLED_OFF: &str = "it was canceled";
const FAILED: &str = "its payment has failed";

async fn expire_once(app: &App, tenant: &Tenant, id: &SessionId) -> Result<Session, PaymentError> {
    let session = checkout::get(&app.db, tenant, id).await?.ok_or(PaymentError::NotFound)?;
    let mut tx = app.db.begin().await?;
    let payment = store::find(&mut tx, &session.payment).await?.ok_or(PaymentError::NotFound)?;
    let now = app.now();
    // One winner against a payment that begins in this moment: both start from `requires_payment`.
    if !store::move_to(&mut tx, &payment.id, PaymentStatus::RequiresPayment, PaymentStatus::Expired, now).await? {
        return match payment.status {
            PaymentStatus::Expired => Ok(session),
            PaymentStatus::Succeeded | PaymentStatus::Authorized => Err(PaymentError::NotExpirable(PAID)),
            PaymentStatus::Canceled => Err(PaymentError::NotExpirable(CALLED_OFF)),
            PaymentStatus::Failed => Err(PaymentError::NotExpirable(FAILED)),
            PaymentStatus::RequiresPayment | PaymentStatus::Processing => Err(PaymentError::NotExpirable(PAYING)),
        };
    }
    store::move_orders(&mut tx, &payment.id, OrderStatus::Failed, now).await?;
    let session = end_session(app, &mut tx, tenant, id, &payment.id, now).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(session)
}

/// Ends an open session, whose payment has ended, and tells of it.
pub(super) async fn end_session(
    app: &App,
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SessionId,
    payment: &PaymentId,
    now: Timestamp,
) -> Result<Session, PaymentError> {
    let ended = checkout::mark_expired(tx, tenant, id, now).await?;
    let session = checkout::get(&mut *tx, tenant, id).await?.ok_or(PaymentError::NotFound)?;
    if ended {
        let orders = store::orders(&mut *tx, payment).await?;
        let data = session_view(app, &session, &orders);
        let kind = "checkout.session.expired";
        events::append(tx, NewEvent { tenant, kind, object_id: id.as_str(), data, now }).await?;
    }
    Ok(session)
}
