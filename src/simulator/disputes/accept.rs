//! The merchant gives in: the dispute is lost at once, and nothing is said against it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::change::closed;
use super::{store, view};
use crate::simulator::faults::WebhookFaults;
use crate::simulator::payments::{self, Answer, Performed};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;

/// Body of `POST /v1/disputes/{id}/accept`: an empty object.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptBody {}

/// Closes the dispute as lost, if it is open.
pub async fn perform(sim: &Sim, tx: &mut Tx, key: &str, id: &str, faults: WebhookFaults) -> Result<Performed, Refusal> {
    let mut dispute = store::opened(&mut **tx, id).await?.ok_or_else(|| Refusal::not_found("dispute"))?;
    if !dispute.is_open() {
        let payment =
            payments::by_id(&mut **tx, &dispute.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
        let refusal = Refusal::conflict("dispute_closed", "the dispute was decided");
        return Ok(Performed::refused(sim, &payment, &refusal));
    }
    dispute.evidence_key = Some(key.to_owned());
    let (payment, dispute, event) = closed(sim, tx, dispute, false, faults).await?;
    let shown = json!({"object": "acceptance_result", "dispute": view::dispute(&dispute, &payment)});
    Ok(Performed::answered(&payment, Answer::new(StatusCode::OK, &shown), vec![event]))
}
