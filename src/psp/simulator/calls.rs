//! One call to the stand-in.

use std::time::Duration;

use reqwest::Method;
use serde::Serialize;

use super::Simulator;
use crate::outbound::{Answer, Call, Failure};

/// How long the stand-in may take to answer: above its slow card, so that a slow answer still counts.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// How long a page of a list may take.
const PAGE_WITHIN: Duration = Duration::from_mins(1);
/// Bytes of a page of a list.
const LARGEST_PAGE: usize = 32 * 1024 * 1024;

impl Simulator {
    /// Sends JSON, under an idempotency key when the call has one.
    pub(super) async fn post(&self, path: &str, key: Option<&str>, body: &impl Serialize) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.base);
        let mut call = self.call(Method::POST, &url);
        call.headers.extend(key.map(|key| ("idempotency-key", key.to_owned())));
        call.headers.push(("content-type", "application/json".to_owned()));
        call.body = serde_json::to_vec(body).map_err(|error| Failure::NotSent(error.to_string()))?;
        self.door.send(call).await
    }

    /// Asks.
    pub(super) async fn get(&self, path: &str) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.base);
        self.door.send(self.call(Method::GET, &url)).await
    }

    /// Asks for something long: a page of a list.
    pub(super) async fn get_long(&self, path: &str) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.base);
        let mut call = self.call(Method::GET, &url);
        call.read_limit = LARGEST_PAGE;
        call.timeout = PAGE_WITHIN;
        self.door.send(call).await
    }

    fn call<'a>(&self, method: Method, url: &'a str) -> Call<'a> {
        let mut call = Call::new(method, url);
        call.headers = vec![("authorization", format!("Bearer {}", self.secret_key.expose()))];
        call.timeout = ANSWER_WITHIN;
        call
    }
}
