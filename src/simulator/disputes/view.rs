//! The JSON shape of a dispute, used in answers and in webhooks.

use serde_json::{Value, json};

use super::record::Dispute;
use crate::simulator::payments::Payment;
use crate::words::Timestamp;

/// A dispute of a payment.
pub fn dispute(dispute: &Dispute, payment: &Payment) -> Value {
    let moment = |micros: i64| Timestamp::from_micros(micros).to_string();
    let evidence = dispute.evidence.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "object": "dispute",
        "id": dispute.id,
        "payment_id": dispute.payment_id,
        "reference": payment.reference,
        "status": dispute.status,
        "amount": dispute.amount,
        "fee": dispute.fee,
        "currency": payment.currency,
        "reason": dispute.reason,
        "evidence": evidence,
        "evidence_key": dispute.evidence_key,
        "respond_by": moment(dispute.respond_by),
        "opened_at": dispute.opened_at.map(moment),
        "closed_at": dispute.closed_at.map(moment),
    })
}
