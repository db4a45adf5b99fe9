//! Seals the books in the background, tells of the wallets that the sealed journals changed, and writes the chain's end down
//! outside.
//!
//! Any number of processes may run it: of two that seal at once, one finds its work done.

use tokio_util::sync::CancellationToken;

use super::{ANCHOR, SEAL, chain, rest};
use crate::app::App;
use crate::db::{DbError, retrying};
use crate::integrity::watch;
use crate::ledger::seals::{self, Head, SealError, Sealed, Witness};
use crate::wallets;
use crate::words::Timestamp;

pub(super) async fn work(app: App, stop: CancellationToken) {
    let head = remembered(&app).await;
    let (mut written, mut refused) = (Written::default(), None);
    loop {
        let sealed = catch_up(&app, &head, &stop).await;
        if let Err(error) = report(&app, sealed, &mut refused).await {
            tracing::warn!(error = chain(error), "it cannot be kept how the ledger's chain goes on");
        }
        if let Err(error) = tell(&app, &stop).await {
            tracing::warn!(error = chain(error), "merchants cannot be told of changed wallets yet");
        }
        if let Err(error) = write_down(&app, &head, &mut written).await {
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

/// What was written down outside before this process began.
async fn remembered(app: &App) -> Head {
    let Some(file) = &app.config.ledger.anchor_file else { return Head::default() };
    let written = seals::read_file(file).await.unwrap_or_else(|error| {
        tracing::error!(error = chain(error), "ledger.anchor_file cannot be read: the chain is not held against it");
        Witness::default()
    });
    Head::written(&written.anchors)
}

async fn catch_up(app: &App, head: &Head, stop: &CancellationToken) -> Result<(), SealError> {
    while !stop.is_cancelled() {
        match retrying(async || seals::seal(&app.db, &app.keyring, head, app.now()).await).await? {
            Sealed::Block(_) => {}
            Sealed::Nothing | Sealed::Elsewhere => return Ok(()),
        }
    }
    Ok(())
}

/// Lets whoever watches the books know whether the chain goes on from what was seen of it. Said again in every round while it does
/// not, in case somebody wipes it out.
async fn report(app: &App, sealed: Result<(), SealError>, refused: &mut Option<bool>) -> Result<(), DbError> {
    let broken = match sealed {
        Ok(()) => None,
        Err(error) => {
            let broken = (!matches!(error, SealError::Db(_))).then(|| error.to_string());
            tracing::error!(error = chain(error), "the books cannot be sealed");
            if broken.is_none() {
                return Ok(());
            }
            broken
        }
    };
    if broken.is_some() || *refused != Some(false) {
        watch::chain_goes_on(&app.db, broken.as_deref(), app.now()).await?;
    }
    *refused = Some(broken.is_some());
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

/// Appends the last block to the anchor file, when there is one and the block is new to it; not more often than every minute. Only what
/// descends from all that was seen before is signed.
async fn write_down(app: &App, head: &Head, written: &mut Written) -> anyhow::Result<()> {
    let Some(file) = &app.config.ledger.anchor_file else { return Ok(()) };
    if written.at.is_some_and(|at| app.now().apart(at) < ANCHOR) {
        return Ok(());
    }
    let anchor = seals::anchor(&app.db, &app.keyring).await?;
    let Some(anchor) = anchor.filter(|anchor| head.is(anchor) && anchor.block != written.block) else { return Ok(()) };
    seals::append(file, &anchor).await?;
    *written = Written { block: anchor.block, at: Some(app.now()) };
    Ok(())
}
