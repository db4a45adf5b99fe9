//! Whose data it is: a merchant, in test or live mode. Nothing is read or written without naming it.

use serde::{Deserialize, Serialize};

use super::MerchantId;

/// Test data or live data; the API key decides, and the two never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// No money moves.
    Test,
    /// Money moves.
    Live,
}

impl Mode {
    /// The API's `livemode`.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live)
    }

    /// The mode that a `livemode` flag names.
    pub const fn of(livemode: bool) -> Self {
        if livemode { Self::Live } else { Self::Test }
    }

    /// `test` or `live`.
    pub const fn as_str(self) -> &'static str {
        if self.is_live() { "live" } else { "test" }
    }
}

/// One merchant's data in one mode: the first argument of every store function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant {
    /// The merchant.
    pub merchant: MerchantId,
    /// Its test or its live side.
    pub mode: Mode,
}

impl Tenant {
    /// The tenant of `merchant` in `mode`.
    pub const fn new(merchant: MerchantId, mode: Mode) -> Self {
        Self { merchant, mode }
    }
}
