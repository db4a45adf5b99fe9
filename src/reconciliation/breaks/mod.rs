//! Breaks: differences that somebody must close.
//!
//! Promises: a difference is one break however often it is found; what of it stands in suspense stays there until the break is
//! closed by a journal that two people agreed to; who did what is written down and never changed. Refuses to decide what is right.

mod act;
mod listed;
mod open;
pub(super) mod store;
mod update;
mod view;

pub use act::{
    ActError, NOTE, REASON, TRANSFERS, approve, fingerprint, note, proposal, propose, read_proposal, reject, resolve,
};
pub(super) use act::{landed, propose_as};
pub use listed::{Filter, Standing, list, of_object, standing};
pub use open::{ITSELF, NewBreak, close_itself, open};
pub use store::{find, notes, parked};
pub use update::{escalate, update};
pub use view::{signed, view, whom};

use jiff::civil::Date;
use serde_json::Value;

use super::words::{Class, ObjectKind, Outcome};
use crate::words::{BreakId, Currency, JournalId, LineId, RunId, Tenant, Timestamp};

/// Where a break stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Waits: for a person, or for the day on which it should have come right by itself.
    Open,
    /// Somebody proposed a journal; another person has to agree.
    Proposed,
    /// Closed.
    Resolved,
}

impl Status {
    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proposed => "proposed",
            Self::Resolved => "resolved",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Open, Self::Proposed, Self::Resolved].into_iter().find(|it| it.as_str() == text)
    }
}

/// A difference.
#[derive(Debug, Clone)]
pub struct Break {
    /// `brk_...`
    pub id: BreakId,
    /// In whose books.
    pub tenant: Tenant,
    /// Which source told it, or did not.
    pub source: String,
    /// The run that found it first.
    pub run: Option<RunId>,
    /// What kind of difference.
    pub outcome: Outcome,
    /// Who closes it.
    pub class: Class,
    /// Its name in the table of known causes.
    pub cause: String,
    /// Where it stands.
    pub status: Status,
    /// By what a later run finds it again: a line's id, or an object of ours with its kind.
    pub subject: String,
    /// The line, when there is one.
    pub line: Option<LineId>,
    /// What of ours it is about, when that is known.
    pub object: Option<(ObjectKind, String)>,
    /// The currency of the amounts.
    pub currency: Currency,
    /// What ours says, in minor units, signed as the line's gross is.
    pub expected: Option<i64>,
    /// What theirs says, likewise.
    pub actual: Option<i64>,
    /// What may be lost, in minor units.
    pub at_risk: i64,
    /// Everything known about it when it was found.
    pub evidence: Value,
    /// The journal that would close it: suggested while it is open, asked for once somebody proposed it.
    pub proposal: Option<Value>,
    /// Who proposed it.
    pub proposed_by: Option<String>,
    /// When.
    pub proposed_at: Option<Timestamp>,
    /// When it was found.
    pub opened_at: Timestamp,
    /// Until when it is only waited for.
    pub expected_by: Option<Date>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// By whom; `reconciliation` by itself.
    pub closed_by: Option<String>,
    /// How.
    pub resolution: Option<String>,
    /// The journal that closed it, if one did.
    pub journal: Option<JournalId>,
    /// Whether it was handed to a person because what its cause promises did not help.
    pub escalated: bool,
    /// How often in a row who was asked about it said nothing.
    pub unanswered: i64,
}

/// One thing that somebody did or wrote about a break.
#[derive(Debug, Clone)]
pub struct Note {
    /// From 1, in order.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What was done: `opened`, `parked`, `repaired`, `proposed`, `approved`, `rejected`, `resolved`, `noted`, `overdue`,
    /// `known`, `landed`.
    pub what: String,
    /// In words.
    pub note: String,
}
