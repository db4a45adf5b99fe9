//! Ask: a capture or a void is written down, and takes the payment for itself, in the caller's transaction; a job asks
//! the PSP.

use std::time::Duration;

use super::{Capture, CaptureStatus, Operation, Reason, store};
use crate::db::{DbError, Tx};
use crate::payments::payment::Payment;
use crate::payments::status::PaymentStatus;
use crate::payments::{jobs, store as payments};
use crate::words::{CaptureId, Money, PaymentId, Tenant, Timestamp};

/// How long one may stay without a known outcome before a person gets it.
const DEADLINE: Duration = Duration::from_hours(24);

/// What is to be captured.
#[derive(Debug, Clone)]
pub struct NewCapture {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, as the merchant wrote it; everything that is held when absent.
    pub amount: Option<String>,
}

/// Why a capture or a void was not taken on. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// No such payment, or not this tenant's.
    #[error("there is no such payment")]
    NoPayment,
    /// No card holds its money.
    #[error("a payment that is {0} holds nothing to capture")]
    NotAuthorized(&'static str),
    /// The PSP was asked for something and has not answered.
    #[error("a {0} of this payment is under way")]
    UnderWay(&'static str),
    /// The hold is over.
    #[error("the authorization ended at {0}")]
    TimeIsOver(Timestamp),
    /// Not an amount of the payment's currency.
    #[error("{0}")]
    BadAmount(String),
    /// More than is held.
    #[error("at most {0} can be captured")]
    TooMuch(Money),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes on a capture: from here on nothing else can be asked of this hold, and the PSP will be asked until it says what
/// became of it.
pub async fn capture(tx: &mut Tx, tenant: &Tenant, new: &NewCapture, now: Timestamp) -> Result<Capture, CaptureError> {
    let payment = payments::get(&mut *tx, tenant, &new.payment).await?.ok_or(CaptureError::NoPayment)?;
    if payment.status != PaymentStatus::Authorized {
        return Err(CaptureError::NotAuthorized(payment.status.as_str()));
    }
    let amount = asked_amount(new.amount.as_deref(), payment.amount)?;
    take_on(tx, &payment, Operation::Capture, amount, None, now).await
}

/// Takes on the release of all that is held for `payment`.
pub async fn void(tx: &mut Tx, payment: &Payment, reason: Reason, now: Timestamp) -> Result<Capture, CaptureError> {
    take_on(tx, payment, Operation::Void, payment.amount, Some(reason), now).await
}

async fn take_on(
    tx: &mut Tx,
    payment: &Payment,
    operation: Operation,
    amount: Money,
    reason: Option<Reason>,
    now: Timestamp,
) -> Result<Capture, CaptureError> {
    if !store::claim(tx, &payment.id, operation, now).await? {
        return Err(why_not(tx, &payment.id, now).await?);
    }
    let psp = payment.psp.clone().ok_or(CaptureError::NotAuthorized(payment.status.as_str()))?;
    let capture = Capture {
        id: CaptureId::new(),
        tenant: payment.tenant.clone(),
        payment: payment.id.clone(),
        operation,
        amount,
        reason,
        status: CaptureStatus::Pending,
        psp,
        psp_reference: None,
        failure_code: None,
        created_at: now,
        deadline_at: now.plus(DEADLINE),
        settled_at: None,
    };
    store::insert(tx, &capture).await?;
    jobs::capture(tx, &capture, now).await?;
    Ok(capture)
}

/// Who was first, read after the claim that found the payment taken.
async fn why_not(tx: &mut Tx, id: &PaymentId, now: Timestamp) -> Result<CaptureError, DbError> {
    let Some(payment) = payments::find(&mut *tx, id).await? else { return Ok(CaptureError::NoPayment) };
    Ok(match (payment.status, payment.pending_operation, payment.authorization_expires_at) {
        (PaymentStatus::Authorized, Some(operation), _) => CaptureError::UnderWay(operation.as_str()),
        (PaymentStatus::Authorized, None, Some(end)) if end <= now => CaptureError::TimeIsOver(end),
        (status, ..) => CaptureError::NotAuthorized(status.as_str()),
    })
}

fn asked_amount(text: Option<&str>, held: Money) -> Result<Money, CaptureError> {
    let Some(text) = text else { return Ok(held) };
    let amount = Money::parse(text, held.currency()).map_err(|error| CaptureError::BadAmount(error.to_string()))?;
    match amount.minor() {
        0 => Err(CaptureError::BadAmount("must be more than zero".to_owned())),
        minor if minor > held.minor() => Err(CaptureError::TooMuch(held)),
        _ => Ok(amount),
    }
}
