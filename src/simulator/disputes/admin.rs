//! What the admin does to disputes: opens one as a shopper's bank would, and decides it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;

use super::change::{WINDOW, closed, contestable, opened, unwritten};
use super::record::REASONS;
use super::{store, view};
use crate::simulator::auth;
use crate::simulator::body::{self, Received};
use crate::simulator::faults::Operation;
use crate::simulator::payments;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;

/// What is contested.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contested {
    /// The stand-in's id of the payment.
    payment_id: String,
    /// Minor units; everything that is left when absent.
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    reason: Option<String>,
    /// How long the merchant has to answer; seven days when absent.
    #[serde(default)]
    respond_in_seconds: Option<u64>,
}

/// `POST /admin/disputes`
pub async fn open(State(sim): State<Arc<Sim>>, headers: HeaderMap, body: Received) -> Response {
    answer(StatusCode::CREATED, open_now(&sim, &headers, body).await)
}

async fn open_now(sim: &Sim, headers: &HeaderMap, body: Received) -> Result<Value, Refusal> {
    auth::require(headers, &sim.admin_key)?;
    let asked: Contested = body::parse(body)?;
    let reason = asked.reason.as_deref().unwrap_or("general");
    if !REASONS.contains(&reason) {
        return Err(Refusal::invalid("reason", format!("one of {}", REASONS.join(", "))));
    }
    let window = asked.respond_in_seconds.map_or(WINDOW, |seconds| Duration::from_secs(seconds.min(31_536_000)));
    let faults = sim.faults.draw(Operation::Dispute).webhooks;
    let mut tx = sim.store.begin().await?;
    let mut payment =
        payments::by_id(&mut *tx, &asked.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    let left = contestable(&payment);
    let amount = asked.amount.unwrap_or(left);
    if !(1..=left).contains(&amount) {
        return Err(Refusal::conflict("amount_too_large", "more than is left to contest, or nothing"));
    }
    let dispute = unwritten(sim, &payment, amount, reason, window, sim.now());
    store::insert(&mut tx, &dispute).await?;
    opened(sim, &mut tx, &mut payment, &dispute, faults).await?;
    tx.commit().await?;
    sim.wake_all();
    Ok(view::dispute(&dispute, &payment))
}

/// How it ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Won,
    Lost,
}

/// `POST /admin/disputes/{id}/decide`
pub async fn decide(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    answer(StatusCode::OK, decide_now(&sim, &id, &headers, body).await)
}

async fn decide_now(sim: &Sim, id: &str, headers: &HeaderMap, body: Received) -> Result<Value, Refusal> {
    auth::require(headers, &sim.admin_key)?;
    let decision: Decision = body::parse(body)?;
    let faults = sim.faults.draw(Operation::Dispute).webhooks;
    let mut tx = sim.store.begin().await?;
    let dispute = store::opened(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found("dispute"))?;
    if !dispute.is_open() {
        return Err(Refusal::conflict("dispute_closed", "the dispute was decided before"));
    }
    let (payment, dispute, _) = closed(sim, &mut tx, dispute, decision.outcome == Outcome::Won, faults).await?;
    tx.commit().await?;
    sim.wake_all();
    Ok(view::dispute(&dispute, &payment))
}

fn answer(status: StatusCode, done: Result<Value, Refusal>) -> Response {
    match done {
        Ok(shown) => (status, Json(shown)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
