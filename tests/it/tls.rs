//! The certificate: TLS 1.2 and 1.3 only, renewed without a restart, a broken renewal refused.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use rcgen::{CertificateParams, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tollgate::cli::demo::certificates;
use tollgate::listener::Listener;
use tollgate::listener::tls::{CertificateFiles, TlsError, keep_fresh};
use tollgate::words::{Clock as _, SystemClock, Timestamp};

/// Looked at this often in tests.
const OFTEN: Duration = Duration::from_millis(20);

struct Served {
    folder: TempDir,
    files: CertificateFiles,
    address: SocketAddr,
    stop: CancellationToken,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A self-signed certificate for localhost; the last comes first in the trust of its client.
fn write_certificate(files: &CertificateFiles) -> String {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    certificate.pem()
}

fn files_in(folder: &Path) -> CertificateFiles {
    CertificateFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
}

fn serve() -> (Served, String) {
    let folder = tempfile::tempdir().unwrap();
    let files = files_in(folder.path());
    let pem = write_certificate(&files);
    let stop = CancellationToken::new();
    let certificate = keep_fresh(files.clone(), OFTEN, stop.clone()).unwrap();
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap().with_tls(certificate);
    let address = listener.address();
    let app = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(listener.serve(app, stop.clone(), Duration::from_secs(1)));
    (Served { folder, files, address, stop }, pem)
}

/// Whether a client that trusts only `pem` is let in.
async fn trusts(served: &Served, pem: &str) -> bool {
    let client = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(pem.as_bytes()).unwrap()])
        .no_proxy()
        .build()
        .unwrap();
    let answer = client.get(format!("https://localhost:{}/", served.address.port())).send().await;
    match answer {
        Ok(answer) => answer.text().await.unwrap() == "hello",
        Err(_) => false,
    }
}

async fn comes_true(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(OFTEN).await;
    }
    panic!("{what} did not happen");
}

#[tokio::test]
async fn a_renewed_certificate_is_served_without_a_restart() {
    let (served, old) = serve();
    assert!(trusts(&served, &old).await);
    let new = write_certificate(&served.files);
    comes_true("the reload", async || trusts(&served, &new).await).await;
    assert!(!trusts(&served, &old).await);
}

#[tokio::test]
async fn a_broken_renewal_keeps_the_old_certificate_and_a_mended_one_is_taken() {
    let (served, old) = serve();
    std::fs::write(&served.files.certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
    tokio::time::sleep(OFTEN * 5).await;
    assert!(trusts(&served, &old).await);
    std::fs::remove_file(&served.files.key).unwrap();
    tokio::time::sleep(OFTEN * 5).await;
    assert!(trusts(&served, &old).await);
    let new = write_certificate(&served.files);
    comes_true("the reload", async || trusts(&served, &new).await).await;
    assert!(served.folder.path().exists());
}

/// Sends a bare `ClientHello` of `version` and gives back the type, and for an alert its code.
async fn hello(address: SocketAddr, version: [u8; 2]) -> (u8, u8) {
    let suites: [u8; 4] = [0xc0, 0x2b, 0xc0, 0x0a];
    let mut body = vec![];
    body.extend(version);
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 4]);
    body.extend(suites);
    body.extend([1, 0]);
    // Curves, point formats, and for 1.2 the signature schemes that a server needs to choose.
    let extensions: [u8; 22] = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3];
    body.extend([0, 22]);
    body.extend(extensions);
    let mut message = vec![1, 0, 0, u8::try_from(body.len()).unwrap()];
    message.extend(body);
    let mut record = vec![22, 3, 1, 0, u8::try_from(message.len()).unwrap()];
    record.extend(message);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&record).await.unwrap();
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).await.unwrap();
    (answer[0], answer[6])
}

#[tokio::test]
async fn tls_1_1_is_refused_and_1_2_is_not() {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const PROTOCOL_VERSION: u8 = 70;
    let (served, _) = serve();
    assert_eq!(hello(served.address, [3, 2]).await, (ALERT, PROTOCOL_VERSION));
    assert_eq!(hello(served.address, [3, 3]).await.0, HANDSHAKE);
}

#[tokio::test]
async fn files_that_cannot_be_served_are_refused_with_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let files = files_in(folder.path());
    assert!(matches!(files.load(), Err(TlsError::Unreadable { path, .. }) if path == files.certificate));
    write_certificate(&files);
    assert!(files.load().is_ok());
    let other = files_in(tempfile::tempdir().unwrap().keep().as_path());
    write_certificate(&other);
    let crossed = CertificateFiles { certificate: files.certificate.clone(), key: other.key };
    assert!(matches!(crossed.load(), Err(TlsError::Mismatch { .. })));
    std::fs::write(&files.key, "nothing").unwrap();
    assert!(matches!(files.load(), Err(TlsError::NotPem { what: "private key", .. })));
}

/// Sends `said` and nothing more; whether the connection is closed soon after the limit.
async fn is_closed_on(address: SocketAddr, said: &[u8]) -> bool {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut rest = Vec::new();
    let limit = tollgate::listener::HEADERS_WITHIN + Duration::from_secs(5);
    // A reset is as good an end as any.
    tokio::time::timeout(limit, stream.read_to_end(&mut rest)).await.is_ok()
}

#[tokio::test]
async fn a_client_that_stops_talking_is_not_waited_for() {
    let listener = Listener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let plain = listener.address();
    let stop = CancellationToken::new();
    tokio::spawn(listener.serve(Router::new(), stop.clone(), Duration::from_secs(1)));
    let (served, _) = serve();
    let closed = futures_util::future::join_all([
        is_closed_on(plain, b""),
        is_closed_on(plain, b"PRI * HTTP/2.0"),
        is_closed_on(plain, b"GET / HTTP/1.1\r\nhost: a\r\nx-slow: "),
        is_closed_on(served.address, b""),
        is_closed_on(served.address, &[22, 3, 1]),
    ])
    .await;
    assert_eq!(closed, [true; 5]);
    stop.cancel();
}

#[tokio::test]
async fn the_demos_certificate_is_found_again_renewed_in_time_and_good_for_localhost_only() {
    let folder = tempfile::tempdir().unwrap();
    let now = SystemClock.now();
    let made = certificates::find_or_make(folder.path(), now).unwrap();
    let read = || std::fs::read_to_string(&made.files.certificate).unwrap();
    let first = read();
    certificates::find_or_make(folder.path(), now.plus(Duration::from_hours(80 * 24))).unwrap();
    assert_eq!(read(), first);
    certificates::find_or_make(folder.path(), now.plus(Duration::from_hours(84 * 24))).unwrap();
    assert_ne!(read(), first);
    assert_eq!(mode(&made.files.key), 0o600);
    certificates::find_or_make(folder.path(), Timestamp::from_unix_seconds(0)).unwrap();
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
