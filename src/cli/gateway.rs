//! The gateway while it runs: its listeners and its worker, from start to a clean end. Shared by `serve` and `demo`.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::http;
use crate::listener::Listener;
use crate::worker::Worker;

/// Serves until `stop`; then no new requests, those in flight finish, then the work they left, then the worker's job at
/// hand. All of that together gets `grace`.
///
/// # Errors
/// A listener or the worker ended by itself.
pub async fn run(app: App, listeners: Vec<Listener>, stop: CancellationToken, grace: Duration) -> anyhow::Result<()> {
    let worker = Worker::start(&app);
    let deadline = tokio::spawn({
        let stop = stop.clone();
        async move {
            stop.cancelled().await;
            Instant::now().checked_add(grace)
        }
    });
    let mut parts = JoinSet::new();
    for listener in listeners {
        let (routes, stop) = (http::routes(app.clone()), stop.clone());
        parts.spawn(async move { listener.serve(routes, stop, grace).await.context("a listener failed") });
    }
    // A part that ends before it is told to takes the others with it: half a gateway must not look alive.
    let mut outcome = Ok(());
    while let Some(part) = parts.join_next().await {
        let ended = part.context("a part of the gateway panicked").and_then(|it| it);
        if outcome.is_ok() && !stop.is_cancelled() {
            outcome = ended.and_then(|()| anyhow::bail!("a part of the gateway ended by itself"));
        }
        stop.cancel();
    }
    app.tasks.close();
    let deadline = deadline.await.ok().flatten();
    let left = || deadline.map_or(grace, |at| at.saturating_duration_since(Instant::now()));
    // The worker stops last: what the requests left behind may need it to come to its end.
    let finished = tokio::time::timeout(left(), app.tasks.wait()).await.is_ok();
    if !worker.stop(left()).await || !finished {
        tracing::warn!("some work did not finish in time; it goes on at the next start");
    }
    app.db.close().await;
    tracing::info!("stopped");
    outcome
}

/// SIGTERM or Ctrl-C.
pub async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
