//! The signature of a webhook.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header it stands in.
pub const HEADER: &str = "simulator-signature";

/// `t=..,v1=..` for `body` sent at `unix_seconds`.
pub fn signature(secret: &str, unix_seconds: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(unix_seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(format!("t={unix_seconds},v1={}", hex::encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn the_signature_is_the_one_openssl_makes() {
        // printf '1760000000.{"id":"sevt_1"}' | openssl dgst -sha256 -hmac test_secret
        let expected = "49b72dd1303e3d52ecea2143e0458751e249104fadbea1590c20ccd32c2b0592";
        assert_eq!(
            signature("test_secret", 1_760_000_000, br#"{"id":"sevt_1"}"#),
            Some(format!("t=1760000000,v1={expected}"))
        );
    }
}
