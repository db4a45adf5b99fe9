//! Whether anything may be paid out to a seller now. Pure.

use crate::merchants::sellers::{Destination, Seller, Verification};
use crate::words::Timestamp;

/// Why nothing may be paid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// No bank account is named.
    #[error("the seller has no payout destination")]
    NoDestination,
    /// Nobody has verified the seller, or somebody has refused to.
    #[error("the seller is {0}, and only a verified seller is paid out")]
    NotVerified(&'static str),
    /// Money did not arrive at the bank account: it is closed, frozen or not there.
    #[error("a payout to the seller's destination failed or came back at {0}: name another one, or verify it again")]
    Failed(Timestamp),
    /// The bank account was changed not long ago.
    #[error("the seller's payout destination was changed not long ago, and payouts wait until {0}")]
    Cooling(Timestamp),
}

impl Closed {
    /// As a payout that fails for it says it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoDestination => "payout_destination_missing",
            Self::NotVerified(_) => "seller_not_verified",
            Self::Failed(_) => "payout_destination_failed",
            Self::Cooling(_) => "payout_destination_held",
        }
    }
}

/// The bank account that money may go to now.
///
/// # Errors
/// [`Closed`], which says why none may.
pub fn gate(seller: &Seller, now: Timestamp) -> Result<&Destination, Closed> {
    let destination = seller.destination.as_ref().ok_or(Closed::NoDestination)?;
    if seller.verification != Verification::Verified {
        return Err(Closed::NotVerified(seller.verification.as_str()));
    }
    if let Some(failure) = &destination.failure {
        return Err(Closed::Failed(failure.at));
    }
    match destination.held_until {
        Some(until) if now < until => Err(Closed::Cooling(until)),
        _ => Ok(destination),
    }
}
