//! How far a long piece of work is, for whoever watches it: a bar on a terminal, or nobody.

use std::sync::Arc;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A file is read and checked; counted in its rows.
    Reading,
    /// Its lines are written down; counted in lines.
    Writing,
    /// Lines are held against ours; counted in lines.
    Matching,
    /// Ours is held against the lines.
    Missing,
}

/// Is told how far the work is: the stage, how many are done, and how many there will be when that is known.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<Tell>>);

type Tell = dyn Fn(Stage, u64, Option<u64>) + Send + Sync;

impl Progress {
    /// Tells `watcher`.
    pub fn to(watcher: impl Fn(Stage, u64, Option<u64>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watcher)))
    }

    /// Tells nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// `done` of `stage` are done.
    pub fn tell(&self, stage: Stage, done: u64, of: Option<u64>) {
        if let Some(watcher) = &self.0 {
            watcher(stage, done, of);
        }
    }
}
