//! Who did what, when and to what. Rows are only ever added; the database refuses the rest.

mod store;

use crate::words::{OperatorId, Timestamp};

pub use store::{entries, record};

/// Something that was done, or refused.
#[derive(Debug, Clone)]
pub struct NewEntry {
    /// When.
    pub at: Timestamp,
    /// Who; `None` when nobody was signed in, or at the command line.
    pub operator: Option<OperatorId>,
    /// What, as `object.verb`.
    pub action: &'static str,
    /// To what.
    pub object: Option<String>,
    /// In words, if more is to be said.
    pub note: String,
    /// Where the request came from.
    pub address: String,
}

impl NewEntry {
    /// Something asked for from `address`.
    pub fn new(action: &'static str, address: &str, at: Timestamp) -> Self {
        let address = address.chars().take(60).collect();
        Self { at, operator: None, action, object: None, note: String::new(), address }
    }

    /// Something done at the gateway's own command line.
    pub fn from_here(action: &'static str, at: Timestamp) -> Self {
        Self::new(action, "command line", at)
    }

    /// Done by this operator.
    #[must_use]
    pub fn by(mut self, operator: &OperatorId) -> Self {
        self.operator = Some(operator.clone());
        self
    }

    /// Done to this object.
    #[must_use]
    pub fn about(mut self, object: &str) -> Self {
        self.object = Some(object.to_owned());
        self
    }
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id, time-ordered.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// The operator's e-mail, or its absence.
    pub who: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub object: Option<String>,
    /// In words.
    pub note: String,
    /// From where.
    pub address: String,
}
