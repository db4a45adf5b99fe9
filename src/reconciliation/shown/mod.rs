//! What people and programs are shown of reconciliation: runs and breaks as JSON, a run as CSV, and the lines of a break.
//!
//! Refuses to decide anything.

mod store;

pub use store::{MEMBERS, Told, line, lines_of, lines_of_batch, sums_of_batch};

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::breaks::{self, Break, Note};
use super::runs::Run;
use crate::ledger::csv::{Cell, line as row};
use crate::words::Mode;

/// A run, as the API shows it.
#[must_use]
pub fn run_view(run: &Run, mode: Mode) -> Value {
    json!({
        "id": run.id,
        "object": "reconciliation.run",
        "livemode": mode.is_live(),
        "created_at": run.started_at,
        "source": run.source,
        "business_date": run.business_date.map(|day| day.to_string()),
        "file": run.file,
        "trigger": run.trigger.as_str(),
        "dry_run": run.dry,
        "status": run.status.as_str(),
        "failure": run.failure,
        "totals": run.totals,
        "finished_at": run.finished_at,
    })
}

/// A break, as the API shows it; with what was done about it when `notes` are given.
#[must_use]
pub fn break_view(it: &Break, notes: Option<&[Note]>) -> Value {
    let mut view = breaks::view(it);
    if let Some(notes) = notes {
        let told = |note: &Note| json!({ "number": note.number, "at": note.at, "by": breaks::whom(&note.by), "what": note.what, "note": note.note });
        view["notes"] = notes.iter().map(told).collect();
    }
    view
}

/// A run as a CSV file of two columns: the name of a figure, and the figure.
#[must_use]
pub fn run_csv(run: &Run, mode: Mode) -> String {
    let mut text = row(&[Cell::text("name"), Cell::text("value")]);
    for (name, value) in figures(&run_view(run, mode)) {
        let is_number = value.parse::<Decimal>().is_ok();
        let value = if is_number { Cell::Amount(value) } else { Cell::Text(value) };
        text.push_str(&row(&[Cell::Text(name), value]));
    }
    text
}

/// Every figure of a JSON value under its path, such as `totals.types.matched`.
#[must_use]
pub fn figures(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(String::new(), value, &mut found);
    found
}

fn gather(path: String, value: &Value, found: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                gather(below(name), member, found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                gather(below(&index.to_string()), item, found);
            }
        }
        Value::Null => found.push((path, String::new())),
        Value::String(text) => found.push((path, text.clone())),
        other => found.push((path, other.to_string())),
    }
}

/// What a CSV file tells of a break.
const COLUMNS: [&str; 14] = [
    "id",
    "created_at",
    "source",
    "type",
    "class",
    "cause",
    "status",
    "object_kind",
    "object_id",
    "currency",
    "expected",
    "actual",
    "at_risk",
    "resolution",
];

/// The first line of a CSV file of breaks.
#[must_use]
pub fn breaks_head() -> String {
    row(&COLUMNS.map(Cell::text))
}

/// A break as a line of a CSV file.
#[must_use]
pub fn break_line(it: &Break) -> String {
    let view = break_view(it, None);
    let cell = |name: &&str| {
        let cell = view[*name].as_str().unwrap_or_default().to_owned();
        if ["expected", "actual", "at_risk"].contains(name) { Cell::Amount(cell) } else { Cell::Text(cell) }
    };
    row(&COLUMNS.iter().map(cell).collect::<Vec<_>>())
}

/// Breaks as a CSV file.
#[must_use]
pub fn breaks_csv(breaks: &[Break]) -> String {
    breaks.iter().fold(breaks_head(), |text, it| text + &break_line(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_named_by_their_path() {
        let value = json!({"totals": {"types": {"matched": 3}, "risk": ["1.00", null]}});
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            figures(&value),
            [named("totals.risk.0", "1.00"), named("totals.risk.1", ""), named("totals.types.matched", "3")]
        );
    }
}
