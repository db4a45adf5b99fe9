//! A line of somebody else's file, in our words: what every parser makes and what matching reads.

use jiff::civil::Date;

use crate::config::reconciliation::UNKNOWN_KIND;
use crate::words::{Currency, Timestamp};

/// Whose line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// A payment service provider's.
    Psp,
    /// A bank's.
    Bank,
}

/// What a line says has happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// A card was charged.
    Charge,
    /// A part of a charge that was not taken after all (Stripe `partial_capture_reversal`).
    ChargeReversal,
    /// Money was given back.
    Refund,
    /// Money that was given back came back.
    RefundFailure,
    /// A bank took contested money.
    Dispute,
    /// Contested money came back.
    DisputeReversal,
    /// The PSP charged for something that is no single payment.
    Fee,
    /// The PSP sent what it owed to our bank.
    Payout,
    /// What the PSP sent came back to it.
    PayoutReversal,
    /// Money the PSP holds back, lets go or puts right, which a person must understand.
    Adjustment,
    /// Money that a bank took in or let go.
    BankEntry,
    /// A word that this parser's version does not know, as it stands in the file. Never matched, always investigated.
    Unknown(String),
}

/// Characters of a kind that are kept.
const LONGEST: usize = 100;

impl LineKind {
    /// As it stands in the database and the API: at most 100 characters.
    #[must_use]
    pub fn to_text(&self) -> String {
        let word = match self {
            Self::Charge => "charge",
            Self::ChargeReversal => "charge_reversal",
            Self::Refund => "refund",
            Self::RefundFailure => "refund_failure",
            Self::Dispute => "dispute",
            Self::DisputeReversal => "dispute_reversal",
            Self::Fee => "fee",
            Self::Payout => "payout",
            Self::PayoutReversal => "payout_reversal",
            Self::Adjustment => "adjustment",
            Self::BankEntry => "bank_entry",
            Self::Unknown(word) => return format!("{UNKNOWN_KIND}{word}").chars().take(LONGEST).collect(),
        };
        word.to_owned()
    }

    /// The one that was written so.
    #[must_use]
    pub fn read(text: &str) -> Self {
        match text {
            "charge" => Self::Charge,
            "charge_reversal" => Self::ChargeReversal,
            "refund" => Self::Refund,
            "refund_failure" => Self::RefundFailure,
            "dispute" => Self::Dispute,
            "dispute_reversal" => Self::DisputeReversal,
            "fee" => Self::Fee,
            "payout" => Self::Payout,
            "payout_reversal" => Self::PayoutReversal,
            "adjustment" => Self::Adjustment,
            "bank_entry" => Self::BankEntry,
            other => Self::Unknown(other.strip_prefix(UNKNOWN_KIND).unwrap_or(other).to_owned()),
        }
    }
}

impl Side {
    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Psp => "psp",
            Self::Bank => "bank",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Psp, Self::Bank].into_iter().find(|it| it.as_str() == text)
    }
}

/// The names by which a line can be found elsewhere. All as they stand in the file, trimmed; absent when empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The PSP's id of the payment (Stripe `payment_intent_id`, Toss `paymentKey`, Adyen `Psp Reference`).
    pub psp_payment: Option<String>,
    /// The PSP's id of this movement alone: the capture, refund or dispute (Stripe `source_id`, Toss `transactionKey`).
    pub psp_movement: Option<String>,
    /// The idempotency key we sent, where the file tells it.
    pub our_key: Option<String>,
    /// Our own reference, where the file tells it: a payment, order, refund or payout id.
    pub ours: Option<String>,
    /// The payout or batch that the line belongs to (Stripe `automatic_payout_id`, Adyen `Batch Number`).
    pub batch: Option<String>,
    /// Every text of a bank line in which a reference may stand, in the order in which it is to be searched.
    pub texts: Vec<String>,
}

/// One line of a settlement list or a bank statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which row of its file, from 1.
    pub number: u64,
    /// What makes the row this row within its source, whichever file brings it.
    pub identity: String,
    /// Whose it is.
    pub side: Side,
    /// What it says.
    pub kind: LineKind,
    /// When it happened, where the file tells the instant.
    pub occurred_at: Option<Timestamp>,
    /// The business day it belongs to by the file's own calendar and cut-off.
    pub business_date: Date,
    /// The currency of the three amounts: the one in which it is settled.
    pub currency: Currency,
    /// Minor units, signed: above zero comes to us.
    pub gross: i64,
    /// Minor units: what is kept of it; below zero when a fee is given back.
    pub fee: i64,
    /// Minor units, signed: gross less fee, as the file says and the parser has checked.
    pub net: i64,
    /// What the shopper paid, in minor units, when that was in another currency.
    pub presented: Option<(Currency, i64)>,
    /// Whether a bank says that it takes an earlier entry back (camt.053 `RvslInd`).
    pub reversal: bool,
    /// By what it can be found.
    pub references: References,
    /// The row as it stands in the file, as JSON, for the person who investigates.
    pub raw: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reconciliation::KINDS;

    #[test]
    fn settings_and_lines_have_the_same_kinds() {
        for kind in KINDS {
            let read = LineKind::read(kind);
            assert!(!matches!(read, LineKind::Unknown(_)) && read.to_text() == kind, "{kind}");
        }
    }
}
