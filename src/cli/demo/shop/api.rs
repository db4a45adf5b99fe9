//! The few calls a merchant's server makes to the gateway.

use anyhow::{Context as _, bail};
use reqwest::Method;
use serde_json::Value;

use crate::outbound::{Call, Door};

/// Answers are a few kilobytes.
const READ_AT_MOST: usize = 1024 * 1024;

/// An HTTPS client with a secret key.
#[derive(Clone)]
pub struct GatewayApi {
    door: Door,
    base: String,
    key: String,
}

impl GatewayApi {
    /// `base` without a slash at the end; `door` trusts the gateway's certificate.
    pub fn new(door: Door, base: String, key: String) -> Self {
        Self { door, base, key }
    }

    /// Creates something. The same `idempotency_key` creates it once, however often this is called.
    ///
    /// # Errors
    /// The gateway cannot be reached or refuses; its own words are in the message.
    pub async fn create(&self, path: &str, idempotency_key: &str, body: &Value) -> anyhow::Result<Value> {
        let headers =
            vec![("idempotency-key", idempotency_key.to_owned()), ("content-type", "application/json".to_owned())];
        self.call(Method::POST, path, headers, body.to_string().into_bytes()).await
    }

    /// Reads something.
    ///
    /// # Errors
    /// As [`GatewayApi::create`].
    pub async fn read(&self, path: &str) -> anyhow::Result<Value> {
        self.call(Method::GET, path, Vec::new(), Vec::new()).await
    }

    /// Deletes something; that it is gone already is fine.
    ///
    /// # Errors
    /// As [`GatewayApi::create`].
    pub async fn delete(&self, path: &str) -> anyhow::Result<()> {
        match self.call(Method::DELETE, path, Vec::new(), Vec::new()).await {
            Err(error) if !error.to_string().contains(" 404 ") => Err(error),
            _ => Ok(()),
        }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        mut headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let what = format!("{method} {path}");
        let url = format!("{}{path}", self.base);
        headers.push(("authorization", format!("Bearer {}", self.key)));
        let call = Call { headers, body, read_limit: READ_AT_MOST, ..Call::new(method, &url) };
        let answer = self.door.send(call).await.with_context(|| format!("{what}: no answer from {}", self.base))?;
        if !answer.status.is_success() {
            bail!("{what}: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{what}: the answer is not JSON"))
    }
}
