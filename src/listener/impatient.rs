//! Connections that say nothing are closed.
//!
//! The limit on headers begins with HTTP, and which HTTP it is has to be read from the first bytes: until these have
//! come, this stands guard.

use std::future::Future as _;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// As many bytes as it takes to tell HTTP/2 from HTTP/1 (RFC 9113, section 3.4). No request of HTTP/1.1 is shorter.
const PREFACE: usize = 24;

/// Accepts as `inner` does, and then waits for the first bytes at most so long.
#[derive(Debug, Clone)]
pub struct Impatient<A> {
    inner: A,
    patience: Duration,
}

impl<A> Impatient<A> {
    /// Around an acceptor.
    pub fn new(inner: A, patience: Duration) -> Self {
        Self { inner, patience }
    }
}

impl<A, I, S> Accept<I, S> for Impatient<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Watched<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let (accepting, patience) = (self.inner.accept(stream, service), self.patience);
        Box::pin(async move {
            let (stream, service) = accepting.await?;
            Ok((Watched { stream, read: 0, deadline: Some(Box::pin(sleep(patience))) }, service))
        })
    }
}

/// A stream whose first bytes are waited for.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    read: usize,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let Some(deadline) = self.deadline.as_mut() else { return polled };
        if polled.is_pending() {
            let over = deadline.as_mut().poll(cx).is_ready();
            return if over { Poll::Ready(Err(ErrorKind::TimedOut.into())) } else { Poll::Pending };
        }
        self.read = self.read.saturating_add(buf.filled().len().saturating_sub(before));
        if self.read >= PREFACE {
            self.deadline = None;
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
