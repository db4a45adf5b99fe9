//! The merchant's answer to a dispute. Its own words may say how it will be judged, as test words do elsewhere in the trade.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{store, view};
use crate::simulator::faults::WebhookFaults;
use crate::simulator::payments::{self, Answer, Performed};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;
use crate::simulator::webhooks::{self, Kind};

/// Evidence with these words wins a moment later.
pub const WINNING: &str = "winning_evidence";
/// Evidence with these words loses a moment later.
pub const LOSING: &str = "losing_evidence";

const LONGEST: usize = 20_000;

/// Body of `POST /v1/disputes/{id}/evidence`: texts by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceBody {
    pub evidence: std::collections::BTreeMap<String, String>,
}

/// Takes the evidence, if the dispute still waits for some.
pub async fn perform(
    sim: &Sim,
    tx: &mut Tx,
    key: &str,
    id: &str,
    body: &EvidenceBody,
    faults: WebhookFaults,
) -> Result<Performed, Refusal> {
    let mut dispute = store::opened(&mut **tx, id).await?.ok_or_else(|| Refusal::not_found("dispute"))?;
    let payment =
        payments::by_id(&mut **tx, &dispute.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    let text = serde_json::to_string(&body.evidence)?;
    if body.evidence.is_empty() || text.len() > LONGEST {
        return Err(Refusal::invalid("evidence", "at least one text, at most 20000 bytes in all"));
    }
    let now = sim.now();
    let refusal = match dispute.status.as_str() {
        "needs_response" if dispute.respond_by <= now => {
            Some(Refusal::conflict("evidence_too_late", "the deadline has passed"))
        }
        "needs_response" => None,
        "under_review" => Some(Refusal::conflict("evidence_already_submitted", "there is evidence already")),
        _ => Some(Refusal::conflict("dispute_closed", "the dispute was decided")),
    };
    if let Some(refusal) = refusal {
        return Ok(Performed::refused(sim, &payment, &refusal));
    }
    if text.contains(WINNING) || text.contains(LOSING) {
        dispute.fate = Some((if text.contains(WINNING) { "won" } else { "lost" }).to_owned());
        dispute.due_at = Some(sim.machine_after(sim.delays.dispute));
    }
    "under_review".clone_into(&mut dispute.status);
    (dispute.evidence, dispute.evidence_key, dispute.updated_at) = (Some(text), Some(key.to_owned()), now);
    store::update(tx, &dispute).await?;
    let event = webhooks::append_dispute(sim, tx, Kind::DisputeUpdated, &payment, &dispute, faults).await?;
    let shown = json!({"object": "evidence_result", "dispute": view::dispute(&dispute, &payment)});
    Ok(Performed::answered(&payment, Answer::new(StatusCode::OK, &shown), vec![event]))
}
