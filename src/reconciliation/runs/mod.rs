//! Runs: one time that a source was held against ours, and what came of it.
//!
//! Promises: one at a time per source over all processes; a run whose process died is taken over when its lease is over, and one
//! whose process lives is not, however long it takes.

mod keeper;
mod store;

pub use keeper::Keeper;
pub use store::{find, good_since, last_good, list};

use std::time::Duration;

use jiff::civil::Date;
use serde_json::Value;

use super::reconcile::ReconcileError;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::words::{FileId, RunId, Timestamp};

/// A run that says nothing for so long is believed dead.
pub const LEASE: Duration = Duration::from_mins(5);

/// Who wanted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// The clock.
    Nightly,
    /// `tollgate reconcile`.
    Command,
    /// An operator in the console.
    Console,
    /// A merchant's program.
    Api,
}

impl Trigger {
    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nightly => "nightly",
            Self::Command => "command",
            Self::Console => "console",
            Self::Api => "api",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Nightly, Self::Command, Self::Console, Self::Api].into_iter().find(|it| it.as_str() == text)
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// At work, or its process has died.
    Running,
    /// Done.
    Completed,
    /// It could not be done, and says why.
    Failed,
}

impl Status {
    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Running, Self::Completed, Self::Failed].into_iter().find(|it| it.as_str() == text)
    }
}

/// One time that a source was held against ours.
#[derive(Debug, Clone)]
pub struct Run {
    /// `rcr_...`
    pub id: RunId,
    /// The source's name in the settings.
    pub source: String,
    /// Which business day it is about, when about one.
    pub business_date: Option<Date>,
    /// The file that it took in, when it did.
    pub file: Option<FileId>,
    /// Who wanted it.
    pub trigger: Trigger,
    /// Whether it changed nothing and only says what it would have done.
    pub dry: bool,
    /// Where it stands.
    pub status: Status,
    /// Why it could not be done.
    pub failure: Option<String>,
    /// What came of it, as reports show it.
    pub totals: Value,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Begins a run, unless another of the same source is at work: then `None`.
///
/// # Errors
/// When the database fails.
pub async fn begin(
    app: &App,
    source: &str,
    day: Option<Date>,
    trigger: Trigger,
    dry: bool,
) -> Result<Option<Run>, DbError> {
    let now = app.now();
    let run = Run {
        id: RunId::new(),
        source: source.to_owned(),
        business_date: day,
        file: None,
        trigger,
        dry,
        status: Status::Running,
        failure: None,
        totals: Value::Object(serde_json::Map::new()),
        started_at: now,
        finished_at: None,
    };
    let mut tx = app.db.begin().await?;
    store::bury_dead(&mut tx, source, now, now.furthest(LEASE)).await?;
    if !store::insert(&mut tx, &run, now.plus(LEASE)).await? {
        return Ok(None);
    }
    tx.commit().await?;
    Ok(Some(run))
}

/// Says that a run is still at work; `false` when another process has taken it for dead, and then it must stop.
///
/// # Errors
/// When the database fails.
pub async fn still_there(app: &App, run: &Run) -> Result<bool, DbError> {
    let mut tx = app.db.begin().await?;
    let there = still_there_in(&mut tx, run, app.now()).await?;
    tx.commit().await?;
    Ok(there)
}

pub(super) async fn still_there_in(tx: &mut Tx, run: &Run, now: Timestamp) -> Result<bool, DbError> {
    store::renew(tx, &run.id, now.plus(LEASE)).await
}

/// Refuses to write for a run that another process has taken for dead.
pub(super) async fn must_be_ours(tx: &mut Tx, run: &Run, now: Timestamp) -> Result<(), ReconcileError> {
    if still_there_in(tx, run, now).await? { Ok(()) } else { Err(ReconcileError::Overtaken) }
}

/// Writes down how a run ended; `false` when another process has taken it for dead.
///
/// # Errors
/// When the database fails.
pub async fn finish(tx: &mut Tx, run: &Run, now: Timestamp) -> Result<bool, DbError> {
    store::finish(tx, run, now).await
}
