//! The HTTP calls about disputes.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::accept::AcceptBody;
use super::evidence::EvidenceBody;
use super::record::Dispute;
use super::{store, view};
use crate::simulator::body::{self, Received};
use crate::simulator::connection::Scissors;
use crate::simulator::faults::Operation;
use crate::simulator::obstacle;
use crate::simulator::payments::{self, Command};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::words::Timestamp;

type Shared = State<Arc<Sim>>;
type Connection = ConnectInfo<Scissors>;

/// `POST /v1/disputes/{id}/evidence`
pub async fn evidence(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<EvidenceBody>(body).map(|body| Command::Evidence(id, body));
    payments::carry_out(&sim, &wire, &headers, Operation::Evidence, command).await
}

/// `POST /v1/disputes/{id}/accept`
pub async fn give_in(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<AcceptBody>(body).map(|body| Command::Accept(id, body));
    payments::carry_out(&sim, &wire, &headers, Operation::Evidence, command).await
}

/// `GET /v1/disputes/{id}`
pub async fn lookup(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let dispute = store::opened(&sim.store.read, &id).await?.ok_or_else(|| Refusal::not_found("dispute"))?;
        shown(&sim, &dispute).await
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::Lookup, found).await
}

/// What `GET /v1/disputes` looks by: one of them.
#[derive(Debug, Deserialize)]
pub struct Search {
    payment_id: Option<String>,
    opened_since: Option<String>,
}

/// `GET /v1/disputes?payment_id=..` or `?opened_since=<RFC 3339>`, oldest first.
pub async fn search(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Query(by): Query<Search>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let read = &sim.store.read;
        let disputes = match (&by.payment_id, &by.opened_since) {
            (Some(payment), None) => store::of_payment(read, payment).await?,
            (None, Some(text)) => {
                let since = Timestamp::parse(text).ok_or_else(|| Refusal::invalid("opened_since", "an instant"))?;
                store::opened_since(read, since.micros()).await?
            }
            _ => return Err(Refusal::invalid("payment_id", "give either payment_id or opened_since")),
        };
        let mut data = Vec::with_capacity(disputes.len());
        for dispute in &disputes {
            data.push(shown(&sim, dispute).await?);
        }
        Ok(json!({"object": "list", "data": data}))
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::Lookup, found).await
}

async fn shown(sim: &Sim, dispute: &Dispute) -> Result<Value, Refusal> {
    let payment = payments::by_id(&sim.store.read, &dispute.payment_id).await?;
    Ok(view::dispute(dispute, &payment.ok_or_else(|| Refusal::not_found("payment"))?))
}
