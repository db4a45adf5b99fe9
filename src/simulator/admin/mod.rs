//! What only the admin of the stand-in may do: switch faults, and read its record as a witness.

mod store;

use std::sync::{Arc, PoisonError};

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth;
use super::body::{self, Received};
use super::cards::MAGIC_CARDS;
use super::faults::FaultOrder;
use super::payments::{come_back, refund_view};
use super::refusal::Refusal;
use super::state::Sim;

type Shared = State<Arc<Sim>>;

/// `POST /admin/faults`: switches one fault on.
pub async fn add_fault(State(sim): Shared, headers: HeaderMap, body: Received) -> Response {
    let added =
        auth::require(&headers, &sim.admin_key).and_then(|()| body::parse::<FaultOrder>(body)).and_then(|order| {
            if order.percent.is_some_and(|percent| percent > 100) {
                return Err(Refusal::invalid("percent", "0 to 100"));
            }
            if order.delay_ms.is_some_and(|delay| delay > 3_600_000) {
                return Err(Refusal::invalid("delay_ms", "an hour at most"));
            }
            Ok(sim.faults.add(order))
        });
    match added {
        Ok(fault) => (StatusCode::CREATED, Json(fault)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `GET /admin/faults`
pub async fn list_faults(State(sim): Shared, headers: HeaderMap) -> Response {
    show(auth::require(&headers, &sim.admin_key).map(|()| json!({"object": "list", "data": sim.faults.list()})))
}

/// `DELETE /admin/faults`
pub async fn clear_faults(State(sim): Shared, headers: HeaderMap) -> Response {
    show(auth::require(&headers, &sim.admin_key).map(|()| json!({"removed": sim.faults.remove(None)})))
}

/// `DELETE /admin/faults/{id}`
pub async fn remove_fault(State(sim): Shared, Path(id): Path<u64>, headers: HeaderMap) -> Response {
    show(auth::require(&headers, &sim.admin_key).and_then(|()| match sim.faults.remove(Some(id)) {
        0 => Err(Refusal::not_found("fault")),
        removed => Ok(json!({"removed": removed})),
    }))
}

/// Which part of the record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Rows with a greater `seq` only.
    #[serde(default)]
    after: i64,
}

/// `GET /admin/record/{payments,attempts,captures,refunds,payouts,disputes,events}`: the whole record, in
/// order, up to 1000 rows after `?after=<seq>`.
pub async fn record(
    State(sim): Shared,
    Path(list): Path<String>,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        auth::require(&headers, &sim.admin_key)?;
        let rows = match list.as_str() {
            "payments" => store::payments(&sim.store.read, part.after).await?,
            "attempts" => store::attempts(&sim.store.read, part.after).await?,
            "captures" => store::captures(&sim.store.read, part.after).await?,
            "refunds" => store::refunds(&sim.store.read, part.after).await?,
            "payouts" => store::payouts(&sim.store.read, part.after).await?,
            "disputes" => store::disputes(&sim.store.read, part.after).await?,
            "events" => store::events(&sim.store.read, part.after).await?,
            _ => return Err(Refusal::not_found("list")),
        };
        Ok(json!({"object": "list", "data": rows}))
    };
    show(found.await)
}

/// Whose calls are counted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// This key only.
    #[serde(default)]
    key: Option<String>,
    /// Keys that sort after this one only.
    #[serde(default)]
    after: Option<String>,
}

/// `GET /admin/calls`: per idempotency key, how often it came and how often it was executed.
pub async fn calls(State(sim): Shared, Query(counted): Query<Counted>, headers: HeaderMap) -> Response {
    let found = async {
        auth::require(&headers, &sim.admin_key)?;
        let rows =
            store::calls(&sim.store.read, counted.key.as_deref(), counted.after.as_deref().unwrap_or_default()).await?;
        Ok(json!({"object": "list", "data": rows}))
    };
    show(found.await)
}

/// `POST /admin/refunds/{id}/return`: a refund that was made comes back.
pub async fn return_refund(State(sim): Shared, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let returned = async {
        auth::require(&headers, &sim.admin_key)?;
        Ok(refund_view(&come_back(&sim, &id).await?))
    };
    show(returned.await)
}

/// `GET /admin/cards`: the magic cards.
pub async fn cards(State(sim): Shared, headers: HeaderMap) -> Response {
    show(auth::require(&headers, &sim.admin_key).map(|()| {
        let rows: Vec<Value> = MAGIC_CARDS
            .iter()
            .map(|card| {
                json!({"name": card.name, "number": card.number, "brand": card.brand().as_str(),
                       "test_token": card.test_token(), "meaning": card.meaning})
            })
            .collect();
        json!({"object": "list", "data": rows})
    }))
}

/// `GET /admin/settings`: what the stand-in was told at its start, without secrets.
pub async fn settings(State(sim): Shared, headers: HeaderMap) -> Response {
    show(auth::require(&headers, &sim.admin_key).map(|()| {
        let target = sim.webhook_target.read().unwrap_or_else(PoisonError::into_inner).clone();
        let origins = sim.parent_origins.read().unwrap_or_else(PoisonError::into_inner).clone();
        json!({"public_url": sim.public_url, "webhook_url": target.map(|target| target.url), "parent_origins": origins})
    }))
}

fn show(found: Result<Value, Refusal>) -> Response {
    match found {
        Ok(value) => Json(value).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
