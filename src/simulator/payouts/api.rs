//! The HTTP calls about payouts.

use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::order::{self, Answered, Body};
use super::{finish, store, view};
use crate::simulator::auth;
use crate::simulator::body::{self, Received};
use crate::simulator::connection::Scissors;
use crate::simulator::faults::Operation;
use crate::simulator::obstacle;
use crate::simulator::payments::idempotency_key;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;

type Shared = State<Arc<Sim>>;
type Connection = ConnectInfo<Scissors>;

/// `POST /v1/payouts`
pub async fn send(State(sim): Shared, ConnectInfo(wire): Connection, headers: HeaderMap, body: Received) -> Response {
    let draw = match obstacle::admit(&sim, &wire, &headers, Operation::Payout).await {
        Ok(draw) => draw,
        Err(response) => return *response,
    };
    let ran = async {
        let key = idempotency_key(&headers)?;
        order::run(&sim, &key, body::parse::<Body>(body)?, &draw).await
    };
    match ran.await {
        Ok(answered) => {
            let lost = draw.lose_response || answered.lost;
            obstacle::leave(shown(answered), draw.error_after, lost, &wire)
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn shown(answered: Answered) -> Response {
    let status = StatusCode::from_u16(answered.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], answered.body).into_response();
    if answered.replayed {
        response.headers_mut().insert("idempotent-replayed", header::HeaderValue::from_static("true"));
    }
    response
}

/// What `GET /v1/payouts` looks by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    key: String,
}

/// `GET /v1/payouts?key=..`: the payout of an idempotency key, or none.
pub async fn search(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Query(by): Query<Search>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let payouts: Vec<_> = store::by_key(&sim.store.read, &by.key).await?.iter().map(view::payout).collect();
        Ok(json!({ "object": "list", "data": payouts }))
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::PayoutLookup, found).await
}

/// `GET /v1/payouts/{id}`
pub async fn lookup(
    State(sim): Shared,
    ConnectInfo(wire): Connection,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let found = async {
        let payout = store::by_id(&sim.store.read, &id).await?.ok_or_else(|| Refusal::not_found("payout"))?;
        Ok(view::payout(&payout))
    };
    obstacle::look_up(&sim, &wire, &headers, Operation::PayoutLookup, found).await
}

/// How `POST /admin/payouts/{id}/advance` goes on.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Advance {
    /// A paid one comes back, whatever its destination says.
    #[serde(default)]
    returned: bool,
}

/// `POST /admin/payouts/{id}/advance`: days pass for one payout.
pub async fn advance(State(sim): Shared, Path(id): Path<String>, headers: HeaderMap, body: Received) -> Response {
    let done = async {
        auth::require(&headers, &sim.admin_key)?;
        let how: Advance = body::parse(body)?;
        let payout = finish::advance(&sim, &id, how.returned).await?;
        payout.ok_or_else(|| Refusal::conflict("nothing_due", "nothing more will become of this payout"))
    };
    match done.await {
        Ok(payout) => Json(view::payout(&payout)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
