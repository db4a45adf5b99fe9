//! Why a file is not taken, in words that say where to look.

use std::fmt;
use std::io;

use super::bounded::TooLong;

/// A file that is not what it must be. Nothing of it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The row at fault, from 1, headings not counted; for a bank's statement its entry. None: the file as a whole.
    pub row: Option<u64>,
    /// The column or element at fault.
    pub field: Option<String>,
    /// What is wrong with it.
    pub reason: String,
}

impl Refused {
    /// The file as a whole is at fault.
    pub fn file(reason: impl Into<String>) -> Self {
        Self { row: None, field: None, reason: reason.into() }
    }

    /// A row is.
    pub fn row(row: u64, reason: impl Into<String>) -> Self {
        Self { row: Some(row), field: None, reason: reason.into() }
    }

    /// One field of a row is.
    pub fn field(row: u64, field: &str, reason: impl Into<String>) -> Self {
        Self { row: Some(row), field: Some(field.to_owned()), reason: reason.into() }
    }

    /// A column is, in the headings or everywhere, or something that the file says of itself.
    pub fn whole(field: &str, reason: impl Into<String>) -> Self {
        Self { row: None, field: Some(field.to_owned()), reason: reason.into() }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.row, &self.field) {
            (Some(row), Some(field)) => write!(f, "row {row}, {field}: ")?,
            (Some(row), None) => write!(f, "row {row}: ")?,
            (None, Some(field)) => write!(f, "{field}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Refused {}

/// Why reading ended before the end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file is at fault: it would be refused again.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The file could not be read to its end: nothing is known about it.
    #[error("the file could not be read: {0}")]
    Broken(io::Error),
}

impl ReadError {
    /// What went wrong while reading, at `row` if one was begun.
    pub(super) fn of_io(error: io::Error, row: Option<u64>) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<TooLong>()) {
            Some(too_long) => Self::Refused(Refused { row, field: None, reason: too_long.to_string() }),
            None => Self::Broken(error),
        }
    }
}
