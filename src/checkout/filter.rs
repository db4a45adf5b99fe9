//! What a list of sessions may be narrowed by.

use super::Status;
use crate::words::Timestamp;

/// Everything absent means every session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only in this status.
    pub status: Option<Status>,
    /// Only with exactly this reference.
    pub reference: Option<String>,
    /// Not made before.
    pub created_from: Option<Timestamp>,
    /// Not made after.
    pub created_to: Option<Timestamp>,
}
