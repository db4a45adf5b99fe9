//! How merchants see a dispute, in the API and in events alike.

use serde_json::{Map, Value, json};

use super::{Dispute, Evidence, Part};

/// The `dispute` object, with the evidence that was handed in last, or that the merchant gave in.
pub fn view(dispute: &Dispute, evidence: Option<&Evidence>) -> Value {
    json!({
        "id": dispute.id,
        "object": "dispute",
        "livemode": dispute.tenant.mode.is_live(),
        "created_at": dispute.created_at,
        "payment": dispute.payment,
        "amount": dispute.amount,
        "currency": dispute.amount.currency(),
        "fee": dispute.fee,
        "reason": dispute.reason.as_str(),
        "status": dispute.status.as_str(),
        "evidence_due_by": dispute.evidence_due_by,
        "evidence": evidence.filter(|evidence| !evidence.gives_in).map(evidence_view),
        "acceptance": evidence.filter(|evidence| evidence.gives_in).map(acceptance_view),
        "psp": dispute.psp,
        "psp_reference": dispute.psp_reference,
        "opened_at": dispute.opened_at,
        "closed_at": dispute.closed_at,
        "parts": dispute.parts.iter().map(part_view).collect::<Vec<_>>(),
        "metadata": {},
    })
}

fn evidence_view(evidence: &Evidence) -> Value {
    let texts: Map<String, Value> =
        evidence.texts.0.iter().map(|(name, text)| ((*name).to_owned(), Value::from(text.as_str()))).collect();
    json!({
        "status": evidence.status.as_str(),
        "failure_code": evidence.failure_code,
        "handed_in_at": evidence.created_at,
        "texts": texts,
    })
}

fn acceptance_view(acceptance: &Evidence) -> Value {
    json!({
        "status": acceptance.status.as_str(),
        "failure_code": acceptance.failure_code,
        "accepted_at": acceptance.created_at,
    })
}

fn part_view(part: &Part) -> Value {
    json!({ "payment_order": part.order, "seller": part.seller, "amount": part.amount })
}
