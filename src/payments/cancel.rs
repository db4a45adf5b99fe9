//! Cancel: the merchant calls a payment off, before it is paid or while a card holds its money.

use super::captures::{self, Capture, CaptureError, Reason};
use super::error::PaymentError;
use super::payment::Payment;
use super::status::{OrderStatus, PaymentStatus};
use super::tell::tell;
use super::{expire, store};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::words::{PaymentId, Tenant, Timestamp};

/// Why a payment was not called off. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// No such payment, or not this tenant's.
    #[error("there is no such payment")]
    NotFound,
    /// It is over: captured money is refunded, and the rest is past calling off.
    #[error("a payment that is {0} cannot be canceled")]
    Over(&'static str),
    /// An attempt is under way whose outcome is not known.
    #[error("the payment is being paid: cancel it when the outcome is known")]
    Processing,
    /// A capture or a void is under way.
    #[error("a {0} of this payment is under way")]
    UnderWay(&'static str),
    /// The payment service failed.
    #[error(transparent)]
    Payment(#[from] PaymentError),
}

impl From<DbError> for CancelError {
    fn from(error: DbError) -> Self {
        Self::Payment(error.into())
    }
}

/// Calls off a payment, with its session: one that nobody pays is canceled at once, of one that is authorized the release
/// is taken on, which is what comes back, and the PSP asked.
pub async fn cancel(
    app: &App,
    tx: &mut Tx,
    tenant: &Tenant,
    id: &PaymentId,
    now: Timestamp,
) -> Result<Option<Capture>, CancelError> {
    let payment = store::get(&mut *tx, tenant, id).await?.ok_or(CancelError::NotFound)?;
    match payment.status {
        PaymentStatus::Authorized => match captures::void(tx, &payment, Reason::RequestedByMerchant, now).await {
            Ok(void) => Ok(Some(void)),
            Err(CaptureError::UnderWay(operation)) => Err(CancelError::UnderWay(operation)),
            Err(CaptureError::NotAuthorized(status)) => Err(CancelError::Over(status)),
            Err(CaptureError::Db(error)) => Err(error.into()),
            Err(_) => Err(CancelError::Over(payment.status.as_str())),
        },
        PaymentStatus::RequiresPayment => call_off(app, tx, payment, now).await.map(|()| None),
        PaymentStatus::Processing => Err(CancelError::Processing),
        status => Err(CancelError::Over(status.as_str())),
    }
}

async fn call_off(app: &App, tx: &mut Tx, payment: Payment, now: Timestamp) -> Result<(), CancelError> {
    let (tenant, id) = (&payment.tenant, &payment.id);
    // One winner against a shopper who pays in this moment: both start from `requires_payment`.
    if !store::call_off(tx, id, Reason::RequestedByMerchant.as_str(), now).await? {
        return Err(CancelError::Processing);
    }
    store::move_orders(tx, id, OrderStatus::Failed, now).await?;
    if let Some(session) = &payment.checkout {
        expire::end_session(app, tx, tenant, session, id, now).await?;
    }
    Ok(tell(tx, id, "payment.canceled", now).await?)
}
