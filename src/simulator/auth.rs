//! Who is calling: the gateway with its secret key, or the admin.

use axum::http::{HeaderMap, header};
use subtle::ConstantTimeEq;

use super::refusal::Refusal;
use crate::words::Secret;

/// Checks `Authorization: Bearer <key>` in constant time.
pub fn require(headers: &HeaderMap, key: &Secret<String>) -> Result<(), Refusal> {
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(Refusal::unauthorized)?;
    let expected = key.expose().as_bytes();
    if expected.is_empty() || !bool::from(presented.as_bytes().ct_eq(expected)) {
        return Err(Refusal::unauthorized());
    }
    Ok(())
}
