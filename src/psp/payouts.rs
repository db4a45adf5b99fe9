//! Who sends money to sellers' banks: a trait of its own, because a bank partner that pays out need not take cards.
//!
//! A transfer takes its time: accepted today, paid in some days, and sent back by the seller's bank a week later if the
//! account is closed. So an answer is a state, and it is asked for again.

use std::time::Duration;

use async_trait::async_trait;

use super::{Doubt, Finding, NotDone};
use crate::words::{Mode, Money};

/// The order to send money to a seller's bank.
#[derive(Debug, Clone)]
pub struct PayoutRequest {
    /// The token that stands for the seller's bank account at this provider.
    pub destination: String,
    /// How much.
    pub amount: Money,
    /// The idempotency key: one per payout, the same for every repeat of the call.
    pub key: String,
}

/// What became of an order to send money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayoutOutcome {
    /// The provider has taken it on and will say later.
    Processing {
        /// The provider's own name for it.
        reference: String,
    },
    /// The seller's bank has it.
    Paid {
        /// The provider's own name for it, as its settlement file will call it.
        reference: String,
    },
    /// It was not sent and will not be.
    Failed {
        /// Why, in the provider's words.
        code: String,
        /// Whether it is the destination's fault: the account is closed, frozen or not there, so the next one would fail too.
        of_destination: bool,
    },
    /// It was paid, and the seller's bank has sent it back.
    Returned {
        /// The provider's own name for it.
        reference: String,
        /// Why, in the provider's words.
        code: String,
    },
    /// It was sent, and no answer that can be trusted came back.
    Unknown(Doubt),
}

/// Somebody who sends money to sellers' banks.
#[async_trait]
pub trait PayoutProvider: Send + Sync {
    /// Its name in records, such as `simulator`.
    fn name(&self) -> &'static str;

    /// Whether it sends money of this mode: a stand-in sends none that is live.
    fn sends(&self, mode: Mode) -> bool;

    /// How long it remembers an idempotency key, counted from the call that first brought it; `None` is for ever. Past it
    /// an order must not be sent again, for the money would be sent twice.
    fn key_lifetime(&self) -> Option<Duration>;

    /// Orders the money to be sent. `Err` means that this call sent nothing.
    async fn pay_out(&self, request: &PayoutRequest) -> Result<PayoutOutcome, NotDone>;

    /// Asks what became of the payout that was ordered under `key`.
    async fn look_up_payout(&self, key: &str) -> Result<Finding<PayoutOutcome>, NotDone>;
}
