//! What a request may cost us: size, time to arrive, time to answer, how many at once.
//!
//! A body is read whole before a handler runs, so that no handler holds a transaction open while it waits for a slow sender.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::http::problem::Problem;

/// The largest body any route accepts.
pub const MAX_BODY: usize = 256 * 1024;
/// The longest path and query together.
pub const MAX_URI: usize = 8 * 1024;
/// A body has to be here by then, however slowly it drips.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// Longer than any call to a PSP that a handler waits for.
const ANSWER_DEADLINE: Duration = Duration::from_mins(1);
/// Requests in flight in this process; one more is turned away instead of queued without end.
const IN_FLIGHT: usize = 1024;
/// How much of a refused body is read and thrown away, so that its sender gets to read the refusal instead of a reset.
const DRAIN_BYTES: usize = 16 * 1024 * 1024;
const DRAIN_TIME: Duration = Duration::from_secs(2);

/// Seats for the requests in flight.
#[derive(Debug, Clone)]
pub struct Seats(Arc<Semaphore>);

impl Default for Seats {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(IN_FLIGHT)))
    }
}

/// Turns requests away when all seats are taken, and gives up on an answer that takes too long.
///
/// Giving up drops the handler: its transaction rolls back, and what a PSP was asked by then is looked up later by the
/// recovery job, exactly as after a crash.
pub async fn seat(State(seats): State<Seats>, request: Request, next: Next) -> Response {
    let Ok(_seat) = seats.0.try_acquire() else {
        return Problem::unavailable("overloaded", "Too many requests are in flight. Nothing was done; try again.", 1)
            .into_response();
    };
    match timeout(ANSWER_DEADLINE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(
            "timed_out",
            "The answer took too long. Repeat the request with the same Idempotency-Key.",
            1,
        )
        .into_response(),
    }
}

/// Reads the whole body within its limits and hands the request on with the body in memory.
pub async fn whole_body(request: Request, next: Next) -> Response {
    if request.uri().to_string().len() > MAX_URI {
        return Problem::new(
            StatusCode::URI_TOO_LONG,
            "url_too_long",
            format!("Path and query may have {MAX_URI} bytes."),
        )
        .into_response();
    }
    let (parts, body) = request.into_parts();
    match read(&parts.headers, body).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => close(problem.into_response()),
    }
}

async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    let deadline = Instant::now() + BODY_DEADLINE;
    let mut stream = body.into_data_stream();
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        // A sender that waits for "100 Continue" must not be told to go on.
        if !headers.contains_key(EXPECT) {
            drain(&mut stream, 0).await;
        }
        return Err(too_large());
    }
    let mut whole = Vec::new();
    loop {
        let chunk = match timeout_at(deadline, stream.next()).await {
            Err(_) => {
                return Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "body_too_slow",
                    format!("The body did not arrive within {} seconds.", BODY_DEADLINE.as_secs()),
                )
                .retryable());
            }
            Ok(None) => return Ok(whole.into()),
            Ok(Some(Err(_))) => {
                return Err(
                    Problem::bad_request("body_incomplete", "The body ended before it was complete.").retryable()
                );
            }
            Ok(Some(Ok(chunk))) => chunk,
        };
        if whole.len().saturating_add(chunk.len()) > MAX_BODY {
            drain(&mut stream, whole.len()).await;
            return Err(too_large());
        }
        whole.extend_from_slice(&chunk);
    }
}

async fn drain(stream: &mut axum::body::BodyDataStream, already: usize) {
    let mut read = already;
    let deadline = Instant::now() + DRAIN_TIME;
    while let Ok(Some(Ok(chunk))) = timeout_at(deadline, stream.next()).await {
        read = read.saturating_add(chunk.len());
        if read > DRAIN_BYTES {
            return;
        }
    }
}

fn too_large() -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("A body may have {MAX_BODY} bytes."))
}

/// After a body that was not read to its end the connection cannot be used again.
fn close(mut response: Response) -> Response {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::header::RETRY_AFTER;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use tokio::sync::Notify;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn who_finds_no_seat_is_turned_away_and_the_seat_comes_free_again() {
        let (inside, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (entered, may_leave) = (inside.clone(), leave.clone());
        let handler = async move || {
            entered.notify_one();
            may_leave.notified().await;
            "served"
        };
        let seats = Seats(Arc::new(Semaphore::new(1)));
        let router: Router = Router::new().route("/", get(handler)).layer(from_fn_with_state(seats, seat));
        let ask = || router.clone().oneshot(Request::get("/").body(Body::empty()).unwrap());
        let first = tokio::spawn(ask());
        inside.notified().await;
        let second = ask().await.unwrap();
        assert_eq!(
            (second.status(), second.headers().contains_key(RETRY_AFTER)),
            (StatusCode::SERVICE_UNAVAILABLE, true)
        );
        leave.notify_one();
        assert_eq!(first.await.unwrap().unwrap().status(), StatusCode::OK);
        leave.notify_one();
        assert_eq!(ask().await.unwrap().status(), StatusCode::OK);
    }
}
