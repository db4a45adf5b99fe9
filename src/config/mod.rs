//! What the operator decides: one struct, from a TOML file and the environment.
//!
//! Promises that an unknown key is an error that names it, that secrets never print, and that [`Config::complaints`]
//! finds every unsafe setting before a port is opened. Refuses to know what the settings are used for.

mod check;
mod load;
mod print;
pub mod reconciliation;
pub mod retry;
mod risk;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

pub use load::{ConfigError, load, variable};
pub use reconciliation::Reconciliation;
pub use retry::{PspRetries, Retries, Retry};
pub use risk::{RiskRules, Window};

use crate::words::Secret;

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where shoppers and merchants reach this gateway, such as `https://pay.example.com`.
    pub public_url: Url,
    /// At least 32 random characters from which every other key is derived.
    #[serde(serialize_with = "print::secret")]
    pub master_key: Secret<String>,
    /// The listening socket.
    pub server: Server,
    /// The database.
    pub database: Database,
    /// The PSPs.
    pub psp: PspSettings,
    /// How failed jobs and calls are tried again.
    pub retry: Retries,
    /// Limits asked before a PSP is called.
    pub risk: RiskRules,
    /// Money sent to sellers' banks.
    pub payouts: Payouts,
    /// The books' witness.
    pub ledger: Ledger,
    /// What PSPs and banks say, held against the books.
    pub reconciliation: Reconciliation,
    /// Outgoing webhooks.
    pub webhooks: Webhooks,
    /// PEM files with root certificates that outgoing calls trust besides the system's own.
    pub trusted_roots: Vec<PathBuf>,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
}

impl Default for Config {
    #[expect(clippy::expect_used, reason = "a constant that a test parses")]
    fn default() -> Self {
        Self {
            public_url: Url::parse("http://localhost:8080").expect("a constant address"),
            master_key: Secret::new(String::new()),
            server: Server::default(),
            database: Database::default(),
            psp: PspSettings::default(),
            retry: Retries::default(),
            risk: RiskRules::default(),
            payouts: Payouts::default(),
            ledger: Ledger::default(),
            reconciliation: Reconciliation::default(),
            webhooks: Webhooks::default(),
            trusted_roots: Vec::new(),
            metrics: Metrics::default(),
            log: Log::default(),
        }
    }
}

/// The listening socket.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port.
    pub listen: SocketAddr,
    /// PEM file with the certificate chain, leaf first. Read again when it changes.
    pub tls_certificate: Option<PathBuf>,
    /// PEM file with the certificate's key. Read again when it changes.
    pub tls_key: Option<PathBuf>,
    /// Serve plain HTTP on an address that others can reach, because a proxy in front speaks TLS.
    pub allow_plain_http: bool,
    /// Seconds that requests and jobs in flight get to finish after SIGTERM.
    pub shutdown_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            tls_certificate: None,
            tls_key: None,
            allow_plain_http: false,
            shutdown_seconds: 25,
        }
    }
}

/// The database.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `sqlite:<path>` or `postgres://..`; holds a password, so it does not print.
    #[serde(serialize_with = "print::url_without_password")]
    pub url: Secret<String>,
    /// Connections at most.
    pub connections: u32,
    /// Bring the schema up to date when starting. Unset: yes for SQLite, no for PostgreSQL (run `tollgate migrate`).
    pub migrate: Option<bool>,
    /// Talk to a PostgreSQL on another machine without TLS.
    pub allow_plaintext: bool,
}

impl Default for Database {
    fn default() -> Self {
        Self {
            url: Secret::new("sqlite:data/tollgate.db".to_owned()),
            connections: 10,
            migrate: None,
            allow_plaintext: false,
        }
    }
}

impl Database {
    /// Whether to bring the schema up to date when starting.
    #[must_use]
    pub fn migrates_itself(&self) -> bool {
        self.migrate.unwrap_or_else(|| self.url.expose().starts_with("sqlite:"))
    }
}

/// The PSPs.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PspSettings {
    /// The stand-in PSP.
    pub simulator: Option<SimulatorPsp>,
}

/// Where the simulator is and how we prove who we are.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatorPsp {
    /// Its base address, API and card form.
    pub url: Url,
    /// Our key there.
    #[serde(serialize_with = "print::secret")]
    pub secret_key: Secret<String>,
    /// The secret that signs its webhooks.
    #[serde(serialize_with = "print::secret")]
    pub webhook_secret: Secret<String>,
    /// What is different from `[retry]` here.
    #[serde(default)]
    pub retry: PspRetries,
}

impl Config {
    /// How calls of the PSP called `name` are tried again.
    #[must_use]
    pub fn retries_at(&self, name: &str) -> Retries {
        match &self.psp.simulator {
            Some(simulator) if name == "simulator" => self.retry.at(&simulator.retry),
            _ => self.retry,
        }
    }
}

/// Money sent to sellers' banks.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Payouts {
    /// Hours for which nothing is paid out after a seller's payout destination was changed.
    pub cooling_hours: u32,
}

impl Default for Payouts {
    fn default() -> Self {
        Self { cooling_hours: 24 }
    }
}

impl Payouts {
    /// How long nothing is paid out after a seller's payout destination was changed.
    #[must_use]
    pub fn cooling(&self) -> std::time::Duration {
        std::time::Duration::from_hours(u64::from(self.cooling_hours))
    }
}

/// The books' witness.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// A file outside of the database's reach; the signed end of the ledger's chain is appended to it every minute.
    pub anchor_file: Option<PathBuf>,
}

/// Outgoing webhooks.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Whether endpoints may lie in private or loopback networks and speak plain HTTP: for demos and tests.
    pub allow_private_networks: bool,
    /// Ports besides 443 that an endpoint's URL may name.
    pub ports: Vec<u16>,
}

/// Who may read `/metrics`.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Bearer token for `/metrics`. Unset: only direct connections from this machine may read it.
    #[serde(serialize_with = "print::optional_secret")]
    pub token: Option<Secret<String>>,
}

/// Logs.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Lines for people or JSON for machines.
    pub format: LogFormat,
    /// What is logged, such as `info` or `tollgate=debug,sqlx=warn`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people on a terminal, JSON anywhere else.
    #[default]
    Auto,
    /// Lines for people.
    Human,
    /// One JSON object per line.
    Json,
}
