//! The last answer about the books, shared by all who look at the first page.
//!
//! The question reads everything, so on a large ledger it takes its time: it is asked by one reader for all, in the
//! background, and a page that cannot wait shows the answer before, with its age. A slow answer must never hide the rest
//! of the page from somebody who came because something is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::app::App;
use crate::integrity::{self, Report, Scope};
use crate::words::Timestamp;

/// How long an answer is shown again before the books are asked anew.
const FRESH: Duration = Duration::from_secs(15);

/// How long a page waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the books said, and when they were asked.
pub(super) type Answer = (Timestamp, Arc<Report>);

/// The shared answer.
#[derive(Clone, Default)]
pub struct Books(Arc<Shared>);

#[derive(Default)]
struct Shared {
    last: watch::Sender<Option<Answer>>,
    asking: AtomicBool,
}

/// Lets others ask again, however the asking ends.
struct Asking(Arc<Shared>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.asking.store(false, Ordering::Release);
    }
}

impl Books {
    /// The present answer if it comes soon, else the last one; `None` when there was none yet.
    pub(super) async fn answer(&self, app: &App) -> Option<Answer> {
        let now = app.now();
        let mut told = self.0.last.subscribe();
        let last = told.borrow_and_update().clone();
        if last.as_ref().is_some_and(|(at, _)| now >= *at && now < at.plus(FRESH)) {
            return last;
        }
        if !self.0.asking.swap(true, Ordering::AcqRel) {
            tokio::spawn(ask(app.clone(), Asking(self.0.clone()), now));
        }
        // Whether it was in time or not, what is there now is shown.
        let _ = timeout(PATIENCE, told.changed()).await;
        told.borrow().clone()
    }
}

async fn ask(app: App, asking: Asking, now: Timestamp) {
    match integrity::check(&app.db, Scope::Everything).await {
        Ok(report) => {
            asking.0.last.send_replace(Some((now, Arc::new(report))));
        }
        Err(error) => tracing::error!(%error, "the books could not be asked"),
    }
}
