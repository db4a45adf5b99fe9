//! The public shape of a report.

use super::{Report, State};
use crate::words::{Tenant, Timestamp};
use serde_json::{Value, json};

/// The report as the API shows it.
#[must_use]
pub fn report_view(tenant: &Tenant, report: &Report, now: Timestamp) -> Value {
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
        "checks": checks,
    })
}
