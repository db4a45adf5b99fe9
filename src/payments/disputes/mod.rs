//! Disputes: money that a shopper's bank took back and that may be won again with evidence.
//!
//! Promises that a dispute is in the books once however often and in whatever order it is heard of; that contested money is
//! neither anybody's to spend nor lost before it is decided; that it is never given back and lost as well; and that evidence,
//! or the word that the merchant gives in, reaches the PSP once. Refuses to know who is right.

mod answer;
mod carry_out;
mod learn;
mod part;
mod postings;
mod settle;
mod status;
mod store;
mod view;
mod watch;

pub use answer::{Answered, accept, answer};
pub use carry_out::carry_out;
pub use learn::{look, look_again};
pub use part::Part;
pub use store::{Filter, evidence_of, find, get, list, of_payment};
pub use view::view;
pub use watch::{list_at_psp, watch};

use crate::psp::{DisputeReason, DisputeStatus};
use crate::words::{DisputeId, EvidenceId, Money, PaymentId, Tenant, Timestamp};

/// Money contested.
#[derive(Debug, Clone)]
pub struct Dispute {
    /// Its id.
    pub id: DisputeId,
    /// Whose it is.
    pub tenant: Tenant,
    /// Of which payment.
    pub payment: PaymentId,
    /// At which PSP.
    pub psp: String,
    /// The PSP's name for it.
    pub psp_reference: String,
    /// What is contested.
    pub amount: Money,
    /// What the PSP charges for it, won or lost.
    pub fee: Money,
    /// What for.
    pub reason: DisputeReason,
    /// Where it stands.
    pub status: DisputeStatus,
    /// Until when evidence counts, when the PSP says so.
    pub evidence_due_by: Option<Timestamp>,
    /// When the PSP opened it.
    pub opened_at: Timestamp,
    /// When we heard of it.
    pub created_at: Timestamp,
    /// When its end was known.
    pub closed_at: Option<Timestamp>,
    /// What of it each seller's order bears.
    pub parts: Vec<Part>,
}

/// What is said against a dispute: texts by the names in [`TEXTS`].
#[derive(Debug, Clone)]
pub struct Texts(pub Vec<(&'static str, String)>);

/// What the merchant said to a dispute.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Its id, which is also its key at the PSP.
    pub id: EvidenceId,
    /// Against which dispute.
    pub dispute: DisputeId,
    /// What it says; nothing when the merchant gives in.
    pub texts: Texts,
    /// Whether the merchant gives in instead: the money stays gone.
    pub gives_in: bool,
    /// Whether the PSP has it.
    pub status: EvidenceStatus,
    /// Why the PSP did not take it, in the PSP's words.
    pub failure_code: Option<String>,
    /// When it was handed to us.
    pub created_at: Timestamp,
    /// When a person gets it if it is still not known whether the PSP has it.
    pub deadline_at: Timestamp,
    /// When that was known.
    pub settled_at: Option<Timestamp>,
}

/// Whether the PSP has the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceStatus {
    /// On its way.
    Sending,
    /// It has.
    Taken,
    /// It does not want it.
    Refused,
}

impl EvidenceStatus {
    /// As it stands in the database and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Taken => "taken",
            Self::Refused => "refused",
        }
    }

    /// The status written so.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Sending, Self::Taken, Self::Refused].into_iter().find(|status| status.as_str() == text)
    }
}

/// The texts evidence may have, each of at most [`LONGEST`] characters.
pub const TEXTS: [&str; 6] = [
    "product_description",
    "shipping_carrier",
    "shipping_tracking_number",
    "customer_communication",
    "refund_policy",
    "explanation",
];

/// Characters of one text.
pub const LONGEST: usize = 2_000;
