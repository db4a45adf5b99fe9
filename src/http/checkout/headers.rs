//! The headers that make the page safe: only our own files run, only the PSP's origins may be framed, nobody frames us.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use url::{Host, Url};

use super::report;
use crate::psp::PageOrigins;

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const REPORTING: HeaderName = HeaderName::from_static("reporting-endpoints");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// The headers of every page under `/pay`.
pub fn secure(origins: &PageOrigins, public_url: &Url) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let fixed = [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // `same-origin` would break the pop-ups of card companies and wallets.
        (OPENER, "same-origin-allow-popups"),
        (VARY, "accept-language"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    // A value that cannot be a header can only come from an adapter; then the stricter default of all answers holds.
    let made = [
        (CONTENT_SECURITY_POLICY, policy(origins)),
        (PERMISSIONS, permissions(origins)),
        (REPORTING, format!("csp=\"{}\"", report::PATH)),
    ];
    headers.extend(made.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?))));
    if public_url.scheme() == "https" && !is_this_machine(public_url) {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
    }
    headers
}

fn policy(origins: &PageOrigins) -> String {
    let with = |own: &str, theirs: &[String]| -> String {
        let list: Vec<&str> = own.split_whitespace().chain(theirs.iter().map(String::as_str)).collect();
        if list.is_empty() { "'none'".to_owned() } else { list.join(" ") }
    };
    [
        "default-src 'none'".to_owned(),
        format!("script-src {}", with("'self'", &origins.script)),
        "style-src 'self'".to_owned(),
        "img-src 'self'".to_owned(),
        format!("connect-src {}", with("'self'", &origins.connect)),
        format!("frame-src {}", with("", &origins.frame)),
        "form-action 'self'".to_owned(),
        "frame-ancestors 'none'".to_owned(),
        "base-uri 'none'".to_owned(),
        "object-src 'none'".to_owned(),
        // The second form is for browsers that do not know the first.
        "report-to csp".to_owned(),
        format!("report-uri {}", report::PATH),
    ]
    .join("; ")
}

/// Wallet buttons may live in the PSP's frame; nothing else of the device is anyone's business here.
fn permissions(origins: &PageOrigins) -> String {
    let frames: Vec<String> = origins.frame.iter().map(|origin| format!(" \"{origin}\"")).collect();
    format!("payment=(self{}), camera=(), microphone=(), geolocation=(), usb=()", frames.concat())
}

/// Strict transport for `localhost` would follow the developer to every other port of it.
pub fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> PageOrigins {
        PageOrigins { script: vec![], frame: vec!["https://forms.psp.example".into()], connect: vec![] }
    }

    fn of(url: &str) -> HeaderMap {
        secure(&origins(), &Url::parse(url).unwrap())
    }

    #[test]
    fn nothing_inline_nothing_foreign_but_the_card_form() {
        let headers = of("https://pay.example.com");
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("data:"));
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "connect-src 'self';",
            "frame-src https://forms.psp.example;",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{part}");
        }
        assert!(headers[PERMISSIONS].to_str().unwrap().starts_with("payment=(self \"https://forms.psp.example\")"));
    }

    #[test]
    fn a_page_without_a_psp_frames_nobody() {
        let headers = secure(&PageOrigins::default(), &Url::parse("https://pay.example.com").unwrap());
        assert!(headers[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("frame-src 'none'"));
    }

    #[test]
    fn strict_transport_only_where_it_is_spoken() {
        assert!(of("https://pay.example.com").contains_key(STRICT_TRANSPORT_SECURITY));
        for url in ["http://pay.example.com", "https://localhost:8443", "https://127.0.0.1"] {
            assert!(!of(url).contains_key(STRICT_TRANSPORT_SECURITY), "{url}");
        }
    }
}
