//! What every handler of the stand-in shares.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;

use super::faults::Faults;
use super::store::Store;
use super::webhooks::Target;
use crate::outbound::Door;
use crate::words::{Clock, Secret, SystemClock, random_base62};

/// How long the cards that take their time take.
#[derive(Clone, Copy, Debug)]
pub struct Delays {
    /// The slow card's answer.
    pub slow: Duration,
    /// The pending card's webhook.
    pub pending: Duration,
    /// A challenge nobody answers runs out after this.
    pub challenge: Duration,
    /// From a capture until its card's owner contests it, and from evidence that says how it will be judged until it is.
    pub dispute: Duration,
    /// The first wait before a webhook is sent again; each later one is twice as long, up to a minute.
    pub webhook_retry: Duration,
    /// From the order of a payout until it is paid.
    pub payout: Duration,
    /// The same for the slow destination.
    pub payout_slow: Duration,
    /// From paid until the bank sends it back.
    pub payout_return: Duration,
}

impl Default for Delays {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(8),
            pending: Duration::from_secs(3),
            challenge: Duration::from_mins(15),
            dispute: Duration::from_secs(2),
            webhook_retry: Duration::from_secs(1),
            payout: Duration::from_secs(2),
            payout_slow: Duration::from_secs(30),
            payout_return: Duration::from_hours(3 * 24),
        }
    }
}

/// The stand-in, running.
pub struct Sim {
    pub store: Store,
    pub faults: Faults,
    pub delays: Delays,
    pub secret_key: Secret<String>,
    pub admin_key: Secret<String>,
    /// The stand-in's own address, without a slash at the end.
    pub public_url: String,
    pub clock: Arc<dyn Clock>,
    pub door: Door,
    pub webhook_target: RwLock<Option<Target>>,
    pub parent_origins: RwLock<Vec<String>>,
    pub deliveries: Notify,
    pub completions: Notify,
}

impl Sim {
    /// The time of the record, in microseconds.
    pub fn now(&self) -> i64 {
        self.clock.now().micros()
    }

    /// The time waits are measured by: a test's clock may stand still, a retry may not.
    #[expect(clippy::unused_self, reason = "reads like now()")]
    pub fn machine_now(&self) -> i64 {
        SystemClock.now().micros()
    }

    /// The machine time `wait` from now.
    #[expect(clippy::unused_self, reason = "reads like machine_now()")]
    pub fn machine_after(&self, wait: Duration) -> i64 {
        SystemClock.now().plus(wait).micros()
    }

    /// A fresh id that nobody can guess.
    #[expect(clippy::unused_self, reason = "the stand-in gives the ids")]
    pub fn new_id(&self, prefix: &str) -> String {
        format!("{prefix}_{}", random_base62(24))
    }

    /// Whether pages of this origin may frame the stand-in's pages.
    pub fn frames(&self, origin: &str) -> bool {
        let origins = self.parent_origins.read().unwrap_or_else(PoisonError::into_inner);
        origins.iter().any(|known| known == origin)
    }

    /// The origin that frames us when a page is not told: the first one registered.
    pub fn first_parent(&self) -> Option<String> {
        self.parent_origins.read().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }

    /// There may be something to deliver or to finish.
    pub fn wake_all(&self) {
        self.deliveries.notify_one();
        self.completions.notify_one();
    }
}
