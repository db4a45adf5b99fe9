//! Checks a webhook as the Standard Webhooks text says, written from the text and not from the gateway's signer.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A message may be this many seconds old or early.
const TOLERANCE_SECONDS: i64 = 300;

/// Why a message is not believed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// `webhook-id`, `webhook-timestamp` or `webhook-signature` is missing or not text.
    #[error("a webhook header is missing")]
    Header,
    /// More than five minutes from now.
    #[error("the message is too old or from the future")]
    Stale,
    /// No signature in the list fits.
    #[error("the signature does not fit")]
    Signature,
    /// Our own secret is not `whsec_` and base64.
    #[error("the endpoint's secret is malformed")]
    Secret,
}

/// The message's id when it is genuine and fresh.
///
/// # Errors
/// [`Refused`], for the log; the sender only learns that it was refused.
pub fn verify<'h>(secret: &str, headers: &'h HeaderMap, body: &[u8], now_seconds: i64) -> Result<&'h str, Refused> {
    let header = |name: &str| headers.get(name).and_then(|it| it.to_str().ok()).ok_or(Refused::Header);
    let (id, sent, signatures) = (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let sent_seconds: i64 = sent.parse().map_err(|_| Refused::Header)?;
    if now_seconds.abs_diff(sent_seconds) > TOLERANCE_SECONDS.unsigned_abs() {
        return Err(Refused::Stale);
    }
    let key = secret.strip_prefix("whsec_").and_then(|it| STANDARD.decode(it).ok()).ok_or(Refused::Secret)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| Refused::Secret)?;
    for part in [id.as_bytes(), b".", sent.as_bytes(), b".", body] {
        mac.update(part);
    }
    // During a rotation the list holds one signature per secret: any that fits will do.
    let fits = signatures
        .split(' ')
        .filter_map(|token| token.strip_prefix("v1,"))
        .filter_map(|it| STANDARD.decode(it).ok())
        .any(|given| mac.clone().verify_slice(&given).is_ok());
    if fits { Ok(id) } else { Err(Refused::Signature) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    // Vector C of the standard: the constant in the reference Go library's tests.
    const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SENT: i64 = 1_614_265_330;

    fn headers(signature: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        headers.insert("webhook-timestamp", HeaderValue::from(SENT));
        headers.insert("webhook-signature", HeaderValue::from_static(signature));
        headers
    }

    #[test]
    fn the_standards_own_vector_is_believed_also_beside_others() {
        let secret = format!("whsec_{KEY}");
        for list in [
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            "v1a,AAAA nonsense v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ] {
            assert_eq!(verify(&secret, &headers(list), BODY, SENT + 300), Ok("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        }
    }

    #[test]
    fn anything_else_is_not() {
        let secret = format!("whsec_{KEY}");
        let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(verify(&secret, &headers(good), b"{\"test\":2432232314}", SENT), Err(Refused::Signature));
        assert_eq!(verify(&secret, &headers(good), BODY, SENT + 301), Err(Refused::Stale));
        assert_eq!(verify(&secret, &headers(good), BODY, SENT - 301), Err(Refused::Stale));
        assert_eq!(verify(&secret, &headers(""), BODY, SENT), Err(Refused::Signature));
        assert_eq!(verify(&secret, &headers(&good[3..]), BODY, SENT), Err(Refused::Signature));
        assert_eq!(verify(KEY, &headers(good), BODY, SENT), Err(Refused::Secret));
        assert_eq!(verify(&secret, &HeaderMap::new(), BODY, SENT), Err(Refused::Header));
    }
}
