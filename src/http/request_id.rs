//! Each request gets an id: in the `Request-Id` header of the answer, in every log line and in every problem.
//!
//! It is ours, never the caller's: a header that anybody can set must not decide what a log line is found by.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::words::RequestId;

/// The answer's header.
pub const HEADER: HeaderName = HeaderName::from_static("request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of the request this task is answering; none outside of one.
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Outermost layer: everything below can ask for [`current`].
pub async fn assign(request: Request, next: Next) -> Response {
    let id = RequestId::new();
    let header = HeaderValue::from_str(id.as_str()).ok();
    let mut response = CURRENT.scope(id, next.run(request)).await;
    if let Some(header) = header {
        response.headers_mut().insert(HEADER, header);
    }
    response
}
