//! The one verb behind every surface: take in what the other side says, hold it against ours, repair what may be repaired, report.

use std::io::Read;

use jiff::civil::Date;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::files::{self, TakeInError};
use super::line::Line;
use super::matching::{self, Batches, Context};
use super::progress::Progress;
use super::report::{self, About, Types};
use super::runs::{self, Run, Status, Trigger};
use super::{missing, repair};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::{DbError, MayRetry};
use crate::events::{self, NewEvent};
use crate::wallets::WalletError;
use crate::words::FileId;

/// Lines of a file that is only tried out, in one go.
const IN_ONE_GO: usize = 2_000;

/// What is to be reconciled.
pub enum What {
    /// A business day: its list is asked for, or its files are looked for, where the settings say so.
    Day(Date),
    /// A file that is at hand.
    File {
        /// Its name, for people.
        name: String,
        /// What stands in it.
        bytes: Box<dyn Read + Send>,
    },
}

/// Why nothing was reconciled.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Another process, or another person, is at it.
    #[error("{0} is being reconciled at this moment: wait until that run has ended")]
    Busy(String),
    /// The run took too long to give a sign of life, and another process has ended it.
    #[error("another process took this run for dead")]
    Overtaken,
    /// The settings name a merchant that does not exist.
    #[error("the source's merchant {0:?} does not exist: correct `merchant` in [[reconciliation.sources]]")]
    NoMerchant(String),
    /// The settings of the source cannot be used.
    #[error("{0}")]
    Settings(String),
    /// The other side's list could not be had, or was refused.
    #[error("{0}")]
    Files(String),
    /// Sums that do not fit.
    #[error("the amounts of this run are too large to be added up")]
    TooLarge,
    /// The books refuse it.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for ReconcileError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Wallet(error) => error.may_retry(),
            Self::Db(error) => error.may_retry(),
            _ => false,
        }
    }
}

/// Reconciles `what` of a source, and gives the run with its totals. A run that could not be done is given as failed, with the
/// reason; the errors are what hindered it from being written down at all.
///
/// A dry run changes nothing but the list of runs: it says what would be found.
///
/// # Errors
/// [`ReconcileError::Busy`] when the source is being reconciled already; else when the database fails.
pub async fn reconcile(
    app: &App,
    source: &Source,
    what: What,
    trigger: Trigger,
    dry: bool,
    by: &str,
    progress: &Progress,
) -> Result<Run, ReconcileError> {
    let day = match &what {
        What::Day(day) => Some(*day),
        What::File { .. } => None,
    };
    let run = runs::begin(app, &source.name, day, trigger, dry)
        .await?
        .ok_or_else(|| ReconcileError::Busy(source.name.clone()))?;
    let mut ended = match Box::pin(work(app, source, &run, what, by, progress)).await {
        Ok((file, totals)) => Run { status: Status::Completed, file, totals, ..run },
        Err(error) => {
            tracing::warn!(source = source.name, error = &error as &dyn std::error::Error, "a reconciliation failed");
            let failure: String = error.to_string().chars().take(1_000).collect();
            Run { status: Status::Failed, failure: Some(failure), ..run }
        }
    };
    ended.finished_at = Some(app.now());
    if !runs::finish(app, &ended).await? {
        return Err(ReconcileError::Overtaken);
    }
    Ok(ended)
}

async fn work(
    app: &App,
    source: &Source,
    run: &Run,
    what: What,
    by: &str,
    progress: &Progress,
) -> Result<(Option<FileId>, Value), ReconcileError> {
    let context = Context::of(app, source, run).await?;
    match what {
        What::Day(day) if run.dry => {
            let mut types = Types::default();
            matching::rehearse_day(&context, day, &mut |entry| types.entry(entry)).await?;
            let waiting = matching::waiting(&context).await?;
            let without_line = missing::look(&context, day, &waiting, progress).await?;
            Ok((None, json!({ "types": types.view(), "without_line": without_line })))
        }
        What::File { bytes, .. } if run.dry => Ok((None, rehearse_file(&context, bytes).await?)),
        What::Day(day) => {
            alive(app, run, Box::pin(files::fetch(app, source, day, by, progress))).await?.map_err(files_failed)?;
            // What has come may be the first word of a bank.
            let context = Context::of(app, source, run).await?;
            Ok((None, hold(&context, &About::Day(day), Some(day), progress).await?))
        }
        What::File { name, bytes } => {
            let taking = Box::pin(files::take_in(app, source, &name, bytes, by, progress));
            let taken = alive(app, run, taking).await?.map_err(files_failed)?;
            let context = Context::of(app, source, run).await?;
            let day = taken.totals.last_day.as_ref().and_then(|day| day.parse().ok());
            let totals = hold(&context, &About::File(taken.file.clone()), day, progress).await?;
            Ok((Some(taken.file), totals))
        }
    }
}

fn files_failed(error: TakeInError) -> ReconcileError {
    match error {
        TakeInError::Db(error) => error.into(),
        other => ReconcileError::Files(other.to_string()),
    }
}

/// Says that the run is still at work while something long is done.
async fn alive<T>(app: &App, run: &Run, work: impl Future<Output = T>) -> Result<T, ReconcileError> {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok(done),
            () = tokio::time::sleep(runs::LEASE / 4) => {
                if !runs::still_there(app, run).await? {
                    return Err(ReconcileError::Overtaken);
                }
            }
        }
    }
}

/// What would be found in a file that is not taken in.
async fn rehearse_file(context: &Context<'_>, bytes: Box<dyn Read + Send>) -> Result<Value, ReconcileError> {
    let (sender, mut coming) = mpsc::channel::<Vec<Line>>(2);
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
    let (mut types, mut batches) = (Types::default(), Batches::default());
    while let Some(lines) = coming.recv().await {
        for entry in matching::rehearse(context, lines, &mut batches).await? {
            types.entry(&entry);
        }
    }
    let read = reading.await.map_err(|error| ReconcileError::Files(error.to_string()))?;
    read.map_err(ReconcileError::Files)?;
    for (outcome, currency, gross) in batches.payouts() {
        types.add(outcome, currency, 1, gross);
    }
    Ok(json!({ "types": types.view() }))
}

/// Holds everything that is new of a source against ours, and reports about `about`; `day` is the last one that is fully told.
pub async fn hold(
    context: &Context<'_>,
    about: &About,
    day: Option<Date>,
    progress: &Progress,
) -> Result<Value, ReconcileError> {
    let waiting = matching::waiting(context).await?;
    matching::lines(context, &waiting, progress).await?;
    repair::all(context).await?;
    if let Some(day) = day {
        missing::look(context, day, &matching::waiting(context).await?, progress).await?;
    }
    let totals = report::totals(context, about).await?;
    tell(context, &totals).await?;
    Ok(totals)
}

async fn tell(context: &Context<'_>, totals: &Value) -> Result<(), DbError> {
    let now = context.app.now();
    let mut tx = context.app.db.begin().await?;
    // Touches the run's row, which orders its events.
    runs::still_there_in(&mut tx, context.run, now).await?;
    let data = json!({ "id": context.run.id, "object": "reconciliation.run", "source": context.source.name, "totals": totals });
    let event = NewEvent {
        tenant: &context.owner,
        kind: "reconciliation.run_completed",
        object_id: context.run.id.as_str(),
        data,
        now,
    };
    events::append(&mut tx, event).await?;
    tx.commit().await?;
    context.app.wake.notify_one();
    Ok(())
}
