//! Ask: a refund is written and its money held apart, all in the caller's transaction; a job asks the PSP.

use std::time::Duration;

use super::of_charge::charge_of_sale;
use super::postings::{self, from_available};
use super::share::{Unshared, Wanted, shares};
use super::{Refund, RefundStatus, store};
use crate::db::{DbError, Tx};
use crate::merchants::policies::{self, NegativeBalance};
use crate::payments::payment::Payment;
use crate::payments::status::PaymentStatus;
use crate::payments::{jobs, store as payments};
use crate::sabotage::Protection::RefundHold;
use crate::wallets::{self, WalletError};
use crate::words::{Money, PaymentId, PaymentOrderId, RefundId, Tenant, Timestamp};

/// How long a refund may stay without a known outcome before a person gets it.
pub(super) const DEADLINE: Duration = Duration::from_hours(24);

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
    /// More than is left of one order.
    #[error("at most {left} is left to refund of this order")]
    TooMuchOfOrder {
        /// Its place in the list.
        at: usize,
        /// What is left.
        left: Money,
    },
    /// Not an amount of the payment's currency, in a list of orders.
    #[error("{rule}")]
    BadPart {
        /// Its place in the list.
        at: usize,
        /// The rule it breaks.
        rule: String,
    },
    /// The payment has no such order, or it is named twice.
    #[error("the payment has no such order, or it is named twice")]
    NoOrder(usize),
    /// The shopper's bank has taken it back, or may: given back as well, it would be lost twice.
    #[error("{disputed} of the payment is contested by the shopper's bank; at most {left} is left to refund")]
    Contested {
        /// What is neither refunded nor contested.
        left: Money,
        /// What is contested and was not won back.
        disputed: Money,
    },
    /// A seller no longer has what is to be given back.
    #[error(transparent)]
    Books(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes on a refund, shared out over the orders by what is left of each: from here on its money is held, and the PSP will be
/// asked until it says what became of it.
pub async fn ask(tx: &mut Tx, tenant: &Tenant, new: NewRefund, now: Timestamp) -> Result<Refund, RefundError> {
    let (payment, psp, left) = refundable(tx, tenant, &new.payment).await?;
    let amount = asked_amount(new.amount.as_deref(), left).map_err(|error| contested(error, &payment, left))?;
    hold(tx, &payment, amount, left).await?;
    take_on(tx, new, payment, psp, Wanted::Of(amount), amount, now).await
}

/// As [`ask`], of everything that is left of a sale that nobody wanted: the platform keeps no fee of it.
pub async fn send_back(tx: &mut Tx, tenant: &Tenant, new: NewRefund, now: Timestamp) -> Result<Refund, RefundError> {
    let (payment, psp, left) = refundable(tx, tenant, &new.payment).await?;
    hold(tx, &payment, left, left).await?;
    take_on(tx, new, payment, psp, Wanted::Unwanted(left), left, now).await
}

/// As [`ask`], of the orders that are named alone, each with its amount or everything that is left of it.
pub async fn ask_of_orders(
    tx: &mut Tx,
    tenant: &Tenant,
    new: NewRefund,
    orders: &[(PaymentOrderId, Option<String>)],
    now: Timestamp,
) -> Result<Refund, RefundError> {
    let (payment, psp, left) = refundable(tx, tenant, &new.payment).await?;
    let currency = payment.amount.currency();
    let mut named = Vec::with_capacity(orders.len());
    for (at, (order, text)) in orders.iter().enumerate() {
        let amount = text.as_deref().map(|text| Money::parse(text, currency)).transpose();
        let amount = amount.map_err(|error| RefundError::BadPart { at, rule: error.to_string() })?;
        if amount.is_some_and(Money::is_zero) {
            return Err(RefundError::BadPart { at, rule: "must be more than zero".to_owned() });
        }
        named.push((order.clone(), amount));
    }
    // Nobody else may take of them between the look at what is left and the hold.
    payments::lock(tx, &payment.id, now).await?;
    let policy = policies::of(&mut *tx, tenant).await?.refund_fee;
    let its_orders = payments::orders(&mut *tx, &payment.id).await?;
    let before = store::before(&mut *tx, &payment.id, currency).await?;
    let parts = shares(Wanted::Orders(&named), &its_orders, &before, policy)?;
    let amount = Money::sum(currency, parts.iter().map(|part| part.amount)).ok_or(RefundError::TooMuch(left))?;
    if let Some(text) = new.amount.as_deref()
        && Money::parse(text, currency) != Ok(amount)
    {
        return Err(RefundError::BadAmount(format!(
            "must be the sum of the orders' amounts, {amount}, or be left out"
        )));
    }
    hold(tx, &payment, amount, left).await?;
    take_on(tx, new, payment, psp, Wanted::Orders(&named), amount, now).await
}

/// A payment that can be refunded, its PSP, and what is left of it.
async fn refundable(tx: &mut Tx, tenant: &Tenant, id: &PaymentId) -> Result<(Payment, String, Money), RefundError> {
    let payment = payments::get(&mut *tx, tenant, id).await?.ok_or(RefundError::NoPayment)?;
    let psp = match (payment.status, &payment.psp) {
        (PaymentStatus::Succeeded, Some(psp)) => psp.clone(),
        (status, _) => return Err(RefundError::NotPaid(status.as_str())),
    };
    let nothing = Money::zero(payment.amount.currency());
    let whole = payment.captured.checked_sub(payment.refunded).unwrap_or(nothing);
    let left = whole.checked_sub(payment.disputed).unwrap_or(nothing);
    Ok((payment, psp, left))
}

async fn hold(tx: &mut Tx, payment: &Payment, amount: Money, left: Money) -> Result<(), RefundError> {
    if !RefundHold.is_absent() && !store::hold(tx, &payment.id, amount).await? {
        return Err(contested(RefundError::TooMuch(left), payment, left));
    }
    Ok(())
}

/// That money is there and contested is another answer than that it is not there.
fn contested(error: RefundError, payment: &Payment, left: Money) -> RefundError {
    match error {
        RefundError::TooMuch(_) if !payment.disputed.is_zero() => {
            RefundError::Contested { left, disputed: payment.disputed }
        }
        other => other,
    }
}

/// Writes the refund and holds its money, after [`hold`], which lets only one refund of a payment pass at a time.
async fn take_on(
    tx: &mut Tx,
    new: NewRefund,
    payment: Payment,
    psp: String,
    wanted: Wanted<'_>,
    amount: Money,
    now: Timestamp,
) -> Result<Refund, RefundError> {
    let policies = policies::of(&mut *tx, &payment.tenant).await?;
    let orders = payments::orders(&mut *tx, &payment.id).await?;
    let before = store::before(&mut *tx, &payment.id, amount.currency()).await?;
    let charge = charge_of_sale(tx, &payment.id).await?;
    let refund = Refund {
        id: RefundId::new(),
        tenant: payment.tenant,
        payment: payment.id,
        attempt: None,
        charge,
        amount,
        reason: new.reason,
        status: RefundStatus::Pending,
        psp,
        psp_reference: None,
        failure_code: None,
        metadata: new.metadata,
        created_at: now,
        deadline_at: now.plus(DEADLINE),
        succeeded_at: None,
        settled_at: None,
        parts: shares(wanted, &orders, &before, policies.refund_fee)?,
    };
    store::insert(tx, &refund).await?;
    for part in refund.parts.iter().filter(|part| !part.from_pending.is_zero()) {
        payments::take_pending(tx, &part.order, part.from_pending).await?;
    }
    jobs::refund(tx, &refund, now).await?;
    let posting = [postings::asked(&refund)];
    let takes_available = refund.parts.iter().any(|part| !from_available(part).is_zero());
    if takes_available && policies.negative_balance == NegativeBalance::Allow {
        wallets::post_owing(tx, &posting).await?;
    } else {
        wallets::post(tx, &posting).await?;
    }
    Ok(refund)
}

impl From<Unshared> for RefundError {
    fn from(why: Unshared) -> Self {
        match why {
            Unshared::TooMuch { at: Some(at), left } => Self::TooMuchOfOrder { at, left },
            Unshared::TooMuch { at: None, left } => Self::TooMuch(left),
            Unshared::NoOrder(at) => Self::NoOrder(at),
        }
    }
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
