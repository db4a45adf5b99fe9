//! A file that is written while it is sent.

use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::App;
use crate::db::{DbError, Snapshot};

/// How long somebody waits for a turn before being told that the database is busy.
const WAIT: Duration = Duration::from_secs(15);
/// The longest that one file may take, so that no reader keeps a connection, or the database an old state, for ever.
const LONGEST: Duration = Duration::from_mins(10);
/// Pages written ahead of the reader.
const AHEAD: usize = 1;

/// Why a file ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Nobody reads it any more.
    #[error("the reader went away")]
    Gone,
    /// The reader took too long, or the file is too long for them.
    #[error("the file was not taken in time")]
    Late,
    /// Whoever wrote it stopped.
    #[error("the file could not be written")]
    Stopped,
}

/// What a file is written from and to.
pub struct Sheet {
    /// The one state of the books that all of it is read from.
    pub books: Snapshot,
    pages: mpsc::Sender<String>,
    _turn: OwnedSemaphorePermit,
}

/// Where the reader of a sheet gets it.
pub struct Reader(mpsc::Receiver<String>);

impl Sheet {
    /// Begins a file when it is its turn.
    ///
    /// # Errors
    /// When too many are being written, or the database fails.
    pub async fn begin(app: &App) -> Result<(Self, Reader), DbError> {
        let turn = timeout(WAIT, app.files.clone().acquire_owned()).await.ok().and_then(Result::ok);
        let turn = turn.ok_or_else(DbError::busy)?;
        let (pages, reader) = mpsc::channel(AHEAD);
        Ok((Self { books: app.db.snapshot().await?, pages, _turn: turn }, Reader(reader)))
    }

    /// Writes some lines, when the reader has taken those before.
    ///
    /// # Errors
    /// [`Unfinished::Gone`] when nobody reads any more.
    pub async fn write(&self, lines: String) -> Result<(), Unfinished> {
        self.pages.send(lines).await.map_err(|_| Unfinished::Gone)
    }
}

impl Reader {
    /// The answer that hands over what `writing` writes.
    pub fn answer(
        self,
        name: &str,
        writing: impl Future<Output = Result<(), Unfinished>> + Send + 'static,
    ) -> Response {
        self.within(LONGEST, name, writing)
    }

    fn within(
        self,
        longest: Duration,
        name: &str,
        writing: impl Future<Output = Result<(), Unfinished>> + Send + 'static,
    ) -> Response {
        // A task of its own: a reader who stops reading must not keep the connection.
        let task = tokio::spawn(async move { timeout(longest, writing).await.unwrap_or(Err(Unfinished::Late)) });
        let mut response = Body::from_stream(pages(self.0, task)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
        if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.csv\"")) {
            headers.insert(CONTENT_DISPOSITION, value);
        }
        response
    }
}

/// What was written, and an error where it ends before its end.
fn pages(
    pages: mpsc::Receiver<String>,
    task: JoinHandle<Result<(), Unfinished>>,
) -> impl Stream<Item = Result<String, Unfinished>> {
    stream::unfold((pages, Some(task)), async |(mut pages, task)| {
        if let Some(page) = pages.recv().await {
            return Some((Ok(page), (pages, task)));
        }
        match task?.await.unwrap_or(Err(Unfinished::Stopped)) {
            Ok(()) => None,
            Err(unfinished) => Some((Err(unfinished), (pages, None))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    fn sheet() -> (mpsc::Sender<String>, Reader) {
        let (pages, reader) = mpsc::channel(AHEAD);
        (pages, Reader(reader))
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_does_not_look_whole() {
        let (pages, reader) = sheet();
        let whole = reader.answer("books", async move {
            pages.send("a\r\n".into()).await.map_err(|_| Unfinished::Gone)?;
            pages.send("b\r\n".into()).await.map_err(|_| Unfinished::Gone)
        });
        assert_eq!(to_bytes(whole.into_body(), 100).await.unwrap(), "a\r\nb\r\n");
        let (pages, reader) = sheet();
        let broken = reader.answer("books", async move {
            pages.send("a\r\n".into()).await.map_err(|_| Unfinished::Gone)?;
            Err(DbError::busy().into())
        });
        assert!(to_bytes(broken.into_body(), 100).await.is_err());
    }

    #[tokio::test]
    async fn a_reader_who_stops_reading_keeps_nothing() {
        let (pages, reader) = sheet();
        let kept = pages.downgrade();
        let answer = reader.within(Duration::from_millis(20), "books", async move {
            while pages.send("a\r\n".into()).await.is_ok() {}
            Err(Unfinished::Gone)
        });
        while kept.upgrade().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(to_bytes(answer.into_body(), 100).await.is_err(), "what was cut looks whole");
    }
}
