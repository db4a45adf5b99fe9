//! What a shopper's page may say of a payment.

use std::time::Duration;

use super::attempts::Attempt;
use super::payment::Payment;
use super::status::{AttemptState, PaymentStatus};
use crate::psp::DeclineCode;
use crate::words::Timestamp;

/// Where a payment stands for whoever pays it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The card form may be shown.
    Ready,
    /// An attempt is under way.
    Processing,
    /// The shopper must prove who they are at this address.
    ActionRequired {
        /// The PSP's challenge page.
        url: String,
    },
    /// The last attempt was declined; another card may be tried.
    Declined {
        /// Why.
        code: DeclineCode,
    },
    /// The outcome is being found out; nobody may pay again until it is known.
    Unknown,
    /// Paid.
    Succeeded,
    /// Too late.
    Expired,
    /// The money came too late, was taken or held all the same, and goes back.
    Returned,
    /// Called off.
    Canceled,
    /// Cannot be paid.
    Failed,
}

/// How long an attempt may stay without an answer before the shopper is told that we are finding out.
const PATIENCE: Duration = Duration::from_secs(25);

/// The standing of `payment`, whose latest attempt is `attempt`.
pub fn standing(payment: &Payment, attempt: Option<&Attempt>, now: Timestamp) -> Standing {
    match payment.status {
        // Only money that nobody wanted any more has a reason and is there.
        PaymentStatus::Succeeded | PaymentStatus::Authorized if payment.cancellation_reason.is_some() => {
            Standing::Returned
        }
        PaymentStatus::Succeeded | PaymentStatus::Authorized => Standing::Succeeded,
        PaymentStatus::Expired => Standing::Expired,
        PaymentStatus::Canceled => Standing::Canceled,
        PaymentStatus::Failed => Standing::Failed,
        PaymentStatus::RequiresPayment | PaymentStatus::Processing => {
            attempt.map_or(Standing::Ready, |attempt| of_attempt(attempt, now))
        }
    }
}

fn of_attempt(attempt: &Attempt, now: Timestamp) -> Standing {
    match (attempt.state, &attempt.action_url) {
        (AttemptState::ActionRequired, Some(url)) => Standing::ActionRequired { url: url.clone() },
        (AttemptState::Unknown, _) => Standing::Unknown,
        (AttemptState::Declined, _) => Standing::Declined { code: attempt.decline.unwrap_or(DeclineCode::Generic) },
        _ if now.apart(attempt.sent_at) > PATIENCE => Standing::Unknown,
        _ => Standing::Processing,
    }
}
