//! A job before, while and after it runs.

use serde_json::Value;

use crate::words::{JobId, Tenant, Timestamp};

/// Work to be enqueued.
#[derive(Debug, Clone)]
pub struct NewJob<'a> {
    /// What is to be done, such as `payments.recover`. The part before the first dot is the lane: lanes do not wait
    /// for each other.
    pub kind: &'static str,
    /// What it is to be done to. Together with the kind it is unique among unfinished jobs.
    pub key: &'a str,
    /// What the handler needs besides the key. The same key must mean the same payload.
    pub payload: Value,
    /// Not before this instant.
    pub run_at: Timestamp,
    /// Whose work it is: merchants take turns, and each sees its own dead letters. `None` for the gateway's own.
    pub tenant: Option<&'a Tenant>,
}

/// A job this worker has claimed and nobody else runs until the lease ends.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// What it is to be done to.
    pub key: String,
    /// What the handler needs besides; `None` when it cannot be read.
    pub payload: Option<Value>,
    /// Which try this is since it last succeeded; 1 is the first. Tries that ended in a crash count.
    pub tries: u32,
    /// How many tries before this one, one after another, ended with the worker itself.
    pub deaths: u32,
    /// How often it failed since it last succeeded.
    pub failures: u32,
    /// Proves the claim when the job is finished.
    pub(super) lease: String,
}

/// What a handler says of its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Finished: the job is deleted.
    Done,
    /// Not finished, and nothing went wrong: again at this instant. Does not count as a failure.
    Again {
        /// When.
        at: Timestamp,
    },
    /// It went wrong: the worker's retry policy decides.
    Failed {
        /// For the person who looks; must hold no secrets.
        error: String,
    },
}
