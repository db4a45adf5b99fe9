//! Saved cards: kept when a shopper pays and agrees to it, charged later without the shopper.
//!
//! Promises that the PSP's token is sealed at rest, shown to nobody, and gone once the card is detached; that a card is
//! charged through the same attempts, calls and settlement as any other; and that a charge ends: nobody is there to prove
//! anything or to try another card. Refuses to know the card's number.

mod ask;
mod charge;
mod keep;
mod store;
mod view;

pub use ask::{ChargeError, NewCharge, ask};
pub use charge::charge;
pub use keep::detach;
pub(super) use keep::{keep, token};
pub use store::{get, list};
pub use view::view;

use crate::psp::Card;
use crate::words::{PaymentId, PaymentMethodId, Tenant, Timestamp};

/// A saved card.
#[derive(Debug, Clone)]
pub struct PaymentMethod {
    /// Its id.
    pub id: PaymentMethodId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The PSP that has the card.
    pub psp: String,
    /// As much of it as may be known.
    pub card: Card,
    /// The shopper's address, when the merchant gave it.
    pub customer_email: Option<String>,
    /// The payment it was saved with.
    pub payment: PaymentId,
    /// When it was saved.
    pub created_at: Timestamp,
    /// When it was detached: it cannot be charged from then on.
    pub detached_at: Option<Timestamp>,
}
