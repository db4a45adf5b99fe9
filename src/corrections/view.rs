//! The public shape of a correction.

use super::Correction;
use serde_json::{Value, json};

/// A correction as the API and events show it.
#[must_use]
pub fn view(correction: &Correction) -> Value {
    json!({
        "id": correction.id,
        "object": "correction",
        "livemode": correction.tenant.mode.is_live(),
        "created_at": correction.asked_at,
        "status": correction.status.as_str(),
        "reason": correction.reason,
        "corrects": correction.corrects,
        "payment": correction.payment,
        "journal": correction.journal,
        "asked_by": correction.asked_by,
        "decided_by": correction.decided_by,
        "decided_at": correction.decided_at,
        "transfers": correction.transfers.iter().map(|transfer| json!({
            "debit": transfer.debit.to_string(),
            "credit": transfer.credit.to_string(),
            "amount": transfer.amount,
            "currency": transfer.amount.currency(),
        })).collect::<Vec<_>>(),
        "metadata": {},
    })
}
