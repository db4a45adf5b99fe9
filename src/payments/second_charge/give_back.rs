//! Give back: a person lets a second charge go back that does not go by itself, or did not.

use super::{book, is_taken};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::payments::error::PaymentError;
use crate::payments::refunds::{self, Refund, RefundStatus};
use crate::payments::{attempts, jobs, store};
use crate::queue::letters;
use crate::words::{AttemptId, PaymentId, Timestamp};

/// Why a second charge is not given back. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum GiveBackError {
    /// The payment has no such second charge.
    #[error("the payment was not charged a second time by this attempt")]
    NoCharge,
    /// The card only holds the money, which ends by itself; or it is the charge that the sale stands on, told twice.
    #[error("nothing was taken beside the sale")]
    NotTaken,
    /// It is on its way back, or is back.
    #[error("it is on its way back already")]
    Already,
    /// A person has said that it was dealt with otherwise.
    #[error("somebody has said that this is done: {0}")]
    Resolved(String),
    /// The shopper's bank has taken money of the payment back, or may: given back as well, it would be lost twice.
    #[error("the shopper's bank contests this payment")]
    Contested,
    /// Its refunds name a payment, and of two charges on it the PSP might give back the one that is the sale's.
    #[error("{0} cannot be told which of two charges to give back")]
    Unnamed(String),
    /// It could not be booked.
    #[error(transparent)]
    Payment(#[from] PaymentError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Lets the second charge of `attempt` go back for a `reason` in the words of the person `by`, and resolves the dead letters about it.
pub async fn give_back(
    app: &App,
    tx: &mut Tx,
    payment: &PaymentId,
    attempt: &AttemptId,
    (by, reason): (&str, &str),
    now: Timestamp,
) -> Result<Refund, GiveBackError> {
    store::lock(tx, payment, now).await?;
    let attempt = attempts::get(&mut *tx, attempt).await?.filter(|it| it.payment == *payment);
    let attempt = attempt.filter(|it| it.second_charge.is_some()).ok_or(GiveBackError::NoCharge)?;
    let payment = store::find(&mut *tx, payment).await?.ok_or(GiveBackError::NoCharge)?;
    if !is_taken(tx, &payment, &attempt).await? {
        return Err(GiveBackError::NotTaken);
    }
    if !app.psps.get(&attempt.psp).is_some_and(|psp| psp.refunds_one_charge()) {
        return Err(GiveBackError::Unnamed(attempt.psp));
    }
    if refunds::of_charge(&mut *tx, &attempt).await?.iter().any(|refund| refund.status != RefundStatus::Failed) {
        return Err(GiveBackError::Already);
    }
    let known = letters::of_work(&mut *tx, &attempt.tenant, jobs::RECOVER, attempt.id.as_str()).await?;
    if let Some(resolved) = known.into_iter().next().and_then(|last| last.resolved) {
        return Err(GiveBackError::Resolved(resolved.reason));
    }
    if !payment.disputed.is_zero() {
        return Err(GiveBackError::Contested);
    }
    letters::resolve_all(tx, jobs::RECOVER, attempt.id.as_str(), by, reason, now).await?;
    let refund = refunds::ask_of_charge(tx, &payment, &attempt, reason, now).await?;
    book(tx, &payment, &attempt, now).await?;
    Ok(refund)
}
