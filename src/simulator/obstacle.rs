//! How a fault looks on the wire.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use serde_json::Value;

use super::auth;
use super::connection::Scissors;
use super::faults::{Draw, Obstacle, Operation};
use super::refusal::Refusal;
use super::state::Sim;

/// Lets a call of the gateway in: its key is right and no fault stands in the way. What was drawn for its end is given back.
pub async fn admit(
    sim: &Sim,
    wire: &Scissors,
    headers: &HeaderMap,
    operation: Operation,
) -> Result<Draw, Box<Response>> {
    auth::require(headers, &sim.secret_key).map_err(|refusal| Box::new(refusal.into_response()))?;
    let draw = sim.faults.draw(operation);
    match draw.obstacle {
        Some(met) => Err(Box::new(meet(met, wire).await)),
        None => Ok(draw),
    }
}

/// A call that only asks: `found` is asked for once the call is let in.
pub async fn look_up(
    sim: &Sim,
    wire: &Scissors,
    headers: &HeaderMap,
    operation: Operation,
    found: impl Future<Output = Result<Value, Refusal>>,
) -> Response {
    match admit(sim, wire, headers, operation).await {
        Ok(draw) => show(found.await, draw, wire),
        Err(response) => *response,
    }
}

/// The answer of a call that was executed and stores no answer of its own.
pub fn show(found: Result<Value, Refusal>, draw: Draw, wire: &Scissors) -> Response {
    match found {
        Ok(shown) => leave(Json(shown).into_response(), draw.error_after, draw.lose_response, wire),
        Err(refusal) => refusal.into_response(),
    }
}

/// The answer of a call that was not executed.
async fn meet(obstacle: Obstacle, wire: &Scissors) -> Response {
    match obstacle {
        Obstacle::Hang { millis } => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            wire.cut();
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Obstacle::Error500 => broken(),
        Obstacle::RateLimit { retry_after_seconds } => {
            let mut response =
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "too many calls; come again later")
                    .into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds));
            response
        }
    }
}

/// The answer of a call that was executed, unless it is to be spoiled.
pub fn leave(response: Response, error: bool, lose: bool, wire: &Scissors) -> Response {
    if lose {
        wire.cut();
    }
    if error { broken() } else { response }
}

fn broken() -> Response {
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "an error by order of the admin").into_response()
}
