//! Work that must happen later, kept in the database: enqueued in the transaction that makes it necessary, so that
//! neither exists without the other.
//!
//! Promises: a job is run at least once, and never by two workers at the same time (a lease, fenced by a token). A
//! worker renews it as long as it is at the job; one that dies is replaced when its lease ends. At most one unfinished job per kind and key: enqueueing it again
//! makes it due earlier if that was asked, and when it is just running it runs once more afterwards, because it may
//! already have read what was true before. A job that succeeds is deleted; its key is then free. A job that fails too
//! often is a dead letter: kept for a person, out of everyone's way, its key free as well. Within a lane merchants take
//! turns, however much of one is waiting. What ends with its worker is counted apart from what fails; a job that did so
//! twice is taken alone, so that it takes nobody with it.
//!
//! Refuses to know what a job does. Handlers must bear being run again after a crash.

mod job;
pub mod letters;
mod renewing;
pub mod retry;
mod store;

pub use job::{Job, NewJob, Verdict};
pub use letters::{DeadJob, dead, revive};
pub use renewing::renewing;
pub use store::{
    Failure, Room, Settled, again, bury, claim, claim_one, claim_suspect, depth, done, enqueue, enqueue_all, has_due,
    has_suspect, of_job as failures, pull_back, renew, try_later,
};
