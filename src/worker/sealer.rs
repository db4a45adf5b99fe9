//! Seals the books in the background, tells of the wallets that the sealed journals changed, and writes the chain's end down
//! outside.
//!
//! Any number of processes may run it: of two that seal at once, one finds its work done.

use tokio_util::sync::CancellationToken;

use super::{ANCHOR, SEAL, chain, rest};
use crate::app::App;
use crate::db::{DbError, retrying};
use crate::ledger::seals::{self, SealError, Sealed};
use crate::wallets;
use crate::words::Timestamp;

pub(super) async fn work(app: App, stop: CancellationToken) {
    let mut written = Written::default();
    loop {
        match catch_up(&app, &stop).await {
            Ok(()) => {}
            Err(error) => tracing::error!(error = chain(error), "the books cannot be sealed"),
        }
        if let Err(error) = tell(&app, &stop).await {
            tracing::warn!(error = chain(error), "merchants cannot be told of changed wallets yet");
        }
        if let Err(error) = write_down(&app, &mut written).await {
            tracing::error!(
                error = chain(error),
                "the end of the ledger's chain cannot be written to ledger.anchor_file"
            );
        }
        if !rest(SEAL, &stop).await {
            return;
        }
    }
}

async fn catch_up(app: &App, stop: &CancellationToken) -> Result<(), SealError> {
    while !stop.is_cancelled() {
        match retrying(async || seals::seal(&app.db, &app.keyring, app.now()).await).await? {
            Sealed::Block(_) => {}
            Sealed::Nothing | Sealed::Elsewhere => return Ok(()),
        }
    }
    Ok(())
}

/// What was sealed is told of: merchants hear which wallets changed.
async fn tell(app: &App, stop: &CancellationToken) -> Result<(), DbError> {
    while !stop.is_cancelled() {
        if !retrying(async || wallets::tell(&app.db, app.now()).await).await? {
            return Ok(());
        }
        app.wake.notify_one();
    }
    Ok(())
}

/// What was written down last, and when.
#[derive(Default)]
struct Written {
    block: i64,
    at: Option<Timestamp>,
}

/// Appends the last block to the anchor file, when there is one and the block is new to it; not more often than every minute.
async fn write_down(app: &App, written: &mut Written) -> anyhow::Result<()> {
    let Some(file) = &app.config.ledger.anchor_file else { return Ok(()) };
    if written.at.is_some_and(|at| app.now() < at.plus(ANCHOR)) {
        return Ok(());
    }
    let Some(anchor) = seals::anchor(&app.db, &app.keyring).await?.filter(|anchor| anchor.block != written.block)
    else {
        return Ok(());
    };
    seals::append(file, &anchor).await?;
    *written = Written { block: anchor.block, at: Some(app.now()) };
    Ok(())
}
