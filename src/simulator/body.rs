//! JSON bodies: strict, and refused with the name of the field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// A body as it was received, or why it was not.
pub type Received = Result<Bytes, BytesRejection>;

/// Reads a body. The message names no value: it could be a card number.
pub fn parse<T: DeserializeOwned>(received: Received) -> Result<T, Refusal> {
    let bytes = received.map_err(|rejection| {
        Refusal::new(rejection.status(), "body_unreadable", "the body is too large or did not arrive")
    })?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let param = if path == "." { "body".to_owned() } else { path };
        Refusal::invalid(param, reason(error.inner()))
    })?;
    reader
        .end()
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "invalid_request", "one JSON value and nothing after it"))?;
    Ok(value)
}

fn reason(error: &serde_json::Error) -> &'static str {
    match error.classify() {
        serde_json::error::Category::Data => "an unknown, missing or repeated field, or a value of the wrong type",
        _ => "the body is not JSON",
    }
}
