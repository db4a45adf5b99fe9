//! Card numbers never meet this process: a request that holds one is refused before anything else looks at it.
//!
//! The card is typed into the PSP's own frame. Whoever sends us a number by mistake (in a name, in metadata, in a URL) gets a
//! refusal that does not repeat it, and nothing of the request is logged or stored.

use std::borrow::Cow;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::limits::MAX_BODY;
use crate::http::problem::Problem;
use crate::words::pan;

/// Header values that we would store.
const STORED_HEADERS: [&str; 1] = ["idempotency-key"];

/// Refuses card numbers in URL, body and stored headers, and NUL characters in the URL. Runs after the body is in memory.
pub async fn refuse_cards(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.to_string();
    if percent_decoded(uri.as_bytes(), false).contains(&0) {
        return Problem::bad_request("url_malformed", "The URL holds a NUL character.").into_response();
    }
    let Ok(bytes) = to_bytes(body, MAX_BODY).await else {
        return Problem::bad_request("body_incomplete", "The body ended before it was complete.").into_response();
    };
    if holds_card(uri.as_bytes()) || holds_card(&bytes) || headers_hold_card(&parts.headers) {
        return Problem::bad_request(
            "card_number_refused",
            "The request holds what looks like a card number. Card numbers go from the shopper's browser to the PSP, never through this server. Nothing was stored or logged.",
        )
        .into_response();
    }
    next.run(Request::from_parts(parts, Body::from(bytes))).await
}

fn headers_hold_card(headers: &HeaderMap) -> bool {
    STORED_HEADERS.iter().any(|name| headers.get_all(*name).iter().any(|value| holds_card(value.as_bytes())))
}

/// Looks at the bytes as they are, and as they read after percent-decoding and after JSON unescaping.
fn holds_card(bytes: &[u8]) -> bool {
    if found(bytes) {
        return true;
    }
    let decoded = if bytes.contains(&b'%') || bytes.contains(&b'+') {
        Cow::Owned(percent_decoded(bytes, true))
    } else {
        Cow::Borrowed(bytes)
    };
    if matches!(decoded, Cow::Owned(_)) && found(&decoded) {
        return true;
    }
    decoded.contains(&b'\\') && found(&unescaped(&decoded))
}

fn found(bytes: &[u8]) -> bool {
    pan::find(&without_uuids(&String::from_utf8_lossy(bytes))).is_some()
}

/// `text` with each UUID (8-4-4-4-12 hex digits, on its own) blanked out.
///
/// One UUID in a few thousand holds, by chance, digits that pass for a card number; merchants use UUIDs for everything,
/// and a card number is never written in that shape.
fn without_uuids(text: &str) -> Cow<'_, str> {
    const LENGTH: usize = 36;
    let mut out: Option<Vec<u8>> = None;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at + LENGTH <= bytes.len() {
        let alone = !at.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric())
            && !bytes.get(at + LENGTH).is_some_and(u8::is_ascii_alphanumeric);
        if alone && is_uuid(&bytes[at..at + LENGTH]) {
            out.get_or_insert_with(|| bytes.to_vec())[at..at + LENGTH].fill(b'u');
            at += LENGTH;
        } else {
            at += 1;
        }
    }
    out.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn is_uuid(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

fn percent_decoded(bytes: &[u8], plus_is_space: bool) -> Vec<u8> {
    let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, hex(at + 1), hex(at + 2)) {
            out.push(high << 4 | low);
            at += 3;
        } else {
            out.push(if byte == b'+' && plus_is_space { b' ' } else { byte });
            at += 1;
        }
    }
    out
}

/// Resolves `\u0034`; other escapes become a space, which no digit run survives differently.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'\\' {
            out.push(byte);
            at += 1;
            continue;
        }
        let code = bytes
            .get(at + 1..at + 6)
            .filter(|escape| escape.first() == Some(&b'u'))
            .and_then(|escape| std::str::from_utf8(escape.get(1..)?).ok())
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        if let Some(code) = code {
            let mut buffer = [0; 4];
            out.extend_from_slice(char::from_u32(code).unwrap_or(' ').encode_utf8(&mut buffer).as_bytes());
            at += 6;
        } else {
            out.push(b' ');
            at += 2;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_card_however_it_is_written() {
        for text in [
            "4242424242424242",
            r#"{"name":"4242 4242 4242 4242"}"#,
            r#"{"metadata":{"a":"4242-4242-4242-4242"}}"#,
            r#"{"n":4242424242424242}"#,
            r#"{"n":"\u0034242424242424242"}"#,
            r#"{"n":"4242424242424\u0032\u0034\u0032"}"#,
            "/v1/payments?reference=4242%204242+4242%204242",
            "card=%34%32424242%342424242",
        ] {
            assert!(holds_card(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_uuid_is_no_card_number_but_hides_none_either() {
        let uuid = "ab424242-4242-4242-8242-42424242abcd";
        let unlucky = "a4242424-2424-2424-8242-4242424242fe";
        assert!(!holds_card(uuid.as_bytes()) && !holds_card(unlucky.as_bytes()));
        let mut refused = 0;
        for _ in 0..20_000 {
            let uuid = uuid::Uuid::from_bytes(crate::words::random_bytes()).to_string();
            refused += u32::from(holds_card(format!("{{\"reference\":\"{uuid}\"}}").as_bytes()));
        }
        assert_eq!(refused, 0);
        assert!(holds_card(format!("{unlucky} 4242424242424242").as_bytes()));
    }

    #[test]
    fn leaves_ordinary_requests_alone() {
        for text in [
            "",
            "{}",
            r#"{"reference":"order-4242424242424241"}"#,
            "/v1/payments?limit=100",
            "48902300****406*",
            "%",
            "%4",
            "\\",
            "\\u00",
        ] {
            assert!(!holds_card(text.as_bytes()), "{text}");
        }
    }
}
