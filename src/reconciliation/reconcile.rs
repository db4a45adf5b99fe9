//! The one verb behind every surface: take in what the other side says, hold it against ours, repair what may be repaired, report.

use std::io::Read;

use jiff::civil::Date;
use serde_json::Value;

use super::files::{self, TakeInError};
use super::matching::{self, Context};
use super::progress::Progress;
use super::report::{self, About};
use super::runs::{self, Keeper, Run, Status, Trigger};
use super::shown::run_view;
use super::{missing, rehearse, repair};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::{DbError, MayRetry};
use crate::events::{self, NewEvent};
use crate::wallets::WalletError;
use crate::words::FileId;

/// What is to be reconciled.
pub enum What {
    /// Business days that are rehearsed, never done: what was taken in of them, and what can be asked for.
    Days {
        /// The first.
        from: Date,
        /// The last.
        to: Date,
    },
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
    /// Something was decided about and has changed before it was written down. Nothing of it was written.
    #[error("what was looked at has changed meanwhile: the next run looks at it again")]
    Meanwhile,
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
        What::File { .. } | What::Days { .. } => None,
    };
    let dry = dry || matches!(what, What::Days { .. });
    let run = runs::begin(app, &source.name, day, trigger, dry)
        .await?
        .ok_or_else(|| ReconcileError::Busy(source.name.clone()))?;
    let keeper = Keeper::start(app, &run, runs::LEASE / 4);
    let worked = tokio::select! {
        worked = Box::pin(work(app, source, &run, what, by, progress)) => worked,
        () = keeper.lost() => Err(ReconcileError::Overtaken),
    };
    drop(keeper);
    let came = worked.unwrap_or_else(|error| {
        tracing::warn!(source = source.name, error = &error as &dyn std::error::Error, "a reconciliation failed");
        Came { file: None, totals: run.totals.clone(), failure: Some(error.to_string()) }
    });
    let status = if came.failure.is_none() { Status::Completed } else { Status::Failed };
    let failure = came.failure.map(|failure| failure.chars().take(1_000).collect());
    let ended = Run { status, failure, file: came.file, totals: came.totals, finished_at: Some(app.now()), ..run };
    end(app, source, &ended).await?;
    metrics::counter!("tollgate_reconciliation_runs_total", "source" => source.name.clone(), "status" => status.as_str())
        .increment(1);
    for psp in source.psps().into_iter().filter(|psp| !is_explained(&ended, Some(psp))) {
        tracing::error!(run = %ended.id, source = source.name, psp, "nothing explains the PSP's account");
        metrics::counter!("tollgate_reconciliation_unexplained_total", "psp" => psp.to_owned()).increment(1);
    }
    Ok(ended)
}

/// What a run came to.
struct Came {
    /// The file that it took in.
    file: Option<FileId>,
    /// The report.
    totals: Value,
    /// What the other side did not give. What it had given was reconciled all the same.
    failure: Option<String>,
}

/// Whether what a PSP owes by the books, or each of them, is what is in no file yet and what has not landed.
fn is_explained(run: &Run, psp: Option<&str>) -> bool {
    let rows = run.totals["psp_account"].as_array().into_iter().flatten();
    let mut of_psp = rows.filter(|row| psp.is_none_or(|psp| row["psp"] == psp));
    of_psp.all(|row| row["difference"].as_str().is_none_or(report::is_nothing))
}

/// Writes down how a run ended, and tells it.
async fn end(app: &App, source: &Source, ended: &Run) -> Result<(), ReconcileError> {
    // A source of a merchant that does not exist has nobody to tell.
    let owner = matching::owner(app, source).await.ok().filter(|_| !ended.dry);
    let now = ended.finished_at.unwrap_or_else(|| app.now());
    let mut tx = app.db.begin().await?;
    if !runs::finish(&mut tx, ended, now).await? {
        return Err(ReconcileError::Overtaken);
    }
    if let Some(tenant) = &owner {
        let data = run_view(ended, tenant.mode);
        let kind = match ended.status {
            Status::Failed => "reconciliation.run_failed",
            _ => "reconciliation.run_completed",
        };
        let object_id = ended.id.as_str();
        if !is_explained(ended, None) {
            let (kind, data) = ("reconciliation.account_unexplained", data.clone());
            events::append(&mut tx, NewEvent { tenant, kind, object_id, data, now }).await?;
        }
        events::append(&mut tx, NewEvent { tenant, kind, object_id, data, now }).await?;
    }
    tx.commit().await?;
    app.wake.notify_one();
    Ok(())
}

async fn work(
    app: &App,
    source: &Source,
    run: &Run,
    what: What,
    by: &str,
    progress: &Progress,
) -> Result<Came, ReconcileError> {
    let context = Context::of(app, source, run).await?;
    let whole = |file, totals| Came { file, totals, failure: None };
    match what {
        What::Day(day) if run.dry => Ok(whole(None, rehearse::day(&context, day, progress).await?)),
        What::Days { from, to } => Ok(whole(None, rehearse::range(&context, from, to, progress).await?)),
        What::File { bytes, .. } if run.dry => Ok(whole(None, rehearse::file(&context, bytes).await?)),
        What::Day(day) => {
            // What is only handed in has its night too, for an expected date must not pass in silence.
            let asked = run.trigger != Trigger::Nightly || files::comes_by_itself(source);
            let fetched =
                if asked { Box::pin(files::fetch(app, source, day, by, progress)).await } else { Ok(Vec::new()) };
            // What was not given keeps nobody from looking at what is there.
            let failure = match fetched {
                Ok(_) => None,
                Err(TakeInError::Db(error)) => return Err(error.into()),
                Err(error) => Some(error.to_string()),
            };
            // What has come may be the first word of a bank.
            let context = Context::of(app, source, run).await?;
            let totals = hold(&context, &About::Day(day), Some(day), progress).await?;
            Ok(Came { file: None, totals, failure })
        }
        What::File { name, bytes } => {
            let taken =
                Box::pin(files::take_in(app, source, &name, bytes, by, progress)).await.map_err(files_failed)?;
            let context = Context::of(app, source, run).await?;
            let day = taken.totals.last_day.as_ref().and_then(|day| day.parse().ok());
            let totals = hold(&context, &About::File(taken.file.clone()), day, progress).await?;
            Ok(whole(Some(taken.file), totals))
        }
    }
}

fn files_failed(error: TakeInError) -> ReconcileError {
    match error {
        TakeInError::Db(error) => error.into(),
        other => ReconcileError::Files(other.to_string()),
    }
}

/// Holds everything that is new of a source against ours, and reports about `about`; `day` is the last one that is fully told.
pub async fn hold(
    context: &Context<'_>,
    about: &About,
    day: Option<Date>,
    progress: &Progress,
) -> Result<Value, ReconcileError> {
    matching::lines(context, progress).await?;
    repair::all(context).await?;
    if let Some(day) = day {
        missing::look(context, day, progress).await?;
    }
    Ok(report::totals(context, about).await?)
}
