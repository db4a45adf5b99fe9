//! A JSON body that must come with an `Idempotency-Key`: for every call that moves money or promises to.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::body;
use crate::http::idempotent::Once;
use crate::http::problem::Problem;
use crate::idempotency::{Fingerprint, Key, KeyError};

/// The body, and what [`idempotent`](crate::http::idempotent::idempotent) needs to do it once.
#[derive(Debug)]
pub struct Keyed<T> {
    /// The JSON object.
    pub body: T,
    /// The key, and the fingerprint by which a repeated request is told from another one.
    pub once: Once,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Keyed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let key = key(&request)?;
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let (body, value) = body::read(request).await?;
        let fingerprint = Fingerprint::of(method.as_str(), &path, &value);
        Ok(Self { body, once: Once { key, fingerprint } })
    }
}

fn key(request: &Request) -> Result<Key, Problem> {
    let mut values = request.headers().get_all("idempotency-key").iter();
    let Some(value) = values.next() else {
        return Err(Problem::bad_request(
            "idempotency_key_missing",
            "This call needs an Idempotency-Key header: a new random value, such as a UUID, for each thing to be done, and the same one when repeating it.",
        ));
    };
    if values.next().is_some() {
        return Err(Problem::bad_request("idempotency_key_invalid", "The Idempotency-Key header appears twice."));
    }
    Key::from_header(value.as_bytes())
        .map_err(|e: KeyError| Problem::bad_request("idempotency_key_invalid", e.to_string()))
}
