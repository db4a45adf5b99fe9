//! Ask: a charge of a saved card is taken on in the caller's transaction, with its one order and the job that carries it out.

use super::store as methods;
use crate::checkout::Capture;
use crate::db::{DbError, Tx};
use crate::merchants::{policies, sellers};
use crate::payments::fees::{self, Terms};
use crate::payments::payment::{Order, Payment};
use crate::payments::status::{OrderStatus, PaymentStatus};
use crate::payments::{jobs, store};
use crate::words::{Money, PaymentId, PaymentMethodId, PaymentOrderId, SellerId, Tenant, Timestamp};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct NewCharge {
    /// How much, more than zero.
    pub amount: Money,
    /// The saved card.
    pub method: PaymentMethodId,
    /// Who is paid; the merchant itself when absent.
    pub seller: Option<SellerId>,
    /// Whether approval takes the money at once.
    pub capture: Capture,
    /// The merchant's own name for it.
    pub reference: Option<String>,
    /// What the shopper reads at the PSP.
    pub description: Option<String>,
    /// The merchant's notes.
    pub metadata: serde_json::Value,
}

/// Why a charge was not taken on. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum ChargeError {
    /// No such card, or not this tenant's.
    #[error("there is no such saved card")]
    NoMethod,
    /// It was detached.
    #[error("the saved card was detached and cannot be charged")]
    Detached,
    /// No such seller of this tenant's.
    #[error("is not one of your sellers")]
    NoSeller,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes on a charge: from here on it is carried out, by the caller or by a worker.
pub async fn ask(tx: &mut Tx, tenant: &Tenant, new: NewCharge, now: Timestamp) -> Result<Payment, ChargeError> {
    let method = methods::get(&mut *tx, tenant, &new.method).await?.ok_or(ChargeError::NoMethod)?;
    if method.detached_at.is_some() {
        return Err(ChargeError::Detached);
    }
    let seller = match &new.seller {
        Some(id) => sellers::get(&mut *tx, tenant, id).await?.ok_or(ChargeError::NoSeller)?,
        None => sellers::self_seller(&mut *tx, tenant).await?,
    };
    let none = Money::zero(new.amount.currency());
    let payment = Payment {
        id: PaymentId::new(),
        tenant: tenant.clone(),
        checkout: None,
        status: PaymentStatus::RequiresPayment,
        amount: new.amount,
        captured: none,
        refunded: none,
        disputed: none,
        capture: new.capture,
        save_payment_method: false,
        payment_method: Some(method.id),
        reference: new.reference,
        description: new.description.unwrap_or_default(),
        customer_email: method.customer_email,
        metadata: new.metadata,
        psp: Some(method.psp),
        registered: None,
        created_at: now,
        updated_at: now,
        succeeded_at: None,
        authorized_at: None,
        authorization_expires_at: None,
        pending_operation: None,
        cancellation_reason: None,
    };
    let terms = Terms::Decided {
        merchants: policies::of(&mut *tx, tenant).await?.platform_fee,
        sellers: policies::of_sellers(&mut *tx, tenant).await?,
    };
    let shares = [(seller.id, payment.amount)];
    let fee = fees::fees(&shares, &terms).and_then(|fees| fees.first().copied()).unwrap_or(none);
    let [(seller, _)] = shares;
    let order = Order {
        id: PaymentOrderId::new(),
        payment: payment.id.clone(),
        seller,
        amount: payment.amount,
        fee,
        status: OrderStatus::NotStarted,
        wallet_updated: false,
        ledger_updated: false,
        captured: none,
        captured_fee: none,
        pending: none,
        fulfilled_at: None,
    };
    store::insert(tx, &payment, &[order]).await?;
    jobs::charge(tx, &payment.id, tenant, now).await?;
    Ok(payment)
}
