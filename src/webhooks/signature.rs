//! Standard Webhooks signatures, symmetric scheme (`v1`): HMAC-SHA256 over
//! `<id>.<timestamp>.<body>`, keyed with the decoded bytes of the secret.
//! Source: standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::words::{Secret, random_bytes};

/// Bytes in a signing key. The standard allows 24 to 64.
const KEY_BYTES: usize = 32;

const PREFIX: &str = "whsec_";

/// One endpoint's signing key. Prints as `***`.
#[derive(Clone)]
pub struct SigningKey(Secret<Vec<u8>>);

impl SigningKey {
    /// A new random key of 32 bytes.
    pub fn generate() -> Self {
        Self(Secret::new(random_bytes::<KEY_BYTES>().to_vec()))
    }

    /// From stored bytes; `None` unless there are 24 to 64 of them (an empty key would sign for anyone).
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (24..=64).contains(&bytes.len()).then(|| Self(Secret::new(bytes)))
    }

    /// The key's bytes, to be sealed before they are stored.
    pub fn bytes(&self) -> &[u8] {
        self.0.expose()
    }

    /// What the merchant copies into his receiver: `whsec_` and padded standard base64 (one of the
    /// official libraries refuses unpadded text).
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(self.bytes()))
    }

    /// The token `v1,<base64>` for one attempt.
    ///
    /// `timestamp` is in Unix seconds and belongs to the attempt, not to the event.
    ///
    /// # Panics
    /// Never: HMAC takes a key of any length.
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.bytes()).expect("any key length");
        mac.update(id.as_bytes());
        mac.update(format!(".{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey(***)")
    }
}

/// The `webhook-signature` header: one token per key that is valid now, newest first, separated
/// by one space. During a rotation the receiver may hold either secret.
pub fn header(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let tokens: Vec<String> = keys.iter().map(|key| key.sign(id, timestamp, body)).collect();
    tokens.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Clock as _, SystemClock};

    const AT: i64 = 1_760_000_000;
    const A: &str = r#"{"type":"payment.succeeded","timestamp":"2025-10-09T08:53:20Z","data":{"id":"pay_0001","amount":15000,"currency":"KRW"}}"#;
    const B: &str = r#"{"type":"payment.succeeded","timestamp":"2025-10-09T08:53:20Z","data":{"id":"pay_0002","order_name":"토스 티셔츠 외 2건"}}"#;

    fn key(bytes: impl IntoIterator<Item = u8>) -> SigningKey {
        SigningKey::from_bytes(bytes.into_iter().collect()).unwrap()
    }

    #[test]
    fn published_vectors() {
        let (first, second) = (key(0x00..=0x1f), key(0x20..=0x3f));
        assert_eq!(
            first.sign("msg_tollgate_0001", AT, A.as_bytes()),
            "v1,YagHsj6ngP0Azq5FpzTTr6e0pAxbp/yVL5DNUvCnNdU="
        );
        assert_eq!(
            second.sign("msg_tollgate_0001", AT, A.as_bytes()),
            "v1,UsjNs1s/X8424CyhxtUKeSjZNznb8vXcHChIfYNeF/Q="
        );
        assert_eq!(
            first.sign("msg_tollgate_0002", AT, B.as_bytes()),
            "v1,gMhDCpVnD2ErhrhrMDAYQYBFijYuUVI0umRqO3ysryk="
        );
        let official = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(
            key(official).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_secret_is_shown_as_padded_base64_of_its_bytes() {
        let shown = key(0x00..=0x1f).reveal();
        assert_eq!(shown, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert_eq!(SigningKey::generate().bytes().len(), KEY_BYTES);
        assert_ne!(SigningKey::generate().bytes(), SigningKey::generate().bytes());
        assert_eq!(format!("{:?}", key(0x00..=0x1f)), "SigningKey(***)");
    }

    #[test]
    fn weak_keys_are_refused() {
        for length in [0, 23, 65] {
            assert!(SigningKey::from_bytes(vec![7; length]).is_none(), "{length}");
        }
    }

    /// The official library, with the real clock, takes what we send and refuses what was touched.
    #[test]
    fn the_official_verifier_agrees() {
        let (old, new) = (SigningKey::generate(), SigningKey::generate());
        let now = SystemClock.now().unix_seconds();
        let verify = |secret: &SigningKey, id: &str, at: i64, body: &str, signature: &str| {
            let mut headers = axum::http::HeaderMap::new();
            headers.insert("webhook-id", id.parse().unwrap());
            headers.insert("webhook-timestamp", at.into());
            headers.insert("webhook-signature", signature.parse().unwrap());
            standardwebhooks::Webhook::new(&secret.reveal()).unwrap().verify(body.as_bytes(), &headers)
        };
        let both = header(&[new.clone(), old.clone()], "evt_1", now, B.as_bytes());
        assert_eq!(both.split(' ').count(), 2);
        for key in [&old, &new] {
            verify(key, "evt_1", now, B, &both).unwrap();
            let alone = header(std::slice::from_ref(key), "evt_1", now, B.as_bytes());
            verify(key, "evt_1", now, B, &alone).unwrap();
            assert!(verify(key, "evt_2", now, B, &both).is_err());
            assert!(verify(key, "evt_1", now - 1, B, &both).is_err());
            assert!(verify(key, "evt_1", now, A, &both).is_err());
        }
        let stranger = SigningKey::generate();
        assert!(verify(&stranger, "evt_1", now, B, &both).is_err());
        let stale = header(std::slice::from_ref(&new), "evt_1", now - 301, B.as_bytes());
        assert!(verify(&new, "evt_1", now - 301, B, &stale).is_err());
    }
}
