//! What browsers report of the page's Content-Security-Policy: a script or frame that was stopped is a sign of tampering,
//! of an extension, or of a mistake of ours. Anyone can send one, so it is counted and told shortly, never believed.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;
use url::Url;

use crate::app::App;

/// Where reports go.
pub const PATH: &str = "/pay/reports";

/// The directives that our policy has; any other word is the sender's own.
const DIRECTIVES: [&str; 8] =
    ["script-src", "style-src", "img-src", "connect-src", "frame-src", "form-action", "base-uri", "default-src"];

/// The second in which a report was last logged: a flood must not fill the log.
static LOGGED: AtomicI64 = AtomicI64::new(0);

/// `POST /pay/reports`
pub async fn receive(State(app): State<App>, body: Bytes) -> StatusCode {
    let Some((directive, blocked)) = read(&body) else { return StatusCode::BAD_REQUEST };
    metrics::counter!("tollgate_csp_reports_total", "directive" => directive).increment(1);
    let now = app.now().unix_seconds();
    if LOGGED.swap(now, Ordering::Relaxed) != now {
        tracing::warn!(directive, blocked, "a browser stopped something on the checkout page");
    }
    StatusCode::NO_CONTENT
}

/// The directive and the origin that was stopped, of the first report; nothing else of it is looked at. Both shapes:
/// the Reporting API's list and the older `csp-report` object.
fn read(body: &[u8]) -> Option<(&'static str, String)> {
    let report: Value = serde_json::from_slice(body).ok()?;
    let (told, blocked) = if let Some(old) = report.get("csp-report") {
        (old.get("effective-directive").or(old.get("violated-directive"))?, old.get("blocked-uri"))
    } else {
        let body = report.get(0)?.get("body")?;
        (body.get("effectiveDirective")?, body.get("blockedURL"))
    };
    let told = told.as_str()?;
    let directive = DIRECTIVES.into_iter().find(|known| told.starts_with(known)).unwrap_or("other");
    let blocked = blocked.and_then(Value::as_str).unwrap_or_default();
    let origin =
        Url::parse(blocked).map_or_else(|_| "inline or eval".to_owned(), |url| url.origin().ascii_serialization());
    Some((directive, origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_are_read_and_addresses_are_cut_to_their_origin() {
        let old = br#"{"csp-report":{"violated-directive":"script-src-elem","blocked-uri":"https://evil.example/x?secret=1"}}"#;
        assert_eq!(read(old), Some(("script-src", "https://evil.example".to_owned())));
        let new = br#"[{"type":"csp-violation","body":{"effectiveDirective":"frame-src","blockedURL":"https://evil.example:8443/a"}}]"#;
        assert_eq!(read(new), Some(("frame-src", "https://evil.example:8443".to_owned())));
        let inline = br#"{"csp-report":{"effective-directive":"made-up\n","blocked-uri":"inline"}}"#;
        assert_eq!(read(inline), Some(("other", "inline or eval".to_owned())));
    }

    #[test]
    fn anything_else_is_refused() {
        for body in ["", "{}", "[]", "[1]", "null", "{\"csp-report\":7}", "[{\"body\":{}}]"] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }
}
