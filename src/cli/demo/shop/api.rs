//! The few calls a merchant's server makes to the gateway.

use anyhow::{Context as _, bail};
use serde_json::Value;

/// An HTTPS client with a secret key.
#[derive(Clone)]
pub struct GatewayApi {
    http: reqwest::Client,
    base: String,
    key: String,
}

impl GatewayApi {
    /// `base` without a slash at the end; `http` trusts the gateway's certificate.
    pub fn new(http: reqwest::Client, base: String, key: String) -> Self {
        Self { http, base, key }
    }

    /// Creates something. The same `idempotency_key` creates it once, however often this is called.
    ///
    /// # Errors
    /// The gateway cannot be reached or refuses; its own words are in the message.
    pub async fn create(&self, path: &str, idempotency_key: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).header("idempotency-key", idempotency_key);
        self.answer("POST", path, request.json(body)).await
    }

    /// Reads something.
    ///
    /// # Errors
    /// As [`GatewayApi::create`].
    pub async fn read(&self, path: &str) -> anyhow::Result<Value> {
        self.answer("GET", path, self.http.get(format!("{}{path}", self.base))).await
    }

    async fn answer(&self, method: &str, path: &str, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let response = request
            .bearer_auth(&self.key)
            .send()
            .await
            .with_context(|| format!("{method} {path}: the gateway at {} does not answer", self.base))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("{method} {path}: the answer was cut short"))?;
        if !status.is_success() {
            bail!("{method} {path}: {status} {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("{method} {path}: the answer is not JSON"))
    }
}
