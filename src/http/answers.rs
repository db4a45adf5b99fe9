//! What every answer has in common: safe headers, problems instead of bare error texts, and no panic getting out.

use std::any::Any;

use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::checkout::headers::is_this_machine;
use crate::http::problem::Problem;

/// Set unless the handler has said otherwise: a page that forgets its own policy shows nothing rather than too much.
const DEFAULTS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// Adds the default headers, and tells browsers to come by HTTPS alone where that is how this gateway is reached.
pub async fn safe_headers(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let public_url = &app.config.public_url;
    if public_url.scheme() == "https" && !is_this_machine(public_url) {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        response.headers_mut().entry(STRICT_TRANSPORT_SECURITY).or_insert(year);
    }
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Turns the framework's own refusals (404, 405, an extractor's text) into problems; their headers, such as `Allow`, stay.
pub async fn speak_problem(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let said = response.headers().get(CONTENT_TYPE).is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    if said {
        return response;
    }
    let mut problem = Problem::of_status(status).into_response();
    for (name, value) in response.headers() {
        if name != CONTENT_TYPE && name != axum::http::header::CONTENT_LENGTH {
            problem.headers_mut().insert(name.clone(), value.clone());
        }
    }
    problem
}

/// The answer of a handler that panicked. What it panicked with may hold the caller's data, so it is not repeated here.
pub fn after_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal_silent().into_response()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::extract::Query;
    use axum::http::{Request, StatusCode};
    use axum::middleware::from_fn;
    use axum::routing::get;
    use serde_json::Value;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::http::request_id;

    async fn breaks() -> &'static str {
        panic!("a panic that this test wants, with a secret")
    }

    async fn ask(path: &str) -> (StatusCode, Value) {
        let router: Router = Router::new()
            .route("/breaks", get(breaks))
            .route("/reads", get(async |Query(_): Query<Vec<(u8, u8)>>| "read"))
            .layer(CatchPanicLayer::custom(after_panic))
            .layer(from_fn(speak_problem))
            .layer(from_fn(request_id::assign));
        let response = router.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let id = response.headers()[request_id::HEADER].to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap();
        assert_eq!(body["request_id"], id);
        (status, body)
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing() {
        let (status, body) = ask("/breaks").await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::INTERNAL_SERVER_ERROR, Some("internal_error")));
        assert!(!body.to_string().contains("secret"), "{body}");
    }

    #[tokio::test]
    async fn the_frameworks_own_refusals_are_problems_too() {
        let (status, body) = ask("/reads?a=b").await;
        assert_eq!((status, body["code"].as_str()), (StatusCode::BAD_REQUEST, Some("request_refused")));
        assert_eq!(ask("/nowhere").await.1["code"], "route_not_found");
    }
}
