//! A JSON body as a value of `T`, or the reason why not.

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{json, wording};
use crate::http::limits::MAX_BODY;
use crate::http::problem::Problem;

/// A JSON object read as `T`; give `T` `#[serde(deny_unknown_fields)]` so that a misspelt field is refused by name.
#[derive(Debug)]
pub struct Strict<T>(pub T);

/// The body of a call that takes none: absent, or `{}`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Strict<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (body, _) = read(request).await?;
        Ok(Self(body))
    }
}

/// The body as `T` and as the value it was read from.
pub(super) async fn read<T: DeserializeOwned>(request: Request) -> Result<(T, Value), Problem> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|_| Problem::of_status(StatusCode::PAYLOAD_TOO_LARGE))?;
    if !bytes.is_empty() {
        check_headers(&parts.headers)?;
    }
    let value = object(&bytes)?;
    let body = serde_path_to_error::deserialize(&value).map_err(|e| wording::problem(&e))?;
    Ok((body, value))
}

fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") || headers.contains_key(CONTENT_ENCODING) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_type_unsupported",
            "Send the body as JSON, not compressed, with the header `Content-Type: application/json`.",
        ));
    }
    Ok(())
}

/// An empty body is an empty object: `POST /v1/api_keys/{id}/revoke` needs no `{}`.
fn object(bytes: &Bytes) -> Result<Value, Problem> {
    if bytes.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let value = json::parse(bytes)
        .map_err(|e| Problem::bad_request("body_malformed", format!("The body is not acceptable JSON: {e}.")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(Problem::bad_request("body_malformed", "The body has to be a JSON object."))
    }
}
