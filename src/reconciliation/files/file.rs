//! A file as it is kept: what is known of it beside its bytes.

use super::taken::Totals;
use crate::words::{FileId, Timestamp};

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is being read, or whoever read it has died: the next who takes a file of its source goes on.
    Reading,
    /// Its lines are written down, all of them.
    Accepted,
    /// None is.
    Refused,
}

impl Status {
    /// As it stands in the database and the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Accepted => "accepted",
            Self::Refused => "refused",
        }
    }

    /// The one written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Reading, Self::Accepted, Self::Refused].into_iter().find(|it| it.as_str() == text)
    }
}

/// A file of a source.
#[derive(Debug, Clone)]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// Of which source, by its name in the settings.
    pub source: String,
    /// How it is read, as the settings write it.
    pub format: String,
    /// Which version of the parser read it.
    pub parser_version: i64,
    /// Its name, for people.
    pub name: String,
    /// Of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many.
    pub bytes: i64,
    /// The last business day in it, `YYYY-MM-DD`, once it is accepted and has a line.
    pub business_date: Option<String>,
    /// Where it stands.
    pub status: Status,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// At which row.
    pub row_number: Option<i64>,
    /// Lines in it.
    pub lines: i64,
    /// What they come to.
    pub totals: Totals,
    /// When its first byte came.
    pub received_at: Timestamp,
    /// When it was accepted or refused.
    pub decided_at: Option<Timestamp>,
    /// Who handed it in: an operator, a command, or the nightly run.
    pub received_by: String,
}
