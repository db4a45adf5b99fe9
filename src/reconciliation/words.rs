//! The words of differences: what they are, who may close them, and where they stand.

use serde::{Deserialize, Serialize};

/// What came of holding a line or a movement against the other sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All sides say the same.
    Matched,
    /// We believe it, and the other side has not told it within the time it may take.
    MissingAtPsp,
    /// The other side tells it, and nothing of ours is it.
    MissingHere,
    /// The same thing, of another amount.
    AmountDiffers,
    /// The fee is not what the contract says.
    FeeDiffers,
    /// The same thing, in another currency.
    CurrencyDiffers,
    /// The same thing, in another state: done there and not here.
    StateDiffers,
    /// Told twice.
    Duplicate,
    /// We believe it, and the other side has still time to tell it.
    Late,
    /// Nobody can say what it is.
    Unknown,
}

impl Outcome {
    /// Every one, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Matched,
        Self::MissingAtPsp,
        Self::MissingHere,
        Self::AmountDiffers,
        Self::FeeDiffers,
        Self::CurrencyDiffers,
        Self::StateDiffers,
        Self::Duplicate,
        Self::Late,
        Self::Unknown,
    ];

    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::MissingAtPsp => "missing_at_psp",
            Self::MissingHere => "missing_here",
            Self::AmountDiffers => "amount_differs",
            Self::FeeDiffers => "fee_differs",
            Self::CurrencyDiffers => "currency_differs",
            Self::StateDiffers => "state_differs",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Unknown => "unknown",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Who closes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Reconciliation itself: known and repairable, or only to be waited for.
    Automatic,
    /// A person, and a second one who agrees: known.
    Manual,
    /// A person who first has to find out what it is.
    Investigate,
}

impl Class {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Automatic, Self::Manual, Self::Investigate];

    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
            Self::Investigate => "investigate",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// What of ours a line is. Together with the object's id it names one movement of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A payment's money taken; the object is the payment, or the attempt that took it beside the one that paid.
    Charge,
    /// A refund done.
    Refund,
    /// A refund that came back after it was done; the object is the refund.
    RefundFailure,
    /// Contested money taken back by the shopper's bank.
    Dispute,
    /// A dispute won; the object is the dispute.
    DisputeReversal,
    /// A payout to a seller, on our bank's statement.
    Payout,
    /// A payout that the seller's bank sent back; the object is the payout.
    PayoutReturn,
    /// What a PSP sent to our bank; the object is the PSP's name of the batch.
    Batch,
    /// What the PSP charged for no single payment; the object is the line.
    Fee,
}

impl ObjectKind {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Charge,
        Self::Refund,
        Self::RefundFailure,
        Self::Dispute,
        Self::DisputeReversal,
        Self::Payout,
        Self::PayoutReturn,
        Self::Batch,
        Self::Fee,
    ];

    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::RefundFailure => "refund_failure",
            Self::Dispute => "dispute",
            Self::DisputeReversal => "dispute_reversal",
            Self::Payout => "payout",
            Self::PayoutReturn => "payout_return",
            Self::Batch => "batch",
            Self::Fee => "fee",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}
