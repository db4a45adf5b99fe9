//! `tollgate psp-simulator`: runs the stand-in PSP by itself.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use url::Url;

use super::{gateway, logging};
use crate::config::Log;
use crate::simulator::{Server, SimulatorConfig, Target};
use crate::words::{Secret, random_base62};

/// What the stand-in PSP is told.
#[derive(clap::Args)]
pub struct Args {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// Its own SQLite file.
    #[arg(long, default_value = "data/simulator.db")]
    data: PathBuf,
    /// The address browsers and the gateway reach it by, when that is not what it listens on.
    #[arg(long)]
    public_url: Option<Url>,
    /// The key the gateway calls it with.
    #[arg(long, env = "TOLLGATE_SIMULATOR_SECRET_KEY", hide_env_values = true)]
    secret_key: String,
    /// The key of the admin calls (faults and the record); none, none are answered.
    #[arg(long, env = "TOLLGATE_SIMULATOR_ADMIN_KEY", hide_env_values = true)]
    admin_key: Option<String>,
    /// Where its webhooks go.
    #[arg(long, requires = "webhook_secret")]
    webhook_url: Option<Url>,
    /// What signs its webhooks.
    #[arg(long, env = "TOLLGATE_SIMULATOR_WEBHOOK_SECRET", hide_env_values = true)]
    webhook_secret: Option<String>,
    /// An origin whose pages may frame the card form, such as `https://pay.example`; may be given more than once.
    #[arg(long = "parent-origin")]
    parent_origins: Vec<Url>,
    /// A PEM file with a root certificate to trust when webhooks are sent; may be given more than once.
    #[arg(long = "trusted-root")]
    trusted_roots: Vec<PathBuf>,
}

// Written by hand: the keys must not print.
impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("listen", &self.listen).field("data", &self.data).finish_non_exhaustive()
    }
}

/// Runs until it is told to stop.
///
/// # Errors
/// When the port is taken or the file cannot be opened.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    logging::start(&Log::default())?;
    if args.parent_origins.is_empty() {
        tracing::warn!("no --parent-origin is given: no page can show the card form");
    }
    let server = Server::start(args.config()).await?;
    tracing::info!(address = %server.addr(), url = server.base_url(), "the stand-in PSP is open");
    gateway::told_to_stop().await;
    server.shutdown().await;
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn config(self) -> SimulatorConfig {
        // Without an admin key nobody knows the one that is made here.
        let admin_key = self.admin_key.unwrap_or_else(|| random_base62(40));
        let mut config = SimulatorConfig::new(self.data, Secret::new(self.secret_key), Secret::new(admin_key));
        config.listen = self.listen;
        config.public_url = self.public_url.map(Into::into);
        config.webhook = self
            .webhook_url
            .zip(self.webhook_secret)
            .map(|(url, secret)| Target { url: url.into(), secret: Secret::new(secret) });
        config.parent_origins = self.parent_origins.iter().map(|url| url.origin().ascii_serialization()).collect();
        config.trusted_roots = self.trusted_roots;
        config
    }
}
