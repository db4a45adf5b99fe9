//! Webhooks of the stand-in: `Simulator-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderMap;
use sha2::Sha256;

use super::super::{NoticeRefused, PspNotice};
use super::wire;
use crate::words::Timestamp;

const HEADER: &str = "simulator-signature";
/// How far the sender's clock may be from ours, either way, in seconds.
const TOLERANCE: u64 = 300;

/// Believes a webhook, or says why not. The signature is checked over the raw bytes and in constant time, before
/// anything in the body is looked at.
pub fn verify(secret: &str, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<PspNotice, NoticeRefused> {
    let signed = Signed::read(headers).ok_or(NoticeRefused::NoSignature)?;
    // An empty key would let anybody sign.
    if secret.is_empty() || !signed.by(secret, body) {
        return Err(NoticeRefused::WrongSignature);
    }
    if now.unix_seconds().abs_diff(signed.at) > TOLERANCE {
        return Err(NoticeRefused::Stale(TOLERANCE));
    }
    let notice: wire::Notice = serde_json::from_slice(body).map_err(|_| NoticeRefused::Malformed)?;
    Ok(PspNotice {
        event_id: notice.id,
        kind: notice.kind,
        psp_payment: notice.data.payment.map(|payment| payment.id),
        payout: notice.data.payout.map(|payout| payout.key),
    })
}

struct Signed {
    at: i64,
    /// The timestamp as it was written: these are the bytes that were signed.
    at_text: String,
    signatures: Vec<Vec<u8>>,
}

impl Signed {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(HEADER).iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else {
            return None;
        };
        let mut at_text = None;
        let mut signatures = Vec::new();
        for part in value.split(',') {
            match part.trim().split_once('=')? {
                ("t", _) if at_text.is_some() => return None,
                ("t", text) => at_text = Some(text.to_owned()),
                // Two are sent while a secret is being changed; a crowd is not listened to.
                ("v1", text) if signatures.len() < 5 => signatures.push(hex::decode(text).ok()?),
                ("v1", _) => return None,
                _ => {}
            }
        }
        let at_text = at_text?;
        let at = at_text.parse().ok()?;
        (!signatures.is_empty()).then_some(Self { at, at_text, signatures })
    }

    fn by(&self, secret: &str, body: &[u8]) -> bool {
        self.signatures.iter().any(|signature| {
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).is_ok_and(|mac| {
                mac.chain_update(self.at_text.as_bytes())
                    .chain_update(b".")
                    .chain_update(body)
                    .verify_slice(signature)
                    .is_ok()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "test_secret";
    const BODY: &[u8] = br#"{"id":"sevt_1","type":"payment.succeeded","data":{"payment":{"id":"spay_1"}}}"#;

    fn sign(secret: &str, at: &str, body: &[u8]) -> String {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let mac = mac.chain_update(at.as_bytes()).chain_update(b".").chain_update(body);
        format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
    }

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(HEADER.parse().unwrap(), value.parse().unwrap())])
    }

    fn check(value: &str, body: &[u8], now: i64) -> Result<PspNotice, NoticeRefused> {
        verify(SECRET, &headers(value), body, Timestamp::from_unix_seconds(now))
    }

    #[test]
    fn a_signed_notice_is_believed_within_the_tolerance() {
        let header = sign(SECRET, "1760000000", BODY);
        let notice = check(&header, BODY, 1_760_000_000).unwrap();
        assert_eq!((notice.event_id.as_str(), notice.psp_payment.as_deref()), ("sevt_1", Some("spay_1")));
        assert!(check(&header, BODY, 1_760_000_300).is_ok());
        assert_eq!(check(&header, BODY, 1_760_000_301), Err(NoticeRefused::Stale(300)));
        assert_eq!(check(&header, BODY, 1_759_999_699), Err(NoticeRefused::Stale(300)));
        // While the secret is changed both signatures are sent.
        let other = sign("other", "1760000000", BODY);
        let both = format!("{other},{}", header.trim_start_matches("t=1760000000,"));
        assert!(check(&both, BODY, 1_760_000_000).is_ok());
    }

    #[test]
    fn anything_touched_is_refused() {
        let header = sign(SECRET, "1760000000", BODY);
        for place in 0..BODY.len() {
            let mut touched = BODY.to_vec();
            touched[place] ^= 1;
            assert_eq!(check(&header, &touched, 1_760_000_000), Err(NoticeRefused::WrongSignature));
        }
        let later = header.replace("t=1760000000", "t=1760000001");
        assert_eq!(check(&later, BODY, 1_760_000_000), Err(NoticeRefused::WrongSignature));
        let stranger = sign("other", "1760000000", BODY);
        assert_eq!(check(&stranger, BODY, 1_760_000_000), Err(NoticeRefused::WrongSignature));
        let empty =
            verify("", &headers(&sign("", "1760000000", BODY)), BODY, Timestamp::from_unix_seconds(1_760_000_000));
        assert_eq!(empty, Err(NoticeRefused::WrongSignature));
    }

    #[test]
    fn a_header_that_is_not_in_its_form_is_refused() {
        for odd in ["", "t=1760000000", "v1=00", "t=x,v1=00", "t=1,v1=zz", "t=1,t=2,v1=00", "t", "t=1,v1=0,v1=0"] {
            assert_eq!(check(odd, BODY, 1_760_000_000), Err(NoticeRefused::NoSignature), "{odd}");
        }
        assert_eq!(
            verify(SECRET, &HeaderMap::new(), BODY, Timestamp::from_unix_seconds(0)),
            Err(NoticeRefused::NoSignature)
        );
    }

    #[test]
    fn a_signed_body_of_another_shape_is_malformed() {
        for body in [&b"{}"[..], b"", b"[]", b"{\"id\":1}"] {
            let header = sign(SECRET, "1760000000", body);
            assert_eq!(check(&header, body, 1_760_000_000), Err(NoticeRefused::Malformed));
        }
    }
}
