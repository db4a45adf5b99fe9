//! Ask: a refund is written and its money held apart, all in the caller's transaction; a job asks the PSP.

use std::time::Duration;

use super::share::shares;
use super::{Refund, RefundStatus, postings, store};
use crate::db::{DbError, Tx};
use crate::payments::status::PaymentStatus;
use crate::payments::{jobs, store as payments};
use crate::sabotage::Protection::RefundHold;
use crate::wallets::{self, WalletError};
use crate::words::{Money, PaymentId, RefundId, Tenant, Timestamp};

/// How long a refund may stay without a known outcome before a person gets it.
const DEADLINE: Duration = Duration::from_hours(24);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewRefund {
    /// Of which payment.
    pub payment: PaymentId,
    /// How much, as the merchant wrote it; everything that is left when absent.
    pub amount: Option<String>,
    /// Why, in the merchant's words.
    pub reason: Option<String>,
    /// The merchant's notes.
    pub metadata: serde_json::Value,
}

/// Why a refund was not taken on. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum RefundError {
    /// No such payment, or not this tenant's.
    #[error("there is no such payment")]
    NoPayment,
    /// Nothing was captured, so there is nothing to give back.
    #[error("a payment that is {0} has nothing to refund")]
    NotPaid(&'static str),
    /// Not an amount of the payment's currency.
    #[error("{0}")]
    BadAmount(String),
    /// More than is left.
    #[error("at most {0} is left to refund")]
    TooMuch(Money),
    /// A seller no longer has what is to be given back.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes on a refund: from here on its money is held, and the PSP will be asked until it says what became of it.
pub async fn ask(tx: &mut Tx, tenant: &Tenant, new: NewRefund, now: Timestamp) -> Result<Refund, RefundError> {
    let payment = payments::get(&mut *tx, tenant, &new.payment).await?.ok_or(RefundError::NoPayment)?;
    let psp = match (payment.status, payment.psp) {
        (PaymentStatus::Succeeded, Some(psp)) => psp,
        (status, _) => return Err(RefundError::NotPaid(status.as_str())),
    };
    let left = payment.captured.checked_sub(payment.refunded).unwrap_or(Money::zero(payment.amount.currency()));
    let amount = asked_amount(new.amount.as_deref(), left)?;
    if !RefundHold.is_absent() && !store::hold(tx, &payment.id, amount).await? {
        return Err(RefundError::TooMuch(left));
    }
    // Read after the hold, which lets only one refund of a payment pass at a time.
    let orders = payments::orders(&mut *tx, &payment.id).await?;
    let before = store::before(&mut *tx, &payment.id, amount.currency()).await?;
    let refund = Refund {
        id: RefundId::new(),
        tenant: tenant.clone(),
        payment: payment.id,
        amount,
        reason: new.reason,
        status: RefundStatus::Pending,
        psp,
        psp_reference: None,
        failure_code: None,
        metadata: new.metadata,
        created_at: now,
        deadline_at: now.plus(DEADLINE),
        settled_at: None,
        parts: shares(amount, &orders, &before).ok_or(RefundError::TooMuch(left))?,
    };
    store::insert(tx, &refund).await?;
    jobs::refund(tx, &refund, now).await?;
    wallets::post(tx, &[postings::asked(&refund)]).await?;
    Ok(refund)
}

fn asked_amount(text: Option<&str>, left: Money) -> Result<Money, RefundError> {
    let amount = match text {
        Some(text) => Money::parse(text, left.currency()).map_err(|error| RefundError::BadAmount(error.to_string()))?,
        None => left,
    };
    match amount.minor() {
        0 if text.is_some() => Err(RefundError::BadAmount("must be more than zero".to_owned())),
        0 => Err(RefundError::TooMuch(left)),
        minor if minor > left.minor() => Err(RefundError::TooMuch(left)),
        _ => Ok(amount),
    }
}
