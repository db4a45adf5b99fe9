//! What was known when a difference was found, in words that people read. Pure.

use serde_json::Value;

use crate::http::console::components::{Moment, grouped};
use crate::http::problem::capitalized;
use crate::reconciliation::shown::figures;
use crate::words::Timestamp;

/// Said elsewhere on the page: the cause's explanation, the line itself and what stands in its batches.
const ELSEWHERE: [&str; 3] = ["explanation", "line.", "batches."];
/// Names that say more than their path does.
const NAMES: [(&str, &str); 5] = [
    ("circumstance", "In which way"),
    ("happened_at", "Happened here"),
    ("ours.amount", "Ours comes to"),
    ("ours.told_before", "Of that told before"),
    ("psp_source", "Told by the source"),
];

/// Every value that the page does not show elsewhere, with its name.
pub(super) fn rows(evidence: &Value) -> Vec<(String, String)> {
    let said = |path: &str| ELSEWHERE.iter().any(|known| path.starts_with(known));
    let kept = figures(evidence).into_iter().filter(|(path, value)| !said(path) && !value.is_empty());
    kept.map(|(path, value)| (name(&path), readable(&path, &value))).collect()
}

fn name(path: &str) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == path) {
        return (*name).to_owned();
    }
    capitalized(&path.replace(['.', '_'], " "))
}

fn readable(path: &str, value: &str) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    match last {
        "circumstance" | "kind" => value.replace('_', " "),
        "amount" | "told_before" => grouped(value),
        _ if last.ends_with("_at") => instant(value),
        _ => value.to_owned(),
    }
}

/// An instant as it stands in JSON, for people; anything else as it stands.
pub(super) fn instant(text: &str) -> String {
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| Moment::of(at).text().to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_told_in_words() {
        let known = json!({
            "explanation": "Said above.", "circumstance": "under_way", "line": { "gross": "-1200.00" }, "batches": [],
            "happened_at": "2026-11-22T10:12:04.5Z", "psp_source": "list",
            "ours": { "kind": "refund_failure", "amount": "-1200.00", "told_before": null },
        });
        let told = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            rows(&known),
            [
                told("In which way", "under way"),
                told("Happened here", "2026-11-22 10:12:04"),
                told("Ours comes to", "\u{2212}1,200.00"),
                told("Ours kind", "refund failure"),
                told("Told by the source", "list"),
            ]
        );
    }
}
