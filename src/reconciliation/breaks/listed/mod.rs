//! Breaks as lists and figures: what people and programs look through.

mod store;

pub use store::{list, of_object, standing};

use super::super::words::{Class, Outcome};
use crate::words::{Currency, RunId, Timestamp};

/// What a list may be narrowed to; nothing is everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `open` (proposed ones too) or `resolved`.
    pub resolved: Option<bool>,
    /// Whose they are to close.
    pub class: Option<Class>,
    /// What kind of difference.
    pub outcome: Option<Outcome>,
    /// Of one source.
    pub source: Option<String>,
    /// Which one run was the first to find.
    pub run: Option<RunId>,
    /// Found before this instant.
    pub before: Option<Timestamp>,
}

/// Breaks that are not closed, of one source, type, class and currency together.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The source.
    pub source: String,
    /// What kind of difference.
    pub outcome: Outcome,
    /// Who closes them.
    pub class: Class,
    /// The currency of what is at risk.
    pub currency: Currency,
    /// How many.
    pub count: i64,
    /// When the oldest was found.
    pub oldest: Timestamp,
    /// What may be lost, in minor units.
    pub at_risk: i64,
    /// How many are older than seven days, and than thirty.
    pub old: [i64; 2],
}
