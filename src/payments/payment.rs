//! Payments and their orders.

use super::captures::Operation;
use super::status::{OrderStatus, PaymentStatus};
use crate::checkout::Capture;
use crate::psp::Registered;
use crate::words::{Money, PaymentId, PaymentMethodId, PaymentOrderId, SellerId, SessionId, Tenant, Timestamp};

/// The money side of one checkout.
#[derive(Debug, Clone)]
pub struct Payment {
    /// Its id.
    pub id: PaymentId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The checkout it pays, if it came from one.
    pub checkout: Option<SessionId>,
    /// Where it stands.
    pub status: PaymentStatus,
    /// What the shopper pays.
    pub amount: Money,
    /// What was taken.
    pub captured: Money,
    /// What was given back.
    pub refunded: Money,
    /// What is contested and was not won back.
    pub disputed: Money,
    /// Whether approval takes the money at once.
    pub capture: Capture,
    /// Whether the card is kept when it has paid.
    pub save_payment_method: bool,
    /// The card that was kept with it, or that it is charged to.
    pub payment_method: Option<PaymentMethodId>,
    /// The merchant's own name for it.
    pub reference: Option<String>,
    /// What the shopper reads at the PSP.
    pub description: String,
    /// The shopper's address, when the merchant knows it.
    pub customer_email: Option<String>,
    /// The merchant's notes.
    pub metadata: serde_json::Value,
    /// The PSP that has it, once registered.
    pub psp: Option<String>,
    /// What the PSP gave for it, once registered.
    pub registered: Option<Registered>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the money was taken.
    pub succeeded_at: Option<Timestamp>,
    /// When the card began to hold the money, of a payment with manual capture.
    pub authorized_at: Option<Timestamp>,
    /// When the hold ends: nothing can be captured from then on.
    pub authorization_expires_at: Option<Timestamp>,
    /// What the PSP was asked to do with the held money and has not answered.
    pub pending_operation: Option<Operation>,
    /// Why it was called off.
    pub cancellation_reason: Option<String>,
}

impl Payment {
    /// What may be captured now: all of it while the card holds it and nothing else was asked of the PSP, or nothing.
    pub fn capturable(&self) -> Money {
        if self.status == PaymentStatus::Authorized && self.pending_operation.is_none() {
            self.amount
        } else {
            Money::zero(self.amount.currency())
        }
    }
}

/// One seller's share of a payment.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its id: the idempotency key of its execution.
    pub id: PaymentOrderId,
    /// The payment.
    pub payment: PaymentId,
    /// Who is paid.
    pub seller: SellerId,
    /// The share, fee included.
    pub amount: Money,
    /// The platform's part of it.
    pub fee: Money,
    /// What was taken of the share; zero until it is paid.
    pub captured: Money,
    /// The platform's part of what was taken.
    pub captured_fee: Money,
    /// Where it stands.
    pub status: OrderStatus,
    /// Whether the seller's wallet has it.
    pub wallet_updated: bool,
    /// Whether the ledger has it.
    pub ledger_updated: bool,
    /// What of the seller's share waits for the delivery.
    pub pending: Money,
    /// When it was delivered, or counted as delivered; nothing of it is pending from then on.
    pub fulfilled_at: Option<Timestamp>,
}
