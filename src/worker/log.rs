//! Gives committed events their place in the log and turns them into deliveries.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{chain, pause};
use crate::app::App;
use crate::db::retrying;
use crate::{events, webhooks};

/// Events given their place at once.
const PLACED: i64 = 500;

pub(super) async fn read(app: App, bell: Arc<Notify>, stop: CancellationToken) {
    loop {
        match catch_up(&app).await {
            Ok(true) => app.wake.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::warn!(error = chain(error), "the log of events cannot be read"),
        }
        if !pause(&bell, &stop).await {
            return;
        }
    }
}

/// Whether there was anything to read.
pub(super) async fn catch_up(app: &App) -> anyhow::Result<bool> {
    while events::awaits_place(&app.db).await? {
        retrying(async || {
            let mut tx = app.db.begin().await?;
            events::place(&mut tx, PLACED).await?;
            tx.commit().await
        })
        .await?;
    }
    let mut any = false;
    while retrying(async || webhooks::fan_out(app).await).await? > 0 {
        any = true;
    }
    Ok(any)
}
