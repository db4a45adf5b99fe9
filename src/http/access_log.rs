//! One line per request: method, route, status, milliseconds, request id, merchant.
//!
//! The route's template is logged, not the path, because paths hold page tokens; queries, bodies and headers are not looked at.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::http::problem::ProblemCode;
use crate::http::request_id;
use crate::words::Tenant;

/// Opens the span that carries the request id to every line logged below, and writes the access line.
pub async fn record(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    // An unknown method is the caller's text: keep it out of the log and of the metrics' labels.
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let id = request_id::current().map(|id| id.to_string()).unwrap_or_default();
    let span = tracing::info_span!("request", request_id = %id, merchant = Empty, livemode = Empty);
    let started = Instant::now();
    async move {
        let response = next.run(request).await;
        let status = response.status().as_u16();
        let taken = started.elapsed();
        let millis = u64::try_from(taken.as_millis()).unwrap_or(u64::MAX);
        let code = response.extensions().get::<ProblemCode>().map(|p| p.0);
        tracing::info!(method, route, status, millis, code, "request");
        metrics::counter!("tollgate_http_requests_total", "method" => method.clone(), "route" => route.clone(), "status" => status.to_string()).increment(1);
        metrics::histogram!("tollgate_http_request_seconds", "method" => method, "route" => route).record(taken.as_secs_f64());
        response
    }
    .instrument(span)
    .await
}

/// Called once it is known who is asking.
pub fn name_tenant(tenant: &Tenant) {
    let span = tracing::Span::current();
    span.record("merchant", tenant.merchant.as_str());
    span.record("livemode", tenant.mode.is_live());
}
