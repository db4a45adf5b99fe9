//! Rehearsal of what was not taken in: a file at hand, or a day for which the PSP is asked. Nothing of it is kept.

use std::io::Read;

use jiff::civil::Date;
use serde_json::Value;
use tokio::sync::mpsc;

use super::super::files::{self, TakeInError, Totals};
use super::super::line::Line;
use super::super::matching::{self, Batches, Context};
use super::super::reconcile::ReconcileError;
use super::super::report::Rehearsal;

/// Lines in one go.
const IN_ONE_GO: usize = 2_000;

/// What would be found in a file.
pub async fn file(context: &Context<'_>, bytes: Box<dyn Read + Send>) -> Result<Value, ReconcileError> {
    let (sender, coming) = mpsc::channel::<Vec<Line>>(2);
    let source = context.source.clone();
    // Files and pipes block a thread.
    let reading = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(IN_ONE_GO);
        let read = files::read(&source, bytes, &mut |line| {
            batch.push(line);
            if batch.len() >= IN_ONE_GO {
                // Nobody listens any more: the rest is read in vain, and no harm done.
                let _ = sender.blocking_send(std::mem::take(&mut batch));
            }
        });
        let _ = sender.blocking_send(batch);
        read.map(drop).map_err(|error| error.to_string())
    });
    let found = hold(context, coming).await?;
    let read = reading.await.map_err(|error| ReconcileError::Files(error.to_string()))?;
    read.map_err(ReconcileError::Files)?;
    Ok(found.view())
}

/// What would be found in the list that the PSP gives for a day; else why there is none.
pub(super) async fn asked(context: &Context<'_>, day: Date) -> Result<Result<Value, String>, ReconcileError> {
    let (sender, coming) = mpsc::channel(2);
    let asking = Box::pin(files::rehearse_asked(context.app, context.source, day, sender));
    let (read, found) = tokio::join!(asking, hold(context, coming));
    let found = found?;
    Ok(told(read)?.map(|()| found.view()))
}

/// Whether a PSP that was asked has told anything; else why not.
pub(super) fn told(read: Result<Totals, TakeInError>) -> Result<Result<(), String>, ReconcileError> {
    match read {
        Ok(totals) if totals.lines == 0 => Ok(Err("the PSP was asked, and tells nothing of this day".to_owned())),
        Ok(_) => Ok(Ok(())),
        Err(TakeInError::Db(error)) => Err(error.into()),
        Err(error) => Ok(Err(error.to_string())),
    }
}

async fn hold(context: &Context<'_>, mut coming: mpsc::Receiver<Vec<Line>>) -> Result<Rehearsal, ReconcileError> {
    let (mut found, mut batches) = (Rehearsal::default(), Batches::default());
    while let Some(lines) = coming.recv().await {
        matching::rehearse(context, lines, &mut batches, &mut |entry, cause| found.entry(entry, cause)).await?;
    }
    for (outcome, currency, gross) in batches.payouts() {
        found.types.add(outcome, currency, 1, gross);
    }
    Ok(found)
}
