//! How the stand-in shows a payout.

use serde_json::{Value, json};

use super::Payout;
use crate::words::Timestamp;

/// The `payout` object.
pub fn payout(payout: &Payout) -> Value {
    json!({
        "id": payout.id,
        "object": "payout",
        "key": payout.key,
        "reference": payout.reference,
        "destination": payout.destination,
        "amount": payout.amount,
        "currency": payout.currency,
        "status": payout.status,
        "failure_code": payout.failure_code,
        "created_at": Timestamp::from_micros(payout.created_at),
        "updated_at": Timestamp::from_micros(payout.updated_at),
    })
}
