//! A broken rule, in the merchant's words.

/// Which field breaks which rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{param}: {rule}")]
pub struct Fault {
    /// The field, as the merchant wrote it: `line_items[1].unit_amount`.
    pub param: String,
    /// What it has to be.
    pub rule: String,
}

impl Fault {
    pub(super) fn new(param: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { param: param.into(), rule: rule.into() }
    }
}
