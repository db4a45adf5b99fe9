//! The way in: one listening socket, plain or TLS, with the limits every listener of ours has.
//!
//! Promises that a slow client cannot hold a connection open before its request is complete, that stopping lets requests
//! in flight finish within the grace period, and that a renewed certificate is served without a restart. Refuses to know
//! what is served.

mod impatient;
pub mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use impatient::Impatient;
use tokio_util::sync::CancellationToken;

/// Request line and headers must arrive within this, or the connection is closed (slowloris).
pub const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// More parallel requests on one HTTP/2 connection than a browser or a merchant's client needs are refused.
const STREAMS_PER_CONNECTION: u32 = 100;
/// An HTTP/2 connection whose peer is gone is noticed within twice this.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Bytes of request line and headers kept per HTTP/1 connection.
const HEADER_BYTES: usize = 64 * 1024;

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody is there already.
    #[error("{0} is in use by another program: stop it, or choose another address")]
    InUse(SocketAddr),
    /// Ports below 1024 need a privilege.
    #[error("not allowed to listen on {0}: use a port above 1023, or give this program CAP_NET_BIND_SERVICE")]
    NotAllowed(SocketAddr),
    /// Anything else, such as an address this machine does not have.
    #[error("cannot listen on {address}")]
    Other {
        /// What was asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A bound socket that does not answer yet: its port is known before anything is built on it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<RustlsConfig>,
}

impl Listener {
    /// Opens the socket. Port 0 picks a free one; [`Listener::address`] tells which.
    ///
    /// # Errors
    /// [`ListenError`] with what to do about it.
    pub fn bind(asked: SocketAddr) -> Result<Self, ListenError> {
        let open = || -> io::Result<(TcpListener, SocketAddr)> {
            let socket = TcpListener::bind(asked)?;
            socket.set_nonblocking(true)?;
            let address = socket.local_addr()?;
            Ok((socket, address))
        };
        let (socket, address) = open().map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse(asked),
            io::ErrorKind::PermissionDenied => ListenError::NotAllowed(asked),
            _ => ListenError::Other { address: asked, source },
        })?;
        Ok(Self { socket, address, tls: None })
    }

    /// Serves TLS instead of plain HTTP.
    #[must_use]
    pub fn with_tls(mut self, certificate: RustlsConfig) -> Self {
        self.tls = Some(certificate);
        self
    }

    /// The address really bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop`, then finishes what is in flight, for at most `grace`.
    ///
    /// # Errors
    /// The socket fails; a single connection's failure never ends up here.
    pub async fn serve(self, app: Router, stop: CancellationToken, grace: Duration) -> io::Result<()> {
        let handle = Handle::new();
        let stopping = handle.clone();
        tokio::spawn(async move {
            stop.cancelled().await;
            stopping.graceful_shutdown(Some(grace));
        });
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        if let Some(certificate) = self.tls {
            let mut server = axum_server::from_tcp_rustls(self.socket, certificate)?.handle(handle).map(watched);
            limit(server.http_builder());
            server.serve(app).await
        } else {
            let mut server = axum_server::from_tcp(self.socket)?.handle(handle).map(watched);
            limit(server.http_builder());
            server.serve(app).await
        }
    }
}

fn watched<A>(acceptor: A) -> Impatient<A> {
    Impatient::new(acceptor, HEADERS_WITHIN)
}

fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(HEADER_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .keep_alive_interval(Some(PING_EVERY))
        .keep_alive_timeout(PING_EVERY);
}
