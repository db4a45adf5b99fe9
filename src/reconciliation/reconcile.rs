//! The one verb behind every surface: take in what the other side says, hold it against ours, repair what may be repaired, report.

use std::io::Read;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::matching::{self, Context};
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
    let mut ended = match work(app, source, &run, what, by, progress).await {
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
    let _ = by;
    match what {
        What::Day(day) if run.dry => {
            let mut types = Types::default();
            matching::rehearse_day(&context, day, &mut |entry| types.entry(entry)).await?;
            let waiting = matching::waiting(&context).await?;
            let without_line = missing::look(&context, day, &waiting, progress).await?;
            Ok((None, json!({ "types": types.view(), "without_line": without_line })))
        }
        What::Day(day) => Ok((None, hold(&context, &About::Day(day), Some(day), progress).await?)),
        What::File { .. } => Ok((None, Value::Null)),
    }
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
