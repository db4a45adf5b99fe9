//! What a PSP can answer, in words that hold for all of them.

use std::time::Duration;

use url::Url;

use crate::words::{Money, Secret, Timestamp};

/// Why it is not known what became of an order that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// What was seen instead of an answer, for people.
    pub reason: String,
    /// How long the PSP asked us to wait, if it said so.
    pub after: Option<Duration>,
}

impl Doubt {
    /// The doubt that a PSP leaves which says nothing of when it wants to be called again.
    pub fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), after: None }
    }
}

/// No PSP gets to stop us for longer.
pub const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// When a PSP may be called again that wants no call `not_before`; none when that is now, or was reckoned by a clock that ran
/// ahead.
#[must_use]
pub fn still_waits(not_before: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    not_before.filter(|not_before| now < *not_before && *not_before <= now.furthest(LONGEST_WAIT))
}

/// What became of an order to take money, or to hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The money is taken, or held where that was asked for.
    Approved(Approval),
    /// It is not and will not be.
    Declined(Decline),
    /// The shopper must first prove who they are (3-D Secure) at this address, in a frame of our page.
    ActionRequired {
        /// The challenge page on the PSP's origin.
        url: Url,
        /// The card, as far as it may be known.
        card: Option<Card>,
    },
    /// The PSP has it and will say later.
    Pending,
    /// It was sent, and no answer that can be trusted came back: ask again, never assume.
    Unknown(Doubt),
}

impl Outcome {
    /// What the record of a call says came back.
    pub const fn summary(&self) -> &'static str {
        match self {
            Self::Approved(_) => "approved",
            Self::Declined(_) => "declined",
            Self::ActionRequired { .. } => "action required",
            Self::Pending => "pending",
            Self::Unknown { .. } => "no answer that can be trusted",
        }
    }
}

/// Money taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// The PSP's own name for the charge, as its settlement file will call it.
    pub reference: String,
    /// The card, as far as it may be known.
    pub card: Option<Card>,
    /// The PSP's token by which the card can be charged again, when that was asked for and the PSP gives one.
    pub saved: Option<Secret<String>>,
}

/// Money refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decline {
    /// Why, in our words.
    pub code: DeclineCode,
    /// Why, in the PSP's.
    pub psp_code: String,
    /// The card, as far as it may be known.
    pub card: Option<Card>,
}

/// As much of a card as may be kept (PCI DSS 3.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// `visa`, `mastercard`, ...
    pub brand: String,
    /// The last four digits.
    pub last4: String,
}

/// What the look for an attempt or a refund brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding<T = Outcome> {
    /// The PSP knows it, and this became of it.
    Found(T),
    /// The PSP has never seen it, however long ago that was: an adapter that could not tell any more fails instead.
    NotFound,
}

/// How money stands that an approval made a card hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hold {
    /// Held, neither taken nor let go.
    Held,
    /// Taken; what was held beyond `amount` is let go.
    Captured {
        /// How much.
        amount: Money,
        /// The PSP's own name for it, as its settlement file will call it.
        reference: String,
    },
    /// Let go, by order or because its time was over.
    Released,
    /// No answer that can be trusted came back: ask again, never assume.
    Unknown(Doubt),
}

/// What became of an order to give money back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundOutcome {
    /// The money is on its way back to the card.
    Done {
        /// The PSP's own name for the refund, as its settlement file will call it.
        reference: String,
    },
    /// It is not and will not be.
    Failed {
        /// Why, in the PSP's words.
        psp_code: String,
    },
    /// It was given back, and the shopper's bank has returned it.
    Returned {
        /// The PSP's own name for the refund.
        reference: String,
        /// Why it came back, in the PSP's words.
        psp_code: String,
    },
    /// The PSP has it and will say later.
    Pending,
    /// It was sent, and no answer that can be trusted came back.
    Unknown(Doubt),
}

/// A call that surely did nothing at the PSP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// It could not be sent, or was turned away before it was looked at: may be sent again, not before `after`.
    #[error("the PSP could not be reached: {reason}")]
    Unreachable {
        /// What was seen.
        reason: String,
        /// How long the PSP asked us to wait.
        after: Option<Duration>,
    },
    /// The PSP refuses the request as we make it: repeating it is no use, an operator must look.
    #[error("the PSP refuses the request ({code}): {reason}")]
    Refused {
        /// The PSP's code.
        code: String,
        /// The PSP's words, without secrets.
        reason: String,
    },
}

macro_rules! decline_codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Why a card was declined, as merchants read it; what shoppers read is chosen by the page.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DeclineCode { $($(#[$doc])* $name,)* }

        impl DeclineCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code as merchants read it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// The code written so; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

decline_codes! {
    /// Not enough money or credit.
    InsufficientFunds = "insufficient_funds";
    /// Reported lost: shown to shoppers as generic.
    LostCard = "lost_card";
    /// Reported stolen: shown to shoppers as generic.
    StolenCard = "stolen_card";
    /// Past its date.
    ExpiredCard = "expired_card";
    /// Taken for fraud: shown to shoppers as generic.
    SuspectedFraud = "suspected_fraud";
    /// The bank gives no reason.
    DoNotHonor = "do_not_honor";
    /// The security code is wrong.
    IncorrectCvc = "incorrect_cvc";
    /// The bank wants to see the shopper, who is not there: a saved card was charged.
    AuthenticationRequired = "authentication_required";
    /// 3-D Secure was failed.
    AuthenticationFailed = "authentication_failed";
    /// 3-D Secure was left unfinished.
    AuthenticationAbandoned = "authentication_abandoned";
    /// The bank or network could not process it now.
    ProcessingError = "processing_error";
    /// The PSP surely never got it.
    NotSent = "psp_unreachable";
    /// A rule of ours refused it before the PSP was asked.
    RiskRefused = "risk_refused";
    /// Anything else.
    Generic = "generic_decline";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_psp_says_and_is_no_longer_than_any_may_be() {
        let at = Timestamp::from_unix_seconds;
        let table = [
            (None, None),
            (Some(99), None),
            (Some(100), None),
            (Some(101), Some(101)),
            (Some(3_700), Some(3_700)),
            (Some(31_536_100), None),
        ];
        for (not_before, wanted) in table {
            assert_eq!(still_waits(not_before.map(at), at(100)), wanted.map(at), "{not_before:?}");
        }
    }
}
