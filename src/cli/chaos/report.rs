//! What is printed at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::verdict::Findings;
use crate::integrity;

/// Findings of one kind that are named.
const NAMED: usize = 5;

/// The whole report.
#[derive(Debug)]
pub struct Report {
    /// How the run was begun.
    pub heading: String,
    /// Neither good nor bad: what happened, in the order it is shown.
    pub counts: Vec<(&'static str, u64)>,
    /// How often each outcome was seen.
    pub outcomes: BTreeMap<String, u64>,
    /// How often the PSP's faults struck.
    pub faults: BTreeMap<String, u64>,
    /// What must be empty.
    pub bad: Vec<(&'static str, Vec<String>)>,
}

impl Report {
    /// Whether everything that must be empty is.
    pub fn is_clean(&self) -> bool {
        self.bad.iter().all(|(_, found)| found.is_empty())
    }

    /// For people; the order and the names are described in docs/chaos.md.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        for (name, count) in &self.counts {
            let _ = writeln!(text, "{name:<26} {count}");
        }
        let _ = writeln!(text, "{:<26} {}", "outcomes", list(&self.outcomes));
        let _ = writeln!(text, "{:<26} {}", "faults", list(&self.faults));
        for (name, found) in &self.bad {
            let _ = writeln!(text, "{name:<26} {}", found.len());
            for one in found.iter().take(NAMED) {
                let _ = writeln!(text, "    {one}");
            }
        }
        let verdict = if self.is_clean() { "The witnesses agree." } else { "THE WITNESSES DO NOT AGREE." };
        text + verdict + "\n"
    }
}

impl Report {
    /// The same, as a table for a document.
    pub fn markdown(&self) -> String {
        let mut text = format!("{}\n\n| line | |\n|---|---|\n", self.heading);
        for (name, count) in &self.counts {
            let _ = writeln!(text, "| {name} | {count} |");
        }
        let _ = writeln!(text, "| outcomes | {} |\n| faults | {} |", list(&self.outcomes), list(&self.faults));
        for (name, found) in &self.bad {
            let _ = writeln!(text, "| **{name}** | **{}** |", found.len());
        }
        let named = self.bad.iter().flat_map(|(name, found)| found.iter().take(NAMED).map(move |one| (name, one)));
        for (at, (name, one)) in named.enumerate() {
            let _ = writeln!(text, "{}- {name}: {one}", if at == 0 { "\n" } else { "" });
        }
        text
    }

    /// The same, for programs.
    pub fn json(&self) -> String {
        let counts: BTreeMap<&str, u64> = self.counts.iter().copied().collect();
        let bad: BTreeMap<&str, Value> =
            self.bad.iter().map(|(name, found)| (*name, json!({ "count": found.len(), "findings": found }))).collect();
        let report = json!({ "heading": self.heading, "clean": self.is_clean(), "counts": counts,
                             "outcomes": self.outcomes, "faults": self.faults, "bad": bad });
        format!("{report:#}\n")
    }
}

fn list(counts: &BTreeMap<String, u64>) -> String {
    let named: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if named.is_empty() { "none".to_owned() } else { named.join(", ") }
}

/// Everything that must be empty, under the names of the report.
pub fn bad(
    found: Findings,
    books: &integrity::Report,
    stuck: Vec<String>,
    gave_up: Vec<String>,
) -> Vec<(&'static str, Vec<String>)> {
    let broken = |wanted: fn(&str) -> bool| -> Vec<String> {
        let broken = books.checks.iter().filter(|check| check.state == integrity::State::Broken && wanted(check.name));
        broken
            .flat_map(|check| {
                check.findings.iter().map(move |it| format!("{}: {} {}", check.name, it.subject, it.detail))
            })
            .collect()
    };
    let mut journals = broken(|name| name == "debits_equal_credits");
    journals.extend(found.ledger);
    vec![
        ("double charges", found.double_charges),
        ("captures beyond the hold", found.captures_beyond),
        ("lost payments", found.lost_payments),
        ("holds that differ", found.holds_that_differ),
        ("false answers", found.false_answers),
        ("refunds beyond capture", found.refunds_beyond_capture),
        ("refunds that differ", found.refunds_that_differ),
        ("payouts sent twice", found.payouts_sent_twice),
        ("payouts that differ", found.payouts_that_differ),
        ("disputes that differ", found.disputes_that_differ),
        ("unbalanced journals", journals),
        ("wallets that differ", broken(|name| name == "wallets_equal_ledger")),
        ("other broken invariants", broken(|name| !matches!(name, "debits_equal_credits" | "wallets_equal_ledger"))),
        ("events missing", found.events_missing),
        ("events doubled", found.events_doubled),
        ("events that differ", found.events_that_differ),
        ("jobs stuck", stuck),
        ("calls never answered", gave_up),
    ]
}
