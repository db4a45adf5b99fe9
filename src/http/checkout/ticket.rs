//! The page's own short-lived token: proof that a request comes from a page we have served for this very session.
//!
//! A JSON Web Token (RFC 7519), HS256. It is not the address token: whoever sees the address in a log cannot pay, and a
//! page left open for long has to show itself again.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::locale::Locale;
use crate::keyring::Keyring;
use crate::words::{SessionId, Timestamp};

const AUDIENCE: &str = "checkout";
const LIFE: Duration = Duration::from_mins(15);

/// What the token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    aud: String,
    sub: SessionId,
    iat: i64,
    exp: i64,
    /// The language the page is in, so that answers speak it too.
    loc: String,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not ours, changed, for another session or another purpose.
    #[error("the page token is not valid for this payment")]
    Invalid,
    /// It was, more than 15 minutes ago.
    #[error("the page token has expired")]
    Expired,
}

/// A token for the page of `session`.
pub fn mint(keys: &Keyring, session: &SessionId, locale: Locale, now: Timestamp) -> Result<String, TicketError> {
    let claims = Claims {
        aud: AUDIENCE.to_owned(),
        sub: session.clone(),
        iat: now.unix_seconds(),
        exp: now.plus(LIFE).unix_seconds(),
        loc: locale.code().to_owned(),
    };
    encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(keys.jwt()))
        .map_err(|_| TicketError::Invalid)
}

/// Checks that `token` was minted for `session` and is still good; says in which language its page is.
pub fn check(keys: &Keyring, session: &SessionId, token: &str, now: Timestamp) -> Result<Locale, TicketError> {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_audience(&[AUDIENCE]);
    rules.set_required_spec_claims(&["exp", "aud", "sub"]);
    // Compared below against our own clock, which tests can move.
    rules.validate_exp = false;
    let claims = decode::<Claims>(token, &DecodingKey::from_secret(keys.jwt()), &rules)
        .map_err(|_| TicketError::Invalid)?
        .claims;
    if claims.sub != *session {
        return Err(TicketError::Invalid);
    }
    if claims.exp <= now.unix_seconds() {
        return Err(TicketError::Expired);
    }
    Ok(Locale::parse(&claims.loc).unwrap_or(Locale::En))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Secret, random_base62};

    fn keys() -> Keyring {
        Keyring::derive(&Secret::new(random_base62(40)))
    }

    #[test]
    fn good_for_its_session_for_fifteen_minutes() {
        let (keys, session, now) = (keys(), SessionId::new(), Timestamp::from_unix_seconds(1_000_000));
        let token = mint(&keys, &session, Locale::Ko, now).unwrap();
        let at = |seconds| check(&keys, &session, &token, now.plus(Duration::from_secs(seconds)));
        assert_eq!(at(0), Ok(Locale::Ko));
        assert_eq!(at(899), Ok(Locale::Ko));
        assert_eq!(at(900), Err(TicketError::Expired));
    }

    #[test]
    fn tampered_foreign_and_unsigned_tokens_are_refused() {
        let (keys, session, now) = (keys(), SessionId::new(), Timestamp::from_unix_seconds(1_000_000));
        let token = mint(&keys, &session, Locale::En, now).unwrap();
        let refused =
            |token: &str| assert_eq!(check(&keys, &session, token, now), Err(TicketError::Invalid), "{token}");
        refused(&mint(&keys, &SessionId::new(), Locale::En, now).unwrap());
        refused(&mint(&self::keys(), &session, Locale::En, now).unwrap());
        refused("");
        refused("a.b.c");
        let parts: Vec<&str> = token.split('.').collect();
        // The header {"alg":"none"}, and no signature.
        refused(&format!("eyJhbGciOiJub25lIn0.{}.", parts[1]));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            // The last character of a base64 group may hold bits that mean nothing.
            if changed != token && at + 1 != token.len() {
                assert!(check(&keys, &session, &changed, now).is_err(), "{at}");
            }
        }
    }

    #[test]
    fn a_token_for_another_purpose_opens_nothing() {
        let (keys, session, now) = (keys(), SessionId::new(), Timestamp::from_unix_seconds(1_000_000));
        let claims = Claims { aud: "console".into(), sub: session.clone(), iat: 0, exp: i64::MAX, loc: "en".into() };
        let token = encode(&Header::default(), &claims, &EncodingKey::from_secret(keys.jwt())).unwrap();
        assert_eq!(check(&keys, &session, &token, now), Err(TicketError::Invalid));
    }
}
