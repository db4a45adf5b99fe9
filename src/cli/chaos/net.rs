//! How merchants and shoppers reach the gateways: any of them, again and again until there is an answer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use reqwest::Method;
use serde_json::Value;

use super::dice::Dice;
use crate::outbound::{Call, Door};

/// A gateway under fire answers some time; one that does not for so long is a finding. A key whose call died with its
/// gateway is free again after 90 seconds, and its next call may die, too.
const PATIENCE: Duration = Duration::from_mins(6);

/// The code of a 409 that says: the first call with this key is still running.
const IN_FLIGHT: &str = "idempotency_key_in_flight";

/// Longer than the gateway lets a browser wait.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `null` when the body is not JSON.
    pub json: Value,
    /// The body as text.
    pub text: String,
}

impl Reply {
    /// A text field, empty when it is missing.
    pub fn text_of(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_default().to_owned()
    }
}

/// The way to the gateways.
#[derive(Debug)]
pub struct Net {
    /// The one HTTP client.
    pub door: Door,
    /// Without a slash at the end.
    pub gateways: Vec<String>,
    /// How often a gateway answered 500: not wrong in itself, and worth a look.
    pub answers_500: AtomicU64,
    /// How often a gateway answered that the first call with this key was still running.
    pub in_flight: AtomicU64,
    /// How often a gateway gave a former answer again.
    pub replayed: AtomicU64,
}

impl Net {
    /// To `gateways`, through `door`.
    pub fn new(door: Door, gateways: Vec<String>) -> Self {
        let (answers_500, in_flight, replayed) = Default::default();
        Self { door, gateways, answers_500, in_flight, replayed }
    }

    /// One call to any gateway; `None` when no answer came.
    pub async fn once(&self, dice: &mut Dice, method: Method, path: &str, how: &How<'_>) -> Option<Reply> {
        let url = format!("{}{path}", dice.pick(&self.gateways));
        self.send(method, &url, how).await
    }

    /// One call to `url`; `None` when no answer came.
    pub async fn send(&self, method: Method, url: &str, how: &How<'_>) -> Option<Reply> {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(how.bearer.map(|token| ("authorization", format!("Bearer {token}"))));
        headers.extend(how.key.map(|key| ("idempotency-key", key.to_owned())));
        let body = how.body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let call = Call { headers, body, timeout: TIMEOUT, read_limit: 1024 * 1024, ..Call::new(method, url) };
        let answer = self.door.send(call).await.ok()?;
        let status = answer.status.as_u16();
        if status == 500 {
            self.answers_500.fetch_add(1, Ordering::Relaxed);
        }
        if answer.headers.contains_key("idempotent-replayed") {
            self.replayed.fetch_add(1, Ordering::Relaxed);
        }
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let reply = Reply { status, json: serde_json::from_str(&text).unwrap_or_default(), text };
        if reply.json["code"] == IN_FLIGHT {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        // An answer that broke off is no answer.
        answer.complete.then_some(reply)
    }

    /// The same call at one gateway or another until there is a definite answer.
    pub async fn until_answered(
        &self,
        dice: &mut Dice,
        method: Method,
        path: &str,
        how: &How<'_>,
    ) -> anyhow::Result<Reply> {
        let began = Instant::now();
        let mut pauses = 0_u32;
        loop {
            let reply = self.once(dice, method.clone(), path, how).await;
            if let Some(reply) = reply.as_ref().filter(|reply| is_definite(reply)) {
                return Ok(reply.clone());
            }
            if began.elapsed() > PATIENCE {
                let last = reply.map_or_else(|| "no answer".to_owned(), |it| format!("{} {}", it.status, it.text));
                bail!("{method} {path} has had no definite answer for six minutes; the last was: {last}");
            }
            // Longer and longer, up to some seconds: a key whose call died with its gateway stays taken for a while.
            pauses = pauses.saturating_add(1);
            let longest = 400_u64.saturating_mul(1 << (pauses / 3).min(4));
            tokio::time::sleep(dice.millis(50, longest)).await;
        }
    }
}

/// What goes with a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct How<'a> {
    /// `Authorization`.
    pub bearer: Option<&'a str>,
    /// `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// The JSON body.
    pub body: Option<&'a Value>,
}

/// Neither "later" nor "something is wrong here".
fn is_definite(reply: &Reply) -> bool {
    let later = reply.json["retryable"].as_bool() == Some(true) || reply.json["code"] == IN_FLIGHT;
    reply.status < 500 && reply.status != 429 && !later
}
