//! Refunds: money given back to the shopper, in full or in parts.
//!
//! Promises that the sum of all refunds, asked or done, never exceeds what was captured: the amount is reserved in the
//! books before the PSP is asked, and a refund that fails puts it back, also weeks after it had succeeded. Each has one key
//! at the PSP, for ever. Money is taken from where it is: an order's pending money first, then what its seller has available.
//! A second charge of a payment goes back on the same road, and takes nothing from anybody.

mod ask;
mod carry_out;
mod come_back;
mod look;
mod of_charge;
mod order;
mod postings;
mod reading;
mod settle;
mod share;
mod store;
mod view;

pub use ask::{NewRefund, RefundError, ask, ask_of_orders, send_back};
pub use carry_out::{ask_soon, carry_out};
pub use come_back::{come_back, look_for_returned};
pub use of_charge::{ask_of_charge, charge_of_sale};
pub use settle::settle_heard;
pub(super) use share::{Before, left};
pub(super) use store::before;
pub use store::{find, get, list, of_charge, of_payment};
pub use view::view;

use crate::words::{AttemptId, Money, PaymentId, PaymentOrderId, RefundId, SellerId, Tenant, Timestamp};

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefundStatus {
    /// Reserved, and asked for or about to be.
    Pending,
    /// On its way back to the card.
    Succeeded,
    /// Not given back; the money is the seller's again.
    Failed,
}

impl RefundStatus {
    /// As it stands in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The status written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Succeeded, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// Money given back.
#[derive(Debug, Clone)]
pub struct Refund {
    /// Its id, which is also its key at the PSP.
    pub id: RefundId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Of which payment.
    pub payment: PaymentId,
    /// The attempt whose second charge it gives back; none where it gives back what the sale stands on.
    pub attempt: Option<AttemptId>,
    /// The PSP's name of the charge that is to be given back, where the payment has more than one.
    pub charge: Option<String>,
    /// How much.
    pub amount: Money,
    /// Why, in the merchant's words.
    pub reason: Option<String>,
    /// Where it stands.
    pub status: RefundStatus,
    /// At which PSP.
    pub psp: String,
    /// The PSP's name for it, once done.
    pub psp_reference: Option<String>,
    /// Why it failed, in the PSP's words.
    pub failure_code: Option<String>,
    /// The merchant's notes.
    pub metadata: serde_json::Value,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a person gets it if its outcome is still not known.
    pub deadline_at: Timestamp,
    /// When it succeeded; stays when it fails later.
    pub succeeded_at: Option<Timestamp>,
    /// When its outcome was known.
    pub settled_at: Option<Timestamp>,
    /// What of it each seller's order bears; nothing of a second charge, which was no seller's.
    pub parts: Vec<Part>,
}

impl Refund {
    /// Whether it failed without ever having been done, as far as is known here.
    pub(super) fn never_was_done(&self) -> bool {
        self.status == RefundStatus::Failed && self.succeeded_at.is_none()
    }
}

/// What of a refund one seller's order bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The order.
    pub order: PaymentOrderId,
    /// The seller.
    pub seller: SellerId,
    /// All of it.
    pub amount: Money,
    /// What of it the platform gives back from its fee.
    pub fee: Money,
    /// What the platform keeps of its fee although the sale is given back.
    pub fee_kept: Money,
    /// What was taken from the order's pending money; the rest of the seller's share came from what was available.
    pub from_pending: Money,
}
