//! Keeps a run alive while its process lives, whatever it is doing: a PSP that answers slowly is no death.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Run, still_there};
use crate::app::App;

/// Renews the lease of a run until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    lost: CancellationToken,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Renews `every` so often, which must be well below the lease.
    #[must_use]
    pub fn start(app: &App, run: &Run, every: Duration) -> Self {
        let lost = CancellationToken::new();
        let (app, run, told) = (app.clone(), run.clone(), lost.clone());
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                match still_there(&app, &run).await {
                    Ok(true) => {}
                    Ok(false) => return told.cancel(),
                    // The next try may reach the database before the lease is over.
                    Err(error) => {
                        tracing::warn!(run = %run.id, error = &error as &dyn std::error::Error, "a run's lease cannot be renewed");
                    }
                }
            }
        });
        Self { lost, task }
    }

    /// Comes to its end when another process has taken the run for dead: then it must stop.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}
