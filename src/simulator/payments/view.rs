//! The JSON shape of a payment, used in answers and in webhooks.

use serde_json::{Value, json};

use super::record::{Attempt, Capture, Payment, Refund};
use crate::words::Timestamp;

/// A payment, with the attempt that is spoken of (the last one, or the one that was asked for).
pub fn payment(public_url: &str, payment: &Payment, attempt: Option<&Attempt>) -> Value {
    let order_ids: Value = serde_json::from_str(&payment.order_ids).unwrap_or(Value::Null);
    json!({
        "object": "payment",
        "id": payment.id,
        "status": payment.status,
        "amount": payment.amount,
        "currency": payment.currency,
        "captured_amount": payment.captured_amount,
        "refunded_amount": payment.refunded_amount,
        "disputed_amount": payment.disputed_amount,
        "capture": payment.capture,
        "reference": payment.reference,
        "order_ids": order_ids,
        "key": payment.register_key,
        "client_token": payment.client_token,
        "form_url": format!("{public_url}/form/{}", payment.client_token),
        "attempt": attempt.map(|attempt| self::attempt(public_url, attempt)),
        "created_at": moment(payment.created_at),
        "updated_at": moment(payment.updated_at),
    })
}

fn attempt(public_url: &str, attempt: &Attempt) -> Value {
    let challenge_url = attempt.challenge_token.as_ref().map(|token| format!("{public_url}/challenge/{token}"));
    json!({
        "id": attempt.id,
        "key": attempt.key,
        "status": attempt.status,
        "decline_code": attempt.decline_code,
        "challenge_url": challenge_url,
        "card": {"brand": attempt.brand, "last4": attempt.last4},
        "saved_card": attempt.saved_card.as_ref().filter(|_| matches!(attempt.status.as_str(), "authorized" | "succeeded")),
        "created_at": moment(attempt.created_at),
        "updated_at": moment(attempt.updated_at),
    })
}

/// A capture of a payment.
pub fn capture(capture: &Capture) -> Value {
    json!({
        "object": "capture",
        "id": capture.id,
        "key": capture.key,
        "amount": capture.amount,
        "created_at": moment(capture.created_at),
    })
}

/// A refund of a payment.
pub fn refund(refund: &Refund) -> Value {
    json!({
        "object": "refund",
        "id": refund.id,
        "payment_id": refund.payment_id,
        "key": refund.key,
        "amount": refund.amount,
        "reference": refund.reference,
        "charge": refund.charge,
        "status": if refund.failed_at.is_some() { "failed" } else { "succeeded" },
        "failure_code": refund.failure_code,
        "created_at": moment(refund.created_at),
    })
}

fn moment(micros: i64) -> String {
    Timestamp::from_micros(micros).to_string()
}
