//! The one way out: every HTTPS request this process makes leaves through a [`Door`].
//!
//! There are two. The `psp` door leads to hosts that the operator configured. The `webhook` door
//! leads to hosts that merchants named, so it refuses every address that is not public, checked
//! on the address that is really connected to (a name may resolve to another address each time).
//!
//! Promises: rustls, TLS 1.2 or newer, a time limit on every call, no redirects, no proxy from
//! the environment, a limit on what is read, and logs that hold a host and a status but no path, query,
//! header or body. Says of every failure whether the request may have been acted on.
//!
//! Refuses to know: what is sent, and whether it should be sent again.

pub mod address;
mod door;
mod guard;
pub mod retry_after;

pub use door::{Answer, Call, Door, Failure};
pub use guard::{Guard, Refusal};

use std::path::PathBuf;
use std::time::Duration;

use reqwest::redirect::Policy;

/// Fields that a configuration decides.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Lets webhooks reach private addresses, any port, and plain HTTP on loopback. For a demo
    /// or a test on one machine; a public gateway keeps it off.
    pub allow_private: bool,
    /// Ports other than 443 that a webhook URL may name.
    pub webhook_ports: Vec<u16>,
    /// PEM files with root certificates that are trusted besides the system's own.
    pub trusted_roots: Vec<PathBuf>,
    /// Limit on name look-up, TCP and TLS handshake together.
    pub connect_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            allow_private: false,
            webhook_ports: Vec::new(),
            trusted_roots: Vec::new(),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// Why the clients could not be built.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// A root certificate file cannot be read.
    #[error("the trusted root certificate {0} cannot be read")]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// A root certificate file is not PEM.
    #[error("the trusted root certificate {0} is not PEM")]
    NotPem(PathBuf, #[source] reqwest::Error),
    /// The TLS library refused its settings, or the system has no root certificates.
    #[error(
        "the HTTPS client cannot be built: are the system's root certificates installed (Debian: ca-certificates)?"
    )]
    Build(#[source] reqwest::Error),
}

/// Both doors. Cheap to clone; connections are shared between clones.
#[derive(Debug, Clone)]
pub struct Outbound {
    psp: Door,
    webhook: Door,
}

impl Outbound {
    /// Builds the clients once, at start.
    pub fn new(settings: &Settings) -> Result<Self, OutboundError> {
        let trusted = Guard::for_configured_hosts(settings.allow_private);
        let guarded = Guard::for_strangers(settings.allow_private, &settings.webhook_ports);
        let webhook = builder(settings)?.dns_resolver(guard::Resolver::new(&guarded));
        Ok(Self { psp: Door::new(build(builder(settings)?)?, trusted), webhook: Door::new(build(webhook)?, guarded) })
    }

    /// To payment service providers.
    pub fn psp(&self) -> &Door {
        &self.psp
    }

    /// To URLs that merchants chose.
    pub fn webhook(&self) -> &Door {
        &self.webhook
    }
}

/// What both clients share. Certificate pinning will be one more line here: a rustls configuration
/// given with `tls_backend_preconfigured`.
#[expect(clippy::disallowed_methods, reason = "the one home of the HTTPS client")]
fn builder(settings: &Settings) -> Result<reqwest::ClientBuilder, OutboundError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("Tollgate/", env!("CARGO_PKG_VERSION")))
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(Duration::from_mins(1))
        .pool_max_idle_per_host(16);
    for path in &settings.trusted_roots {
        let pem = std::fs::read(path).map_err(|error| OutboundError::Unreadable(path.clone(), error))?;
        let roots =
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| OutboundError::NotPem(path.clone(), error))?;
        builder = builder.tls_certs_merge(roots);
    }
    Ok(builder)
}

fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, OutboundError> {
    builder.build().map_err(OutboundError::Build)
}
