//! Reconciliation: what we believe, what the PSP says and what the bank received, held against each other every night.
//!
//! Promises: every difference is found, has a type and a class, and is closed by a journal or by a person, never silently; a file
//! is taken whole or not at all, and the same file twice changes nothing; what is repaired is repaired through the verbs that every
//! surface uses. Refuses to guess: amounts are exact, in minor units, and what no declared rule explains is investigated.

pub mod breaks;
pub mod calendar;
pub mod causes;
pub mod files;
pub mod landing;
pub mod line;
pub mod matching;
mod missing;
pub mod nightly;
mod postings;
pub mod progress;
pub mod reconcile;
mod rehearse;
mod repair;
pub mod report;
pub mod runs;
pub mod shown;
pub mod words;

pub use reconcile::{ReconcileError, What, reconcile};
