//! One request out, its answer or the reason there is none.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};

use super::guard::{Guard, Refusal};

/// A request. Header values are never logged.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Verb.
    pub method: Method,
    /// Absolute URL; checked against the door's rules before anything happens.
    pub url: &'a str,
    /// Names and values; a value that HTTP forbids is a [`Failure::NotSent`].
    pub headers: Vec<(&'static str, String)>,
    /// Exactly these bytes are sent.
    pub body: Vec<u8>,
    /// For the whole call: connect, send, wait and read.
    pub timeout: Duration,
    /// Bytes of the answer that are read at most.
    pub read_limit: usize,
}

impl<'a> Call<'a> {
    /// A call with no headers and no body, 15 seconds and 64 KiB.
    pub fn new(method: Method, url: &'a str) -> Self {
        Self {
            method,
            url,
            headers: Vec::new(),
            body: Vec::new(),
            timeout: Duration::from_secs(15),
            read_limit: 64 * 1024,
        }
    }
}

/// What came back, whatever the status says.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status line's code. 3xx is an answer like any other: nothing is followed.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    /// The body as far as it was read.
    pub body: Vec<u8>,
    /// False when the body was longer than the limit or broke off.
    pub complete: bool,
}

/// Why there is no answer. The difference decides about money: only after the first two is it
/// certain that nothing was done.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// Our own rules; nothing was sent.
    #[error("refused: the URL {0}")]
    Refused(Refusal),
    /// The connection could not be made; nothing was sent.
    #[error("could not connect: {0}")]
    NotSent(String),
    /// The time ran out after the request may have been sent.
    #[error("no answer within the time limit")]
    TimedOut,
    /// The connection broke after the request may have been sent.
    #[error("the connection broke before an answer came: {0}")]
    Broken(String),
}

impl Failure {
    /// True when the other side may have acted on the request.
    pub fn may_have_arrived(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Broken(_))
    }
}

/// An HTTPS client with its rules.
#[derive(Debug, Clone)]
pub struct Door {
    client: reqwest::Client,
    guard: Guard,
}

impl Door {
    pub(super) fn new(client: reqwest::Client, guard: Guard) -> Self {
        Self { client, guard }
    }

    /// The rules, to check a URL before it is stored.
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Sends one request, once.
    pub async fn send(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let began = Instant::now();
        let url = self.guard.check(call.url).map_err(Failure::Refused)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let headers = header_map(&call.headers)?;
        let sent = self
            .client
            .request(call.method.clone(), url)
            .headers(headers)
            .body(call.body)
            .timeout(call.timeout)
            .send()
            .await;
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match sent {
            Ok(response) => {
                let status = response.status();
                tracing::debug!(method = %call.method, host, status = status.as_u16(), millis, "outbound call");
                Ok(read(response, call.read_limit).await)
            }
            Err(error) => {
                let failure = classify(error);
                tracing::debug!(method = %call.method, host, %failure, millis, "outbound call failed");
                Err(failure)
            }
        }
    }
}

fn header_map(headers: &[(&'static str, String)]) -> Result<HeaderMap, Failure> {
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let bad = || Failure::NotSent(format!("header {name} cannot be sent"));
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        map.insert(key, value);
    }
    Ok(map)
}

/// The status is known, so a body that is too long or breaks off is not a failure of the call.
async fn read(mut response: reqwest::Response, limit: usize) -> Answer {
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let mut body = Vec::new();
    let complete = loop {
        match response.chunk().await {
            Ok(None) => break true,
            Ok(Some(chunk)) => {
                let room = limit.saturating_sub(body.len());
                body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                if chunk.len() > room {
                    break false;
                }
            }
            Err(_) => break false,
        }
    };
    Answer { status, headers, body, complete }
}

fn classify(error: reqwest::Error) -> Failure {
    // A URL may hold a merchant's secret; the rest of the chain holds none.
    let error = error.without_url();
    if let Some(refusal) = causes(&error).find_map(|cause| cause.downcast_ref::<Refusal>()) {
        return Failure::Refused(*refusal);
    }
    let innermost = causes(&error).last().map_or_else(|| error.to_string(), ToString::to_string);
    if error.is_connect() || error.is_builder() {
        Failure::NotSent(innermost)
    } else if error.is_timeout() {
        Failure::TimedOut
    } else {
        Failure::Broken(innermost)
    }
}

fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |cause| cause.source())
}
