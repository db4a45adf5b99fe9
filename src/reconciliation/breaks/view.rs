//! The public shape of a break.

use super::{Break, ITSELF};
use crate::words::{Currency, Money};
use serde_json::{Value, json};

/// A break as the API, reports and events show it. Signed amounts are decimal strings with a minus where money goes.
#[must_use]
pub fn view(it: &Break) -> Value {
    json!({
        "id": it.id,
        "object": "reconciliation.break",
        "livemode": it.tenant.mode.is_live(),
        "created_at": it.opened_at,
        "source": it.source,
        "run": it.run,
        "type": it.outcome.as_str(),
        "class": it.class.as_str(),
        "cause": it.cause,
        "status": it.status.as_str(),
        "line": it.line,
        "object_kind": it.object.as_ref().map(|(kind, _)| kind.as_str()),
        "object_id": it.object.as_ref().map(|(_, id)| id),
        "currency": it.currency,
        "expected": it.expected.map(|minor| signed(minor, it.currency)),
        "actual": it.actual.map(|minor| signed(minor, it.currency)),
        "at_risk": signed(it.at_risk, it.currency),
        "evidence": it.evidence,
        "proposal": it.proposal,
        "proposed_by": it.proposed_by.as_deref().map(whom),
        "expected_by": it.expected_by.map(|day| day.to_string()),
        "closed_at": it.closed_at,
        "closed_by": it.closed_by.as_deref().map(whom),
        "resolution": it.resolution,
        "journal": it.journal,
        "metadata": {},
    })
}

/// Who did something, as merchants are told: one of their own keys, reconciliation itself, or an operator without a name.
#[must_use]
pub fn whom(by: &str) -> &str {
    if by.starts_with("key_") || by == ITSELF { by } else { "operator" }
}

/// A signed amount of minor units as a decimal string with exactly the currency's digits.
#[must_use]
pub fn signed(minor: i64, currency: Currency) -> String {
    let size = Money::of(i64::try_from(minor.unsigned_abs()).unwrap_or(i64::MAX), currency);
    let size = size.map(|money| money.to_string()).unwrap_or_default();
    if minor < 0 { format!("-{size}") } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_not_named_to_merchants() {
        assert_eq!(
            [whom("kim@example.com"), whom("key_1"), whom("reconciliation")],
            ["operator", "key_1", "reconciliation"]
        );
    }
}
