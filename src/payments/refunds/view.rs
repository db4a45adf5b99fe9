//! How merchants see a refund, in the API and in events alike.

use serde_json::{Value, json};

use super::{Part, Refund};

/// The `refund` object.
pub fn view(refund: &Refund) -> Value {
    json!({
        "id": refund.id,
        "object": "refund",
        "livemode": refund.tenant.mode.is_live(),
        "created_at": refund.created_at,
        "payment": refund.payment,
        "attempt": refund.attempt,
        "amount": refund.amount,
        "currency": refund.amount.currency(),
        "status": refund.status.as_str(),
        "reason": refund.reason,
        "failure_code": refund.failure_code,
        "psp_reference": refund.psp_reference,
        "succeeded_at": refund.succeeded_at,
        "settled_at": refund.settled_at,
        "parts": refund.parts.iter().map(part_view).collect::<Vec<_>>(),
        "metadata": refund.metadata,
    })
}

fn part_view(part: &Part) -> Value {
    json!({
        "payment_order": part.order,
        "seller": part.seller,
        "amount": part.amount,
        "application_fee": part.fee,
        "application_fee_kept": part.fee_kept,
    })
}
