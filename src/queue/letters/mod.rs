//! Dead letters: jobs that failed too often, kept for a person with what became of them.
//!
//! Promises that one is either open or resolved, and that it comes alive again only while it is open and while the same
//! work has not been enqueued anew. Refuses to know what the job was to do.

mod store;

use crate::words::{JobId, MerchantId, Tenant, Timestamp};

pub use store::{dead, find, kinds, of_tenant, of_work, resolve, resolve_all, resolved, revive, revive_all};

/// A job that failed too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadJob {
    /// Its id.
    pub id: JobId,
    /// What was to be done.
    pub kind: String,
    /// What it was to be done to.
    pub key: String,
    /// Whose work it is; `None` for the gateway's own.
    pub merchant: Option<MerchantId>,
    /// The same with its mode, if the job knows it.
    pub tenant: Option<Tenant>,
    /// How often it was tried.
    pub tries: i64,
    /// What the last try said.
    pub last_error: Option<String>,
    /// When it was given up.
    pub died_at: Timestamp,
    /// What somebody decided about it; `None` while it is open.
    pub resolved: Option<Resolved>,
}

/// The open dead letters of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadKind {
    /// What was to be done.
    pub kind: String,
    /// How many there are.
    pub letters: i64,
    /// When the oldest was given up.
    pub oldest: Timestamp,
}

/// Somebody's decision that a dead letter needs nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// When.
    pub at: Timestamp,
    /// Who: an operator's e-mail or an API key's id.
    pub by: String,
    /// Why, in that person's words.
    pub reason: String,
}
