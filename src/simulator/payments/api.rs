//! The HTTP calls about payments.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::command::{CaptureBody, Command, ConfirmBody, RefundBody, RegisterBody, VoidBody};
use super::record::Payment;
use super::{keys, settle, store, view};
use crate::simulator::body::{self, Received};
use crate::simulator::connection::Scissors;
use crate::simulator::faults::{Draw, Operation};
use crate::simulator::obstacle;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;

type Shared = State<Arc<Sim>>;
type Connection = ConnectInfo<Scissors>;

/// `POST /v1/payments`
pub async fn register(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<RegisterBody>(body).map(Command::Register);
    carry_out(&sim, &wire, &headers, Operation::Register, command).await
}

/// `POST /v1/payments/{id}/confirm`
pub async fn confirm(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<ConfirmBody>(body).map(|body| Command::Confirm(id, body));
    carry_out(&sim, &wire, &headers, Operation::Confirm, command).await
}

/// `POST /v1/payments/{id}/capture`
pub async fn capture(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<CaptureBody>(body).map(|body| Command::Capture(id, body));
    carry_out(&sim, &wire, &headers, Operation::Capture, command).await
}

/// `POST /v1/payments/{id}/void`
pub async fn void(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<VoidBody>(body).map(|body| Command::Void(id, body));
    carry_out(&sim, &wire, &headers, Operation::Void, command).await
}

/// `POST /v1/payments/{id}/refund`
pub async fn refund(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let command = body::parse::<RefundBody>(body).map(|body| Command::Refund(id, body));
    carry_out(&sim, &wire, &headers, Operation::Refund, command).await
}

/// Carries a call out under its idempotency key, with the faults that strike it.
pub async fn carry_out(
    sim: &Sim,
    wire: &Scissors,
    headers: &HeaderMap,
    operation: Operation,
    command: Result<Command, Refusal>,
) -> Response {
    let draw = match obstacle::admit(sim, wire, headers, operation).await {
        Ok(draw) => draw,
        Err(response) => return *response,
    };
    match execute(sim, headers, command, draw).await {
        Ok(ran) => {
            let lost = draw.lose_response || ran.lose_answer;
            obstacle::leave(answer(ran), draw.error_after, lost, wire)
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn execute(
    sim: &Sim,
    headers: &HeaderMap,
    command: Result<Command, Refusal>,
    draw: Draw,
) -> Result<keys::Ran, Refusal> {
    let key = idempotency_key(headers)?;
    keys::run(sim, &key, command?, draw.webhooks).await
}

fn answer(ran: keys::Ran) -> Response {
    let status = StatusCode::from_u16(ran.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], ran.answer.body).into_response();
    if ran.replayed {
        response.headers_mut().insert("idempotent-replayed", header::HeaderValue::from_static("true"));
    }
    response
}

/// The key, taken as it is: 1 to 255 visible ASCII characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<String, Refusal> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Refusal::invalid("Idempotency-Key", "send the header, once"));
    };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::invalid("Idempotency-Key", "1 to 255 visible ASCII characters"));
    }
    Ok(key.to_owned())
}

/// `GET /v1/payments/{id}`
pub async fn lookup(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let payment = store::payment(&sim.store.read, &id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
        whole(&sim, &payment, None).await
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::Lookup, found).await
}

/// Body of `POST /v1/payments/{id}/abandon`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abandoned {
    /// The idempotency key of the confirm call that is given up.
    key: String,
}

/// `POST /v1/payments/{id}/abandon`: ends a challenge nobody will answer, and tells like a search by key what stands.
pub async fn abandon(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Received,
) -> Response {
    let draw = match obstacle::admit(&sim, &wire, &headers, Operation::Abandon).await {
        Ok(draw) => draw,
        Err(response) => return *response,
    };
    let found = async {
        let abandoned: Abandoned = body::parse(body)?;
        settle::give_up(&sim, &id, &abandoned.key, draw.webhooks).await?;
        Ok(json!({"object": "list", "data": by_key(&sim, &abandoned.key).await?}))
    };
    obstacle::show(found.await, draw, &wire)
}

/// What `GET /v1/payments` looks by: one of them.
#[derive(Debug, Deserialize)]
pub struct Search {
    key: Option<String>,
    reference: Option<String>,
}

/// `GET /v1/payments?key=..` (any idempotency key of a call that was executed) or `?reference=..`
pub async fn search(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Query(by): Query<Search>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let found = match (by.key, by.reference) {
            (Some(key), None) => by_key(&sim, &key).await?,
            (None, Some(reference)) => {
                let mut shown = Vec::new();
                for payment in store::payments_by_reference(&sim.store.read, &reference).await? {
                    shown.push(whole(&sim, &payment, None).await?);
                }
                shown
            }
            _ => return Err(Refusal::invalid("key", "give either key or reference")),
        };
        Ok(json!({"object": "list", "data": found}))
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::Lookup, found).await
}

/// What `GET /v1/refunds` looks by.
#[derive(Debug, Deserialize)]
pub struct RefundKey {
    key: String,
}

/// `GET /v1/refunds?key=..`: the refund that was made under an idempotency key, without its payment, which may have many.
pub async fn search_refunds(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Query(by): Query<RefundKey>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let found = store::refund(&sim.store.read, &by.key).await?.filter(|refund| refund.key == by.key);
        let found: Vec<Value> = found.iter().map(view::refund).collect();
        Ok(json!({"object": "list", "data": found}))
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::Lookup, found).await
}

/// The payment a key belongs to, with the attempt that the key made.
async fn by_key(sim: &Sim, key: &str) -> Result<Vec<Value>, Refusal> {
    let Some(row) = store::key(&sim.store.read, key).await? else {
        return Ok(Vec::new());
    };
    let id = row.payment_id.unwrap_or_default();
    let Some(payment) = store::payment(&sim.store.read, &id).await? else {
        return Ok(Vec::new());
    };
    let mut shown = whole(sim, &payment, Some(key)).await?;
    shown["operation"] = json!({"name": row.operation, "key": key, "status": row.status});
    Ok(vec![shown])
}

/// A payment with everything that belongs to it. With a key, the attempt shown is that key's or none.
async fn whole(sim: &Sim, payment: &Payment, key: Option<&str>) -> Result<Value, Refusal> {
    let attempt = match key {
        Some(key) => store::attempt_by_key(&sim.store.read, key).await?,
        None => store::latest_attempt(&sim.store.read, &payment.id).await?,
    };
    let refunds = store::refunds(&sim.store.read, &payment.id).await?;
    let mut shown = view::payment(&sim.public_url, payment, attempt.as_ref());
    let captures = store::captures(&sim.store.read, &payment.id).await?;
    shown["captures"] = captures.iter().map(view::capture).collect();
    shown["refunds"] = refunds.iter().map(view::refund).collect();
    Ok(shown)
}
