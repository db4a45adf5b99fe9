//! The merchant's webhook receiver: it believes what is signed, sometimes fails, and counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use super::dice::Dice;
use crate::cli::demo::shop::signature;
use crate::words::{Clock as _, SystemClock};

/// A fact: the event's type and the object it is about.
pub type Fact = (String, String);

/// What an event says of its object, as far as others can say it, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// The object's status.
    pub status: String,
    /// Its amount in minor units; what was captured where the object is a payment that succeeded.
    pub amount: i64,
}

/// The events about one fact by their ids, and what each says.
pub type Events = BTreeMap<String, Said>;

/// What was heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// The events that told each fact.
    pub facts: BTreeMap<Fact, Events>,
    /// Messages in all, repeats included.
    pub messages: u64,
    /// Messages whose signature does not fit.
    pub forged: u64,
    seen: BTreeSet<String>,
}

/// The receiver.
#[derive(Debug)]
pub struct Receiver {
    secret: Mutex<String>,
    dice: Mutex<Dice>,
    heard: Mutex<Heard>,
}

impl Receiver {
    /// Knows no secret yet, so it refuses everything.
    pub fn new(dice: Dice) -> Arc<Self> {
        Arc::new(Self { secret: Mutex::default(), dice: Mutex::new(dice), heard: Mutex::default() })
    }

    /// Its one route.
    pub fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/webhooks", post(hear)).with_state(self)
    }

    /// Believes messages signed with this from now on.
    pub fn trust(&self, secret: String) {
        *self.secret.lock().unwrap_or_else(PoisonError::into_inner) = secret;
    }

    /// What was heard so far, which is forgotten here.
    pub fn heard(&self) -> Heard {
        std::mem::take(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let secret = self.secret.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.messages += 1;
        let Ok(id) = signature::verify(&secret, headers, body, SystemClock.now().unix_seconds()) else {
            heard.forged += 1;
            return StatusCode::BAD_REQUEST;
        };
        // The first delivery of some messages fails, so that they come again.
        let fails = self.dice.lock().unwrap_or_else(PoisonError::into_inner).percent(5);
        if heard.seen.insert(id.to_owned()) && fails {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        let message: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (kind, object) = (text(&message["type"]), &message["data"]["object"]);
        let amount = &object[if kind == "payment.succeeded" { "captured" } else { "amount" }];
        let said = Said { status: text(&object["status"]), amount: text(amount).parse().unwrap_or_default() };
        heard.facts.entry((kind, text(&object["id"]))).or_default().insert(id.to_owned(), said);
        StatusCode::OK
    }
}

async fn hear(State(receiver): State<Arc<Receiver>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    receiver.take(&headers, &body)
}
