//! Starting and stopping the stand-in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{CuttableListener, Scissors};
use super::disputes;
use super::faults::Faults;
use super::routes::routes;
use super::state::{Delays, Sim};
use super::store::Store;
use super::webhooks::{self, Target};
use super::{payments, payouts, settlement};
use crate::outbound::{self, Outbound, OutboundError};
use crate::words::{Clock, Secret, SystemClock};

/// What the stand-in is told at its start.
#[derive(Clone)]
pub struct SimulatorConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its own SQLite file.
    pub data: PathBuf,
    /// The address browsers and the gateway reach it by; what it listens on when absent.
    pub public_url: Option<String>,
    /// The gateway's key.
    pub secret_key: Secret<String>,
    /// The admin's key.
    pub admin_key: Secret<String>,
    /// Where webhooks go; may be set later with [`Server::send_webhooks_to`].
    pub webhook: Option<Target>,
    /// Origins whose pages may frame the card form; more may be added with [`Server::allow_parent`].
    pub parent_origins: Vec<String>,
    /// Root certificates trusted besides the system's, for a gateway whose certificate is its own.
    pub trusted_roots: Vec<PathBuf>,
    /// The time it records.
    pub clock: Arc<dyn Clock>,
    /// How long the slow things take.
    pub delays: Delays,
}

impl SimulatorConfig {
    /// A stand-in on a free loopback port with the machine's clock.
    pub fn new(data: impl Into<PathBuf>, secret_key: Secret<String>, admin_key: Secret<String>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            data: data.into(),
            public_url: None,
            secret_key,
            admin_key,
            webhook: None,
            parent_origins: Vec::new(),
            trusted_roots: Vec::new(),
            clock: Arc::new(SystemClock),
            delays: Delays::default(),
        }
    }
}

/// Why the stand-in did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken or not ours to take.
    #[error("the stand-in PSP cannot listen on {address}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file cannot be opened, or a newer program wrote it.
    #[error("the stand-in PSP cannot open its data file {}", path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: sqlx::Error,
    },
    /// The client for webhooks cannot be built.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// A key is empty.
    #[error("the stand-in PSP needs a secret key and an admin key that are not empty")]
    EmptyKey,
}

/// A running stand-in. Dropped without [`Server::shutdown`] it stops at once.
pub struct Server {
    addr: SocketAddr,
    sim: Arc<Sim>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    /// Opens the file, takes the port and begins to answer.
    pub async fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        if config.secret_key.expose().is_empty() || config.admin_key.expose().is_empty() {
            return Err(StartError::EmptyKey);
        }
        // The stand-in's only way out leads to the gateway, which may be on this machine.
        let outbound = Outbound::new(&outbound::Settings {
            allow_private: true,
            trusted_roots: config.trusted_roots,
            ..outbound::Settings::default()
        })?;
        let store = Store::open(&config.data)
            .await
            .map_err(|source| StartError::Store { path: config.data.clone(), source })?;
        let address = config.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })?;
        let addr = listener.local_addr().map_err(|source| StartError::Listen { address, source })?;
        let public_url = config.public_url.unwrap_or_else(|| format!("http://{addr}"));
        let sim = Arc::new(Sim {
            store,
            faults: Faults::default(),
            delays: config.delays,
            secret_key: config.secret_key,
            admin_key: config.admin_key,
            public_url: public_url.trim_end_matches('/').to_owned(),
            clock: config.clock,
            door: outbound.psp().clone(),
            webhook_target: RwLock::new(config.webhook),
            parent_origins: RwLock::new(config.parent_origins),
            deliveries: Notify::new(),
            completions: Notify::new(),
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(webhooks::keep_delivering(Arc::clone(&sim), stop.clone()));
        tasks.spawn(keep_finishing(Arc::clone(&sim), stop.clone()));
        tasks.spawn(serve(listener, Arc::clone(&sim), stop.clone()));
        tasks.close();
        Ok(Self { addr, sim, stop, tasks })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.sim.public_url
    }

    /// Sends webhooks there from now on, those that wait included.
    pub fn send_webhooks_to(&self, target: Target) {
        *self.sim.webhook_target.write().unwrap_or_else(PoisonError::into_inner) = Some(target);
        self.sim.wake_all();
    }

    /// Lets pages of this origin frame the card form.
    pub fn allow_parent(&self, origin: impl Into<String>) {
        self.sim.parent_origins.write().unwrap_or_else(PoisonError::into_inner).push(origin.into());
    }

    /// The switchboard of faults, for callers in the same process.
    pub fn faults(&self) -> &Faults {
        &self.sim.faults
    }

    /// Stops taking calls, lets those that run end (for a few seconds), and closes the file.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if tokio::time::timeout(Duration::from_secs(5), self.tasks.wait()).await.is_err() {
            tracing::warn!("simulator: some calls did not end in time");
        }
        self.sim.store.close().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(listener: TcpListener, sim: Arc<Sim>, stop: CancellationToken) {
    let service = routes(sim).into_make_service_with_connect_info::<Scissors>();
    let ended = axum::serve(CuttableListener(listener), service)
        .with_graceful_shutdown(async move { stop.cancelled().await })
        .await;
    if let Err(error) = ended {
        tracing::error!(error = %error, "simulator: the server ended");
    }
}

/// Ends slow, pending and abandoned attempts when their time has come, and lets refunds come back and payouts and disputes go
/// on, and ends business days.
async fn keep_finishing(sim: Arc<Sim>, stop: CancellationToken) {
    loop {
        let finished = [
            payments::finish_due(&sim).await.is_ok(),
            payments::return_due(&sim).await.is_ok(),
            payouts::finish_due(&sim).await.is_ok(),
            disputes::go_on(&sim).await.is_ok(),
            settlement::close_due(&sim).await.is_ok(),
        ];
        if finished.contains(&false) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sim.completions.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
}
