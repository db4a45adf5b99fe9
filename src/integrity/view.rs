//! The public shape of a report.

use super::watch::{Break, Seen};
use super::{Report, State};
use crate::words::{Tenant, Timestamp};
use serde_json::{Value, json};

/// The report as the API shows it.
#[must_use]
pub fn report_view(tenant: &Tenant, report: &Report, now: Timestamp, watch: &Value) -> Value {
    let checks: Vec<Value> = report
        .checks
        .iter()
        .map(|check| {
            json!({
                "number": check.number,
                "name": check.name,
                "statement": check.statement,
                "state": check.state.as_str(),
                "checked": check.checked,
                "broken": check.broken,
                "findings": check.findings.iter().map(|finding| json!({
                    "id": Some(&finding.subject).filter(|subject| !subject.is_empty()),
                    "detail": finding.detail,
                })).collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({
        "object": "integrity",
        "livemode": tenant.mode.is_live(),
        "checked_at": now,
        "state": if report.is_sound() { State::Holds } else { State::Broken }.as_str(),
        "watch": watch,
        "checks": checks,
    })
}

/// What the watch has seen of a tenant's books; null before it first looked.
#[must_use]
pub fn watch_view(seen: &Seen, breaks: &[(Break, Timestamp)]) -> Value {
    let Some(watched_at) = seen.watched_at else { return Value::Null };
    json!({
        "watched_at": watched_at,
        "full_at": seen.full_at,
        "payments": seen.payments,
        "broken": breaks.len(),
        "findings": breaks.iter().map(|(one, found_at)| json!({
            "check": one.check,
            "id": one.subject,
            "detail": one.detail,
            "found_at": found_at,
        })).collect::<Vec<_>>(),
    })
}
