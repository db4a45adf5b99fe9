//! `GET /metrics`: counters for Prometheus, for whoever runs this gateway and nobody else.
//!
//! With `metrics.token` set, a caller needs it. Without, only a direct connection from this machine is answered: one that a
//! proxy passed on is not, for then everybody would come from this machine.

use std::net::SocketAddr;
use std::sync::OnceLock;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, FORWARDED};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use subtle::ConstantTimeEq as _;

use crate::app::App;

/// Seconds: from a cached page to a PSP that takes its time.
const SECONDS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];
/// Headers that only a proxy adds.
const PASSED_ON: [&str; 4] = ["x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Begins to count, once per process.
pub fn start() {
    RECORDER.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .and_then(PrometheusBuilder::install_recorder)
            .inspect_err(|error| tracing::error!(%error, "nothing is counted: /metrics stays empty"))
            .ok()
    });
}

/// `GET /metrics`
pub async fn show(State(app): State<App>, request: Request) -> Response {
    let headers = request.headers();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let allowed = match &app.config.metrics.token {
        Some(token) => bearer(headers).is_some_and(|given| given.as_bytes().ct_eq(token.expose().as_bytes()).into()),
        None => peer.is_some_and(|it| it.0.ip().to_canonical().is_loopback()) && !was_passed_on(headers),
    };
    if !allowed {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some(recorder) = RECORDER.get().and_then(Option::as_ref) else { return String::new().into_response() };
    recorder.run_upkeep();
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn was_passed_on(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || PASSED_ON.iter().any(|name| headers.contains_key(*name))
}
