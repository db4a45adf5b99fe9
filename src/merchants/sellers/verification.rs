//! Whether somebody has checked that a seller is who they say and that the bank account is theirs. Pure.

/// How far the check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verification {
    /// Nobody has looked, or the destination has changed since.
    Unverified,
    /// Somebody is looking.
    Pending,
    /// Checked: may be paid out.
    Verified,
    /// Checked, and refused.
    Rejected,
}

impl Verification {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unverified, Self::Pending, Self::Verified, Self::Rejected];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
        }
    }

    /// The state written so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}
