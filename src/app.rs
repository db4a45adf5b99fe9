//! What every verb needs, built once: database, clock, settings, PSPs, keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinError;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::db::Db;
use crate::keyring::Keyring;
use crate::outbound::{self, Outbound};
use crate::psp::Psps;
use crate::steps;
use crate::words::{Clock, Timestamp};

/// The gateway's parts, cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The database.
    pub db: Db,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What the operator decided.
    pub config: Arc<Config>,
    /// The way out to PSPs and to merchants' webhook URLs.
    pub outbound: Outbound,
    /// The PSPs.
    pub psps: Psps,
    /// Derived keys.
    pub keyring: Keyring,
    /// Told after a commit that left work to do, so that the worker need not wait for its next look.
    pub wake: Arc<Notify>,
    /// When the worker of this process last looked for work.
    pub pulse: Arc<Pulse>,
    /// Work that a request began and that must not stop with it; shutting down waits for it.
    pub tasks: TaskTracker,
    /// Turns for answers that read everything a merchant has: however many want one, payments keep most of the database
    /// to themselves.
    pub whole_reads: Arc<Semaphore>,
    /// Turns for files that are written while they are sent. Each keeps a connection to the database for as long as its reader
    /// takes.
    pub files: Arc<Semaphore>,
}

/// Answers that read everything a merchant has, at the same time in one process.
const WHOLE_READS: usize = 2;
/// Files written at the same time in one process.
const FILES: usize = 2;

impl App {
    /// Puts the parts together.
    pub fn new(config: Config, db: Db, clock: Arc<dyn Clock>, outbound: Outbound, psps: Psps) -> Self {
        let keyring = Keyring::derive(&config.master_key);
        Self {
            db,
            clock,
            config: Arc::new(config),
            outbound,
            psps,
            keyring,
            wake: Arc::new(Notify::new()),
            pulse: Arc::default(),
            tasks: TaskTracker::new(),
            whole_reads: Arc::new(Semaphore::new(WHOLE_READS)),
            files: Arc::new(Semaphore::new(FILES)),
        }
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for `work`, which goes on when whoever waits has left. Whoever watches its steps keeps it in sight.
    ///
    /// # Errors
    /// When it panicked.
    pub async fn apart<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        if steps::is_watched() { Ok(work.await) } else { self.tasks.spawn(work).await }
    }
}

/// The worker's sign of life, read by `/readyz`.
#[derive(Debug, Default)]
pub struct Pulse(AtomicI64);

impl Pulse {
    /// The worker looks for work at `now`.
    pub fn beat(&self, now: Timestamp) {
        self.0.store(now.micros(), Ordering::Relaxed);
    }

    /// When it last did; `None` before the first time.
    pub fn last(&self) -> Option<Timestamp> {
        Some(self.0.load(Ordering::Relaxed)).filter(|at| *at != 0).map(Timestamp::from_micros)
    }
}

// Here, because neither of the two may know the other.
impl Config {
    /// What the way out is built from.
    pub fn outbound(&self) -> outbound::Settings {
        outbound::Settings {
            allow_private: self.webhooks.allow_private_networks,
            webhook_ports: self.webhooks.ports.clone(),
            trusted_roots: self.trusted_roots.clone(),
            ..outbound::Settings::default()
        }
    }
}
