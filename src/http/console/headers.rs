//! What every answer of the console carries, and where a form may come from.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, Uri};
use axum::middleware::Next;
use axum::response::Response;
use url::Url;

use super::refusal;
use crate::http::problem::ProblemCode;

/// Our own sheet and script, our own forms, nobody's frame. `same-origin` and not `no-referrer`: with the latter, browsers
/// send forms with the origin `null`, and we could not tell our own from others'.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'self'; script-src 'self'; style-src 'self'; img-src 'self'; \
         frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "same-origin"),
    (CACHE_CONTROL, "no-store"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "payment=(), camera=(), microphone=(), geolocation=(), clipboard-read=()",
    ),
];

/// Adds the headers of the console's pages.
pub async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(ProblemCode(code)) = response.extensions().get::<ProblemCode>() {
        // Refused before a handler of ours saw it: people get a page, not the merchants' problem+json.
        response = refusal::in_words(response.status(), code);
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a form was sent from a page of ours. A browser says so in `Sec-Fetch-Site` or `Origin`; who says neither is refused.
pub(super) fn from_our_own_page(headers: &HeaderMap, uri: &Uri, public_url: &Url) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text("sec-fetch-site");
    if site.is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return site.is_some() };
    if origin == public_url.origin().ascii_serialization() {
        return true;
    }
    // Reached by another name, such as 127.0.0.1: the origin must be the very host that was asked.
    let host = text(HOST.as_str()).or(uri.authority().map(axum::http::uri::Authority::as_str));
    let origin_host = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
    host.is_some() && host == origin_host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        let public = Url::parse("https://pay.example.com").unwrap();
        from_our_own_page(&headers, &Uri::from_static("/console/sign-in"), &public)
    }

    #[test]
    fn only_our_own_pages_may_send_forms() {
        assert!(ours(&[("origin", "https://pay.example.com"), ("sec-fetch-site", "same-origin")]));
        assert!(ours(&[("origin", "https://pay.example.com")]));
        assert!(ours(&[("sec-fetch-site", "same-origin")]));
        assert!(ours(&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")]));
        for foreign in [
            &[][..],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
            &[("origin", "https://pay.example.com.evil.example")],
            &[("origin", "https://pay.example.com:8443")],
            &[("origin", "https://evil.example"), ("host", "pay.example.com")],
            &[("origin", "https://pay.example.com"), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(!ours(foreign), "{foreign:?}");
        }
    }
}
