//! The way out: what may be reached, what is read, and what is said of a call that got no answer.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tollgate::outbound::{Call, Failure, Outbound, Refusal, Settings};

fn outbound(allow_private: bool, ports: &[u16]) -> Outbound {
    Outbound::new(&Settings { allow_private, webhook_ports: ports.to_vec(), ..Settings::default() }).unwrap()
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// Answers the first connection with these bytes.
fn answer(listener: TcpListener, bytes: Vec<u8>) {
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(&bytes).await;
    });
}

/// Every way of writing this machine's address; the listener must not even see a connection.
#[tokio::test]
async fn a_private_address_gets_no_byte() {
    let (listener, port) = listener().await;
    let outbound = outbound(false, &[port]);
    for host in [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "a.localhost",
        "0x7f.1",
        "2130706433",
        "127.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
    ] {
        let url = format!("https://{host}:{port}/");
        let refused = outbound.webhook().send(Call::new(Method::POST, &url)).await.unwrap_err();
        assert!(matches!(refused, Failure::Refused(Refusal::PrivateAddress)), "{url}: {refused}");
        assert!(!refused.may_have_arrived());
    }
    let heard = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
    assert!(heard.is_err(), "somebody connected");
}

#[tokio::test]
async fn an_answer_is_read_up_to_the_limit() {
    let (listener, port) = listener().await;
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    answer(listener, [head.as_slice(), &vec![b'x'; 1_000_000]].concat());
    let url = format!("http://127.0.0.1:{port}/");
    let mut call = Call::new(Method::GET, &url);
    call.read_limit = 1000;
    let answer = outbound(true, &[]).webhook().send(call).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.len(), answer.complete), (200, 1000, false));
}

#[tokio::test]
async fn an_answer_that_breaks_off_keeps_its_status() {
    let (listener, port) = listener().await;
    answer(listener, b"HTTP/1.1 202 Accepted\r\ncontent-length: 10\r\n\r\nabc".to_vec());
    let url = format!("http://127.0.0.1:{port}/");
    let answer = outbound(true, &[]).psp().send(Call::new(Method::GET, &url)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice(), answer.complete), (202, b"abc".as_slice(), false));
}

/// Whether money may have moved hangs on this difference.
#[tokio::test]
async fn what_was_sent_is_told_from_what_was_not() {
    let outbound = outbound(true, &[]);
    let (closed, port) = listener().await;
    drop(closed);
    let url = format!("http://127.0.0.1:{port}/");
    let refused = outbound.psp().send(Call::new(Method::POST, &url)).await.unwrap_err();
    assert!(matches!(refused, Failure::NotSent(_)) && !refused.may_have_arrived(), "{refused}");

    let (silent, port) = listener().await;
    let url = format!("http://127.0.0.1:{port}/");
    let mut call = Call::new(Method::POST, &url);
    call.timeout = Duration::from_millis(300);
    let late = outbound.psp().send(call).await.unwrap_err();
    assert!(matches!(late, Failure::TimedOut) && late.may_have_arrived(), "{late}");
    drop(silent);

    let (rude, port) = listener().await;
    answer(rude, Vec::new());
    let url = format!("http://127.0.0.1:{port}/");
    let broken = outbound.psp().send(Call::new(Method::POST, &url)).await.unwrap_err();
    assert!(matches!(broken, Failure::Broken(_)) && broken.may_have_arrived(), "{broken}");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (target, elsewhere) = listener().await;
    let (listener, port) = listener().await;
    let head = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
    answer(listener, head.into_bytes());
    let url = format!("http://127.0.0.1:{port}/");
    let answer = outbound(true, &[]).psp().send(Call::new(Method::GET, &url)).await.unwrap();
    assert_eq!(answer.status.as_u16(), 302);
    assert!(tokio::time::timeout(Duration::from_millis(200), target.accept()).await.is_err());
}

/// A certificate nobody vouches for is refused before anything is sent; one that the operator trusts is not.
#[tokio::test]
async fn only_trusted_certificates_are_spoken_to() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = axum_server::tls_rustls::RustlsConfig::from_pem(certificate.clone().into_bytes(), key.into_bytes());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    let routes = axum::Router::new().fallback(|| async { "hello" });
    let server = axum_server::from_tcp_rustls(listener, tls.await.unwrap()).unwrap();
    tokio::spawn(server.serve(routes.into_make_service()));

    let refused = outbound(true, &[]).psp().send(Call::new(Method::GET, &url)).await.unwrap_err();
    assert!(matches!(refused, Failure::NotSent(_)), "{refused}");

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("ca.pem");
    std::fs::write(&root, certificate).unwrap();
    let settings = Settings { allow_private: true, trusted_roots: vec![root], ..Settings::default() };
    let answer = Outbound::new(&settings).unwrap().psp().send(Call::new(Method::GET, &url)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_slice()), (200, b"hello".as_slice()));
}
