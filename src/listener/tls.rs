//! The certificate that shoppers and merchants see: loaded from files, reloaded when the files change.
//!
//! Promises TLS 1.2 and 1.3 only, and that a renewed certificate is picked up without a restart while a broken one is
//! refused and reported, the old one staying in use. Refuses to know who issues certificates.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_server::tls_rustls::RustlsConfig;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at. Certificates live for weeks; half a minute late is nothing.
pub const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that cannot be opened.
    #[error("cannot read {path}: check that the file exists and that this user may read it")]
    Unreadable {
        /// The file as configured.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file that holds something else.
    #[error("{path} holds no PEM {what}: expected a block that begins with -----BEGIN {marker}-----")]
    NotPem {
        /// The file as configured.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
        /// The PEM label to look for.
        marker: &'static str,
    },
    /// Two files that do not belong together, or a key of a kind that TLS cannot use.
    #[error("{certificate} and {key} cannot be used together: are they from the same order?")]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What rustls said.
        source: rustls::Error,
    },
}

/// A certificate chain (leaf first) and its key, in PEM files.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

impl CertificateFiles {
    /// Reads both files and builds what the listener needs.
    ///
    /// # Errors
    /// [`TlsError`], each with a sentence that says what to do.
    pub fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&read(&self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .ok()
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| TlsError::NotPem {
                path: self.certificate.clone(),
                what: "certificate",
                marker: "CERTIFICATE",
            })?;
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|_| TlsError::NotPem {
            path: self.key.clone(),
            what: "private key",
            marker: "PRIVATE KEY",
        })?;
        let mismatch =
            |source| TlsError::Mismatch { certificate: self.certificate.clone(), key: self.key.clone(), source };
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(mismatch)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(mismatch)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// When the files last changed; `None` while one is missing (half-way through a renewal).
    fn changed_at(&self) -> Option<(SystemTime, SystemTime)> {
        let modified = |path: &Path| std::fs::metadata(path).and_then(|it| it.modified()).ok();
        Some((modified(&self.certificate)?, modified(&self.key)?))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })
}

/// Loads the certificate and keeps it fresh until `stop`.
///
/// # Errors
/// [`TlsError`] when the first load fails; later failures are logged and the old certificate stays.
pub fn keep_fresh(files: CertificateFiles, every: Duration, stop: CancellationToken) -> Result<RustlsConfig, TlsError> {
    let mut seen = files.changed_at();
    let served = RustlsConfig::from_config(files.load()?);
    let handle = served.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
            }
            let now = files.changed_at();
            if now.is_none() || now == seen {
                continue;
            }
            // Remembered even when the load fails: a broken file is reported once, not twice a minute.
            seen = now;
            match files.load() {
                Ok(fresh) => {
                    handle.reload_from_config(fresh);
                    tracing::info!(certificate = %files.certificate.display(), "TLS certificate reloaded");
                }
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "new TLS certificate refused; the old one stays in use"
                ),
            }
        }
    });
    Ok(served)
}
