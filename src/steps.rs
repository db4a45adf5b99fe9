//! The borders that the outside can see: each statement, each commit, each call. A rehearsal stops an operation there, lets
//! another go first, or drops it as a crash would.
//!
//! Nobody watches but tests (`tests/it/steps`), and in debug builds only: elsewhere every question is answered `false` at
//! compile time. The watcher is the task's own, so that what runs beside is left alone.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A border, just before it is crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A transaction begins.
    Begin,
    /// A statement inside of a transaction; its first words.
    Statement(String),
    /// A transaction is about to become durable.
    Commit,
    /// It has become so, and its maker does not know yet.
    Committed,
    /// A read outside of any transaction; its first words.
    Look(String),
    /// A call to somebody else leaves.
    Call(String),
    /// What the call asked for is done, and its answer is on its way.
    Answer(String),
}

/// Who is told of the steps of an operation.
pub trait Watcher: Send + Sync {
    /// The operation stands before `step`; it goes on when what is returned is done.
    fn arrive(&self, step: Step) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// A transaction has begun.
    fn begun(&self);

    /// A transaction is over, whether it was committed, undone or dropped.
    fn over(&self);
}

tokio::task_local! {
    static WATCHER: Arc<dyn Watcher>;
}

/// Runs `work` with every step of it shown to `watcher`.
pub async fn watched<T>(watcher: Arc<dyn Watcher>, work: impl Future<Output = T>) -> T {
    WATCHER.scope(watcher, work).await
}

/// Whether somebody watches, so that what would go on by itself must stay in sight.
pub fn is_watched() -> bool {
    watcher().is_some()
}

fn watcher() -> Option<Arc<dyn Watcher>> {
    if cfg!(debug_assertions) { WATCHER.try_with(Arc::clone).ok() } else { None }
}

/// Stops before `step` for as long as whoever watches wants.
pub async fn pass(step: impl FnOnce() -> Step) {
    if let Some(watcher) = watcher() {
        watcher.arrive(step()).await;
    }
}

/// The first words of a statement, enough to know it by.
pub fn words_of(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().take(4).collect();
    words.join(" ")
}

/// Lives as long as a transaction is open.
pub struct Open(Option<Arc<dyn Watcher>>);

impl Open {
    /// A transaction has begun.
    pub fn now() -> Self {
        let watcher = watcher();
        if let Some(watcher) = &watcher {
            watcher.begun();
        }
        Self(watcher)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(watcher) = &self.0 {
            watcher.over();
        }
    }
}
