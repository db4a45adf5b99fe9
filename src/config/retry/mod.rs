//! How often and at what pace things are tried again: jobs, and the calls of each PSP, by operation and by what went wrong.

mod change;
mod check;
mod operations;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use change::{Change, On, Waits};
pub use operations::{PspRetries, Retries};

/// A PSP that wants more time than this is not waited for while a shopper looks on.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How the wait grows from one failure to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// One try and no other.
    Never,
    /// No wait.
    Immediate,
    /// `first_ms` each time.
    Fixed,
    /// `first_ms`, then `step_ms` longer each time, never above `cap_ms`.
    Incremental,
    /// Anything from nothing to `first_ms` doubled each time, never above `cap_ms`.
    Exponential,
}

/// Tries and the waits between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Retry {
    /// How the wait grows.
    pub pace: Pace,
    /// Tries in all, the first one included.
    pub tries: u32,
    /// The first wait, in milliseconds.
    pub first_ms: u64,
    /// What each further wait is longer by, in milliseconds.
    pub step_ms: u64,
    /// The longest wait, in milliseconds.
    pub cap_ms: u64,
    /// What is different after a failure of one kind.
    #[serde(skip_serializing_if = "On::is_nothing")]
    pub on: On,
}

impl Retry {
    /// After the PSP could not be reached.
    #[must_use]
    pub fn unreachable(self) -> Self {
        self.on.unreachable.of(self)
    }

    /// After the PSP turned us away for now.
    #[must_use]
    pub fn busy(self) -> Self {
        self.on.busy.of(self)
    }

    /// After the PSP did not say what it did.
    #[must_use]
    pub fn unclear(self) -> Self {
        self.on.unclear.of(self)
    }
}
