//! `tollgate serve`: the gateway, until it is told to stop.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use super::start::{self, Settings};
use super::{gateway, logging};
use crate::config::Config;
use crate::http::metrics;
use crate::listener::Listener;
use crate::listener::tls::{self, CertificateFiles};
use crate::operators;
use crate::sabotage;
use crate::words::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Bring the schema up to date first (the default for SQLite)
    #[arg(long)]
    migrate: bool,
    /// Leaves a protection out, for `tollgate chaos --break`; refused by release builds
    #[arg(long, hide = true, env = sabotage::VARIABLE, value_name = "PROTECTION")]
    without: Option<String>,
}

pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let config = settings.read()?;
    logging::start(&config.log)?;
    refuse_unsafe(&config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    if let Some(name) = &args.without {
        sabotage::arm(name).map_err(anyhow::Error::msg)?;
        tracing::warn!(without = name, "THIS GATEWAY IS BROKEN ON PURPOSE");
    }

    metrics::start();

    let stop = CancellationToken::new();
    let listener = listener(&config, &stop)?;
    let grace = Duration::from_secs(config.server.shutdown_seconds);
    let migrate = args.migrate || config.database.migrates_itself();
    let db = start::database(&config, migrate).await?;
    if let Some((email, password)) = operators::ensure_first(&db, SystemClock.now()).await? {
        // Told to whoever started it and never logged: a log is read by more people.
        println!("console: sign in as {email} with {}  (shown this once)", password.expose());
    }
    let public_url = config.public_url.clone();
    let app = start::assemble(config, db)?;

    tracing::info!(listen = %listener.address(), %public_url, database = app.db.name(), "ready");
    let signals = stop.clone();
    tokio::spawn(async move {
        gateway::told_to_stop().await;
        signals.cancel();
    });
    gateway::run(app, vec![listener], stop, grace).await?;
    Ok(ExitCode::SUCCESS)
}

fn refuse_unsafe(config: &Config) -> anyhow::Result<()> {
    let complaints = config.complaints();
    if complaints.is_empty() {
        return Ok(());
    }
    bail!("not started, because of the settings:\n  - {}", complaints.join("\n  - "));
}

fn listener(config: &Config, stop: &CancellationToken) -> anyhow::Result<Listener> {
    let server = &config.server;
    let listener = Listener::bind(server.listen).context("server.listen")?;
    match (&server.tls_certificate, &server.tls_key) {
        (Some(certificate), Some(key)) => {
            let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
            let fresh = tls::keep_fresh(files, tls::LOOK_EVERY, stop.clone())
                .context("server.tls_certificate and server.tls_key")?;
            Ok(listener.with_tls(fresh))
        }
        _ => Ok(listener),
    }
}
