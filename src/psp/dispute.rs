//! Disputes in words that hold for every PSP: what a shopper's bank contests, and what is answered.

use super::Doubt;
use crate::words::{Money, Timestamp};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$each])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// As merchants read it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The one written so; `None` for any other text.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// What a shopper contests a payment for.
    DisputeReason {
        /// The shopper says that somebody else paid with the card.
        Fraudulent = "fraudulent",
        /// It did not arrive.
        ProductNotReceived = "product_not_received",
        /// It is broken, or not what was sold.
        ProductUnacceptable = "product_unacceptable",
        /// Paid twice for one thing.
        Duplicate = "duplicate",
        /// A refund was promised and did not come.
        CreditNotProcessed = "credit_not_processed",
        /// Charged after the subscription had ended.
        SubscriptionCanceled = "subscription_canceled",
        /// The shopper does not know the charge.
        Unrecognized = "unrecognized",
        /// Anything else.
        General = "general",
    }
}

words! {
    /// Where a dispute stands.
    DisputeStatus {
        /// The money is gone for now, and evidence may be handed in.
        NeedsResponse = "needs_response",
        /// The shopper's bank looks at the evidence.
        UnderReview = "under_review",
        /// The money came back.
        Won = "won",
        /// It stays gone.
        Lost = "lost",
    }
}

impl DisputeStatus {
    /// Whether it is decided.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Won | Self::Lost)
    }
}

/// A dispute as a PSP tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PspDispute {
    /// The PSP's own name for it, as its settlement file will call it.
    pub reference: String,
    /// The PSP's id of the payment.
    pub psp_payment: String,
    /// What is contested; the PSP took it back when it was opened.
    pub amount: Money,
    /// What the PSP charges for it, when it says so.
    pub fee: Option<Money>,
    /// What for.
    pub reason: DisputeReason,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Until when evidence counts, when the PSP says so.
    pub evidence_due_by: Option<Timestamp>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The key under which the PSP took evidence of ours, or our word that we give in, if it did.
    pub evidence_key: Option<String>,
}

/// Evidence to be handed in.
#[derive(Debug, Clone)]
pub struct EvidenceRequest {
    /// The PSP's name for the dispute.
    pub dispute: String,
    /// Texts by the names of our API.
    pub texts: Vec<(&'static str, String)>,
    /// The idempotency key: one per hand-in, the same for every repeat of the call.
    pub key: String,
}

/// What became of evidence that was handed in, or of the word that the merchant gives in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvidenceOutcome {
    /// The PSP has it and passes it on.
    Taken,
    /// It is too late, or there is some already.
    Refused {
        /// Why, in the PSP's words.
        psp_code: String,
    },
    /// It was sent, and no answer that can be trusted came back.
    Unknown(Doubt),
}
