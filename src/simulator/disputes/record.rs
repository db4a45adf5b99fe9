//! A dispute as a row, and what it costs.

use sqlx::FromRow;

use crate::words::Currency;

/// A dispute as the stand-in has it.
#[derive(Clone, Debug, FromRow)]
pub struct Dispute {
    pub id: String,
    pub payment_id: String,
    /// Minor units.
    pub amount: i64,
    /// Minor units, what the stand-in charges for it, won or lost.
    pub fee: i64,
    pub reason: String,
    pub status: String,
    /// A JSON object of texts.
    pub evidence: Option<String>,
    pub evidence_key: Option<String>,
    pub fate: Option<String>,
    pub due_at: Option<i64>,
    pub respond_by: i64,
    pub opened_at: Option<i64>,
    pub closed_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Dispute {
    /// Whether the contested money may still come back.
    pub fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "needs_response" | "under_review")
    }
}

/// What shoppers' banks say they contest a payment for.
pub const REASONS: &[&str] = &[
    "fraudulent",
    "product_not_received",
    "product_unacceptable",
    "duplicate",
    "credit_not_processed",
    "subscription_canceled",
    "unrecognized",
    "general",
];

/// What a dispute costs: 15.00 where there are two decimals, 15.000 where there are three, 5000 where there are none.
pub fn fee(currency: &str) -> i64 {
    match Currency::parse(currency).map(Currency::exponent) {
        Ok(0) => 5_000,
        Ok(3) => 15_000,
        _ => 1_500,
    }
}
