//! The road on which the PSP's webhooks reach the gateways: some come twice, some late, some long after everything is over.
//!
//! The PSP has webhook faults of its own; here a message is repeated that it believes delivered, and kept back although it
//! was told "received", which no PSP would do on purpose and every network does some day.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use reqwest::Method;

use super::dice::Dice;
use crate::outbound::{Call, Door};
use crate::simulator::signature;
use crate::words::{Clock as _, SystemClock};

/// Messages that are remembered, to be sent once more some time.
const REMEMBERED: usize = 300;

/// How often it is handed over, half a second apart, until a gateway takes it.
const TRIES: u32 = 120;

/// The relay.
#[derive(Debug)]
pub struct Relay {
    door: Door,
    gateways: Vec<String>,
    secret: String,
    dice: Mutex<Dice>,
    past: Mutex<VecDeque<Bytes>>,
    /// Messages sent again by the relay itself.
    pub repeated: AtomicU64,
    /// Messages kept back although the PSP was told that they had come.
    pub held_back: AtomicU64,
}

/// What is done with one message.
struct Plan {
    target: String,
    /// `None`: handed over at once, and its answer is the PSP's.
    held_back: Option<Duration>,
    copy: Option<Duration>,
    /// An old one, sent again now.
    old: Option<Bytes>,
}

impl Relay {
    /// Between the PSP, which signs with `secret`, and `gateways`.
    pub fn new(door: Door, gateways: Vec<String>, secret: String, dice: Dice) -> Arc<Self> {
        let (dice, past) = (Mutex::new(dice), Mutex::default());
        Arc::new(Self { door, gateways, secret, dice, past, repeated: AtomicU64::new(0), held_back: AtomicU64::new(0) })
    }

    /// Its one route.
    pub fn routes(self: Arc<Self>) -> Router {
        Router::new().route("/psp", post(pass)).with_state(self)
    }

    fn plan(&self, body: &Bytes) -> Plan {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let old = dice.percent(5).then(|| usize::try_from(dice.between(0, 999)).unwrap_or_default());
        let old = old.and_then(|at| past.get(at % past.len().max(1)).cloned());
        past.push_back(body.clone());
        if past.len() > REMEMBERED {
            past.pop_front();
        }
        Plan {
            target: format!("{}/psp/simulator/webhooks", dice.pick(&self.gateways)),
            held_back: dice.percent(4).then(|| dice.millis(500, 20_000)),
            copy: dice.percent(10).then(|| dice.millis(0, 5000)),
            old,
        }
    }

    /// Hands `body` over, signed as if the PSP had sent it now; the gateway's answer, or 502 when there is none.
    async fn deliver(&self, target: &str, body: Bytes) -> StatusCode {
        let Some(signed) = signature(&self.secret, SystemClock.now().unix_seconds(), &body) else {
            return StatusCode::INTERNAL_SERVER_ERROR;
        };
        let headers = vec![("content-type", "application/json".to_owned()), ("simulator-signature", signed)];
        let call = Call { headers, body: body.to_vec(), ..Call::new(Method::POST, target) };
        let answer = self.door.send(call).await;
        answer.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status)
    }

    /// Tries until a gateway takes it, for a while: the PSP believes that it was taken.
    fn later(self: &Arc<Self>, wait: Duration, target: String, body: Bytes) {
        let relay = Arc::clone(self);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            for _ in 0..TRIES {
                if relay.deliver(&target, body.clone()).await.is_success() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
    }
}

async fn pass(State(relay): State<Arc<Relay>>, body: Bytes) -> StatusCode {
    let plan = relay.plan(&body);
    if let Some(old) = plan.old {
        relay.repeated.fetch_add(1, Ordering::Relaxed);
        relay.later(Duration::ZERO, plan.target.clone(), old);
    }
    if let Some(wait) = plan.copy {
        relay.repeated.fetch_add(1, Ordering::Relaxed);
        relay.later(wait, plan.target.clone(), body.clone());
    }
    if let Some(wait) = plan.held_back {
        relay.held_back.fetch_add(1, Ordering::Relaxed);
        relay.later(wait, plan.target, body);
        return StatusCode::OK;
    }
    relay.deliver(&plan.target, body).await
}
