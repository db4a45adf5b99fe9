//! How merchants see a capture or void: a part of its payment.

use serde_json::{Value, json};

use super::{Capture, Reason};

/// The `capture` object.
pub fn view(capture: &Capture) -> Value {
    json!({
        "id": capture.id,
        "object": "capture",
        "operation": capture.operation.as_str(),
        "amount": capture.amount,
        "currency": capture.amount.currency(),
        "status": capture.status.as_str(),
        "reason": capture.reason.map(Reason::as_str),
        "failure_code": capture.failure_code,
        "psp_reference": capture.psp_reference,
        "created_at": capture.created_at,
        "settled_at": capture.settled_at,
    })
}
