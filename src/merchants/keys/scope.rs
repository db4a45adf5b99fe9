//! What a key may do. Pure.

use serde::{Deserialize, Serialize};

/// The three kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Everything, including making other keys.
    Secret,
    /// What its scopes say, and no keys.
    Restricted,
    /// Safe to be seen in a browser: says whose it is and nothing more.
    Publishable,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Secret, Self::Restricted, Self::Publishable];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Restricted => "restricted",
            Self::Publishable => "publishable",
        }
    }

    /// The letters a key of this kind begins with.
    #[must_use]
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Secret => "sk",
            Self::Restricted => "rk",
            Self::Publishable => "pk",
        }
    }

    /// Reads what [`Kind::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a restricted key may be allowed, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at everything.
    Read,
    /// Create and change, but neither give money back nor send it out.
    Write,
    /// Give money back.
    Refund,
    /// Send money out.
    Payout,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Read, Self::Write, Self::Refund, Self::Payout];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Refund => "refund",
            Self::Payout => "payout",
        }
    }

    /// Reads what [`Scope::as_str`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// Scopes as one text, for the database.
pub(super) fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
}

/// Reads what [`joined`] wrote; none when it holds anything else.
pub(super) fn split(text: &str) -> Option<Vec<Scope>> {
    text.split(' ').filter(|word| !word.is_empty()).map(Scope::parse).collect()
}
