//! The public shape of how books stand.

use super::watch::{Law, Standing};
use crate::words::{Tenant, Timestamp};
use serde_json::{Value, json};

/// How a merchant's books stand, as the API shows it.
#[must_use]
pub fn standing_view(tenant: &Tenant, standing: &Standing, now: Timestamp) -> Value {
    let seen = &standing.seen;
    json!({
        "object": "integrity",
        "livemode": tenant.mode.is_live(),
        "checked_at": now,
        "state": standing.state().as_str(),
        "watch": seen.watched_at.map(|watched_at| json!({
            "watched_at": watched_at,
            "full_at": seen.full_at,
            "payments": seen.payments,
            "behind": standing.behind,
        })),
        "checks": standing.laws.iter().map(law).collect::<Vec<_>>(),
    })
}

fn law(Law { check, found_at }: &Law) -> Value {
    let findings = check.findings.iter().enumerate().map(|(index, finding)| {
        json!({
            "id": Some(&finding.subject).filter(|subject| !subject.is_empty()),
            "detail": finding.detail,
            "found_at": found_at.get(index),
        })
    });
    json!({
        "number": check.number,
        "name": check.name,
        "statement": check.statement,
        "state": check.state.as_str(),
        "broken": check.broken,
        "findings": findings.collect::<Vec<_>>(),
    })
}
