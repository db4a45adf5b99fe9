//! A file as it is kept, read again from its beginning, and its lines handed over in batches to whoever writes them down.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, Stream};
use tokio::sync::mpsc;

use super::refused::ReadError;
use super::taken::Totals;
use super::{TakeInError, read, store};
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::db::DbError;
use crate::reconciliation::line::Line;
use crate::reconciliation::progress::{Progress, Stage};
use crate::words::FileId;

/// Lines that are handed over together.
pub const BATCH: usize = 1_000;
/// Rows between two signs of life.
const TELL_EVERY: u64 = 1_000;

/// Reads a kept file to its end and throws its lines away.
pub async fn check(app: &App, source: &Source, file: &FileId, progress: &Progress) -> Result<Totals, TakeInError> {
    let (pieces, coming) = mpsc::channel(2);
    run(source, progress, Stage::Reading, None, coming, feed(app, file, pieces)).await
}

/// Reads a kept file to its end, and sends its lines in batches.
pub async fn lines(
    app: &App,
    source: &Source,
    file: &FileId,
    batches: mpsc::Sender<Vec<Line>>,
) -> Result<Totals, TakeInError> {
    let (pieces, coming) = mpsc::channel(2);
    run(source, &Progress::nobody(), Stage::Writing, Some(batches), coming, feed(app, file, pieces)).await
}

/// A kept file's bytes as they came, piece by piece.
pub fn raw(app: &App, file: FileId) -> impl Stream<Item = Result<Vec<u8>, DbError>> + Send + use<> {
    let db = app.db.clone();
    stream::try_unfold(0_i64, move |part| {
        let (db, file) = (db.clone(), file.clone());
        async move { Ok(store::part(&db, &file, part).await?.map(|bytes| (bytes, part.saturating_add(1)))) }
    })
}

/// To whom the bytes of a file are handed, piece by piece; what is no piece says that the rest does not come.
pub(super) type Pieces = mpsc::Sender<Result<Vec<u8>, ()>>;

/// Parses what is `coming` while `feeding` hands it over, and sends its lines in batches.
pub(super) async fn run(
    source: &Source,
    progress: &Progress,
    stage: Stage,
    batches: Option<mpsc::Sender<Vec<Line>>>,
    coming: mpsc::Receiver<Result<Vec<u8>, ()>>,
    feeding: impl Future<Output = Result<(), TakeInError>>,
) -> Result<Totals, TakeInError> {
    let unheard = Arc::new(AtomicBool::new(false));
    let (source, progress) = (source.clone(), progress.clone());
    // Parsing keeps a thread busy for as long as the file is.
    let parsing = tokio::task::spawn_blocking(move || {
        let input = Parts { coming, piece: Vec::new(), at: 0, unheard: Arc::clone(&unheard) };
        let (mut batch, mut count) = (Vec::new(), 0_u64);
        let outcome = read(&source, input, &mut |line| {
            count = count.saturating_add(1);
            if count.is_multiple_of(TELL_EVERY) {
                progress.tell(stage, count, None);
            }
            let Some(batches) = &batches else { return };
            batch.push(line);
            if batch.len() >= BATCH && batches.blocking_send(std::mem::take(&mut batch)).is_err() {
                unheard.store(true, Ordering::Relaxed);
            }
        });
        progress.tell(stage, count, None);
        if outcome.is_ok()
            && !batch.is_empty()
            && let Some(batches) = &batches
        {
            // Whoever does not listen any more has a reason of its own, and tells it.
            let _ = batches.blocking_send(batch);
        }
        outcome
    });
    let (fed, parsed) = tokio::join!(feeding, parsing);
    let outcome = parsed.map_err(|_| TakeInError::Broken(io::Error::other("the parser stopped")))?;
    match outcome {
        Ok(totals) => Ok(totals),
        Err(ReadError::Refused(refused)) => Err(refused.into()),
        // What broke the reading is told by who handed the bytes over, when it was that.
        Err(ReadError::Broken(error)) => Err(fed.err().unwrap_or(TakeInError::Broken(error))),
    }
}

async fn feed(app: &App, file: &FileId, pieces: Pieces) -> Result<(), TakeInError> {
    for part in 0_i64.. {
        match store::part(&app.db, file, part).await {
            Ok(Some(bytes)) => {
                if pieces.send(Ok(bytes)).await.is_err() {
                    return Ok(());
                }
            }
            Ok(None) => return Ok(()),
            Err(error) => {
                // The parser must not take the end of what it has for the end of the file.
                let _ = pieces.send(Err(())).await;
                return Err(error.into());
            }
        }
    }
    Ok(())
}

/// The pieces of a file as one.
struct Parts {
    coming: mpsc::Receiver<Result<Vec<u8>, ()>>,
    piece: Vec<u8>,
    at: usize,
    unheard: Arc<AtomicBool>,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.unheard.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody writes the lines down"));
        }
        if self.at >= self.piece.len() {
            match self.coming.blocking_recv() {
                Some(Ok(piece)) => (self.piece, self.at) = (piece, 0),
                Some(Err(())) => return Err(io::Error::other("the rest did not come")),
                None => return Ok(0),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at = self.at.saturating_add(count);
        Ok(count)
    }
}
