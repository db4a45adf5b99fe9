//! Attempts: each try to take a payment's money, written before the PSP is called and never forgotten.

mod store;

use super::status::AttemptState;
use crate::psp::{Card, DeclineCode};
use crate::words::{AttemptId, PaymentId, Tenant, Timestamp};

pub use store::{
    Count, asked_in_vain, book_second_charge, change, claim_silent, count_since, get, insert, keep_second_charge,
    latest, newest, of_payment, oldest_open,
};

/// How many of a payment's attempts merchants are shown: an event has a size that it must keep to.
pub const SHOWN: i64 = 20;

/// One try to take the money of a payment.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// Whose it is.
    pub tenant: Tenant,
    /// The payment.
    pub payment: PaymentId,
    /// At which PSP.
    pub psp: String,
    /// The idempotency key there.
    pub psp_key: String,
    /// The PSP's token for the card.
    pub method: String,
    /// What is known of it.
    pub state: AttemptState,
    /// The PSP's name for the charge, once approved.
    pub psp_reference: Option<String>,
    /// Why it was declined.
    pub decline: Option<DeclineCode>,
    /// Why, in the PSP's words.
    pub psp_code: Option<String>,
    /// The card, as far as it may be known.
    pub card: Option<Card>,
    /// Where the shopper proves who they are.
    pub action_url: Option<String>,
    /// What was seen instead of an answer.
    pub note: Option<String>,
    /// The PSP's name for the charge, where it was made although another attempt was approved.
    pub second_charge: Option<String>,
    /// When that charge came into the books; never where a card only holds the money.
    pub second_charged_at: Option<Timestamp>,
    /// When it was written down to be sent.
    pub sent_at: Timestamp,
    /// When a person gets it if its outcome is still not known.
    pub deadline_at: Timestamp,
    /// When its outcome was known.
    pub settled_at: Option<Timestamp>,
}

impl Attempt {
    /// Whether the PSP may have seen it: what a rule of ours refused was never sent.
    pub fn was_sent(&self) -> bool {
        self.decline != Some(DeclineCode::RiskRefused)
    }
}
