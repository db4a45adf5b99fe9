//! Taking a file in: kept, checked as a whole, and only then turned into lines.

use std::io::{self, Read};
use std::time::Duration;

use jiff::civil::Date;
use tokio::sync::mpsc;

use super::arrival::{Arrival, PART};
use super::file::{File, Status};
use super::refused::Refused;
use super::taken::Totals;
use super::{camt053, parser_version, store, stored, writing};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::{DbError, retrying};
use crate::psp::NotDone;
use crate::reconciliation::line::Line;
use crate::reconciliation::progress::Progress;
use crate::words::FileId;

/// A file whose bytes stop coming for so long will not come.
const ARRIVES_WITHIN: Duration = Duration::from_hours(6);
/// Former files of a bank whose statements are held against a new one's.
const FORMER_FILES: i64 = 60;

/// A file that is taken.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Under which id.
    pub file: FileId,
    /// Whether it was there before: then nothing has changed.
    pub already: bool,
    /// What it came to.
    pub totals: Totals,
}

/// Why a file was not taken. No line of it is written.
#[derive(Debug, thiserror::Error)]
pub enum TakeInError {
    /// It is not what it must be. The file is kept, with the reason.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It could not be read to its end. Nothing is kept.
    #[error("the file could not be read: {0}")]
    Broken(io::Error),
    /// The PSP did not give its list. Nothing is kept.
    #[error(transparent)]
    NotGiven(#[from] NotDone),
    /// Its folder holds no file of the day.
    #[error("no file for {0} has come yet: put it into {1}")]
    NotThere(Date, String),
    /// The settings name no place from which this source's files come, or one that is not there.
    #[error("{0}")]
    NoPlace(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes a file in, under a name for people. The same content in the same source again changes nothing.
///
/// # Errors
/// [`TakeInError`]; whatever it is, no line was written.
pub async fn take_in(
    app: &App,
    source: &Source,
    name: &str,
    bytes: impl Read + Send + 'static,
    by: &str,
    progress: &Progress,
) -> Result<Taken, TakeInError> {
    go_on(app, source).await?;
    let mut arrival = Arrival::begin(app, source, name, by).await?;
    match copy(&mut arrival, bytes).await {
        Ok(()) => decide(app, source, arrival.end().await?, progress).await,
        Err(error) => {
            arrival.give_up().await?;
            Err(error)
        }
    }
}

async fn copy(arrival: &mut Arrival<'_>, mut bytes: impl Read + Send + 'static) -> Result<(), TakeInError> {
    let (pieces, mut coming) = mpsc::channel::<io::Result<Vec<u8>>>(2);
    // Files and pipes block a thread.
    tokio::task::spawn_blocking(move || {
        loop {
            let mut piece = Vec::new();
            let limit = u64::try_from(PART).unwrap_or(u64::MAX);
            let read = (&mut bytes).take(limit).read_to_end(&mut piece).map(|_| piece);
            let over = read.as_ref().map_or(true, Vec::is_empty);
            if pieces.blocking_send(read).is_err() || over {
                return;
            }
        }
    });
    while let Some(piece) = coming.recv().await {
        let piece = piece.map_err(TakeInError::Broken)?;
        if piece.is_empty() {
            return Ok(());
        }
        arrival.add(&piece).await?;
    }
    Err(TakeInError::Broken(io::Error::other("its reader stopped")))
}

/// What this program's parser makes of a file that is kept, with the source's present settings: its lines, in batches. Changes
/// nothing.
///
/// # Errors
/// [`TakeInError::Refused`] when it would be refused now, and then its lines count for nothing; else as for [`take_in`].
pub async fn rehearse(
    app: &App,
    source: &Source,
    file: &FileId,
    batches: mpsc::Sender<Vec<Line>>,
) -> Result<Totals, TakeInError> {
    stored::lines(app, source, file, batches).await
}

/// Files that a process left behind when it died: what did not come to its end is forgotten, what did is gone on with.
pub(super) async fn go_on(app: &App, source: &Source) -> Result<(), TakeInError> {
    for file in store::abandoned(&app.db, &source.name, app.now().minus(ARRIVES_WITHIN)).await? {
        retrying(|| async {
            let mut tx = app.db.begin().await?;
            store::forget(&mut tx, &file).await?;
            tx.commit().await
        })
        .await?;
    }
    for file in store::undecided(&app.db, &source.name).await? {
        match read_through(app, source, &file.id, &Progress::nobody()).await {
            // Refused or not: it is decided.
            Ok(_) | Err(TakeInError::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Decides about a file that is kept whole.
pub(super) async fn decide(app: &App, source: &Source, file: File, progress: &Progress) -> Result<Taken, TakeInError> {
    let version = parser_version(source.format);
    match file.status {
        Status::Accepted => return Ok(Taken { file: file.id, already: true, totals: file.totals }),
        // The settings, the parser or the former statements may have been at fault and not be so any more.
        Status::Refused => {
            retrying(|| async {
                let mut tx = app.db.begin().await?;
                store::reopen(&mut tx, &file.id, version).await?;
                tx.commit().await
            })
            .await?;
        }
        Status::Reading => {}
    }
    let totals = read_through(app, source, &file.id, progress).await?;
    Ok(Taken { file: file.id, already: false, totals })
}

async fn read_through(app: &App, source: &Source, file: &FileId, progress: &Progress) -> Result<Totals, TakeInError> {
    let checked = match stored::check(app, source, file, progress).await {
        Ok(totals) => follows(app, source, file, totals).await,
        Err(error) => Err(error),
    };
    let totals = match checked {
        Ok(totals) => totals,
        Err(TakeInError::Refused(refused)) => {
            tracing::warn!(source = source.name, %file, %refused, "a file was refused");
            retrying(|| async {
                let mut tx = app.db.begin().await?;
                store::refuse(&mut tx, file, &refused, app.now()).await?;
                tx.commit().await
            })
            .await?;
            metrics::counter!("tollgate_reconciliation_files_refused_total", "source" => source.name.clone())
                .increment(1);
            return Err(refused.into());
        }
        Err(error) => return Err(error),
    };
    let (sender, batches) = mpsc::channel(2);
    let (read, written) = tokio::join!(
        stored::lines(app, source, file, sender),
        writing::write(app, source, file, batches, totals.lines, progress),
    );
    written?;
    read?;
    retrying(|| async {
        let mut tx = app.db.begin().await?;
        store::accept(&mut tx, file, &totals, app.now()).await?;
        tx.commit().await
    })
    .await?;
    Ok(totals)
}

/// A bank's statements begin where those of former files ended.
async fn follows(app: &App, source: &Source, file: &FileId, totals: Totals) -> Result<Totals, TakeInError> {
    if totals.statements.is_empty() {
        return Ok(totals);
    }
    let former = store::statements(&app.db, &source.name, file, FORMER_FILES).await?;
    for statement in &totals.statements {
        camt053::follows(&former, statement)?;
    }
    let beside =
        app.config.reconciliation.sources.iter().filter(|it| it.name != source.name && it.livemode == source.livemode);
    for other in beside.filter(|it| it.format == source.format) {
        let told = store::statements(&app.db, &other.name, file, FORMER_FILES).await?;
        if let Some(statement) = totals.statements.iter().find(|it| told.iter().any(|told| told.is_of_account(it))) {
            let (account, name, psp) = (&statement.account, &other.name, &source.psp);
            let reason = format!(
                "account {account} is the source {name}'s: one account is one source, so add {psp:?} to its also_psps"
            );
            return Err(Refused::whole("Acct", reason).into());
        }
    }
    Ok(totals)
}
