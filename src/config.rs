//! What the operator decides: one struct, from a file and the environment.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use crate::outbound;
use crate::words::Secret;

/// Everything that can be set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where shoppers and merchants reach this gateway, such as `https://pay.example.com`.
    pub public_url: Url,
    /// At least 32 random bytes from which every other key is derived.
    pub master_key: Secret<String>,
    /// The database.
    pub database: Database,
    /// The PSPs.
    #[serde(default)]
    pub psp: PspSettings,
    /// Outgoing webhooks.
    #[serde(default)]
    pub webhooks: Webhooks,
    /// PEM files with root certificates that outgoing calls trust besides the system's own.
    #[serde(default)]
    pub trusted_roots: Vec<PathBuf>,
}

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

/// The database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:<path>` or `postgres://..`; holds a password, so it does not print.
    pub url: Secret<String>,
    /// Connections at most.
    #[serde(default = "default_connections")]
    pub connections: u32,
}

const fn default_connections() -> u32 {
    10
}

/// The PSPs.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PspSettings {
    /// The stand-in PSP.
    pub simulator: Option<SimulatorPsp>,
}

/// Where the simulator is and how we prove who we are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimulatorPsp {
    /// Its base address, API and card form.
    pub url: Url,
    /// Our key there.
    pub secret_key: Secret<String>,
    /// The secret that signs its webhooks.
    pub webhook_secret: Secret<String>,
}

/// Outgoing webhooks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    /// Whether endpoints may lie in private or loopback networks and speak plain HTTP: for demos and tests.
    pub allow_private_networks: bool,
    /// Ports besides 443 that an endpoint's URL may name.
    pub ports: Vec<u16>,
}
