//! What a rehearsal would find that is not what stands. Pure.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::words::{Class, Outcome};

/// How a line, or a movement without one, stands.
#[derive(Debug, Clone)]
pub struct Stands {
    /// What came of it.
    pub outcome: Outcome,
    /// What is in question, in minor units.
    pub amount: u64,
    /// Whether it was closed since.
    pub closed: bool,
    /// Its difference, if it is one: cause and class.
    pub cause: Option<(String, Class)>,
}

/// What would be found now.
#[derive(Debug, Clone, Copy)]
pub struct Now<'a> {
    /// What it is.
    pub outcome: Outcome,
    /// By which cause and for whom to close, if it differs.
    pub cause: Option<(&'a str, Class)>,
}

/// Counts what changes.
#[derive(Debug, Default)]
pub struct Changes {
    new: u64,
    gone: u64,
    types: BTreeMap<String, u64>,
    causes: BTreeMap<String, u64>,
    classes: BTreeMap<String, u64>,
}

/// Where nothing differs there is no cause and nobody to close it.
const NOTHING: &str = "none";

impl Changes {
    /// One line: how it stands, unless it would be new, and what would be found.
    pub fn line(&mut self, stands: Option<&Stands>, now: &Now<'_>) {
        let Some(stands) = stands else {
            self.new = self.new.saturating_add(1);
            return;
        };
        if stands.closed && now.outcome == Outcome::Matched {
            return;
        }
        count(&mut self.types, stands.outcome.as_str(), now.outcome.as_str());
        let (was, is) = (stands.cause.as_ref(), now.cause);
        count(&mut self.causes, was.map_or(NOTHING, |it| it.0.as_str()), is.map_or(NOTHING, |it| it.0));
        // What could not be repaired has become a person's, whatever the table says.
        let escalated = was.zip(is).is_some_and(|(was, is)| was.0 == is.0 && is.1 == Class::Automatic);
        if !escalated {
            count(&mut self.classes, was.map_or(NOTHING, |it| it.1.as_str()), is.map_or(NOTHING, |it| it.1.as_str()));
        }
    }

    /// So many lines would not be told any more.
    pub fn gone(&mut self, lines: u64) {
        self.gone = self.gone.saturating_add(lines);
    }

    /// As reports show it.
    pub fn view(&self) -> Value {
        json!({ "lines_new": self.new, "lines_gone": self.gone, "types": self.types, "causes": self.causes,
            "classes": self.classes })
    }
}

fn count(of: &mut BTreeMap<String, u64>, was: &str, is: &str) {
    if was != is {
        let sum = of.entry(format!("{was} -> {is}")).or_default();
        *sum = sum.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stands(outcome: Outcome, closed: bool, cause: Option<(&str, Class)>) -> Stands {
        let cause = cause.map(|(name, class)| (name.to_owned(), class));
        Stands { outcome, amount: 0, closed, cause }
    }

    fn changed(stands: &Stands, outcome: Outcome, cause: Option<(&str, Class)>) -> Value {
        let mut changes = Changes::default();
        changes.line(Some(stands), &Now { outcome, cause });
        changes.view()
    }

    #[test]
    fn only_what_is_another_thing_than_before_counts() {
        let unknown = stands(Outcome::Unknown, false, Some(("unknown", Class::Investigate)));
        let same = changed(&unknown, Outcome::Unknown, Some(("unknown", Class::Investigate)));
        let none = json!({ "lines_new": 0, "lines_gone": 0, "types": {}, "causes": {}, "classes": {} });
        assert_eq!(same, none);
        let rent = changed(&unknown, Outcome::Unknown, Some(("rent", Class::Manual)));
        assert_eq!(
            (&rent["types"], &rent["causes"], &rent["classes"]),
            (&json!({}), &json!({ "unknown -> rent": 1 }), &json!({ "investigate -> manual": 1 }))
        );
        let matched = changed(&unknown, Outcome::Matched, None);
        assert_eq!(
            (&matched["types"], &matched["causes"]),
            (&json!({ "unknown -> matched": 1 }), &json!({ "unknown -> none": 1 }))
        );
    }

    #[test]
    fn what_was_repaired_or_given_to_a_person_since_is_the_same() {
        let lost = ("lost_webhook", Class::Automatic);
        let repaired = stands(Outcome::StateDiffers, true, Some(lost));
        assert_eq!(changed(&repaired, Outcome::Matched, None)["types"], json!({}));
        let escalated = stands(Outcome::StateDiffers, false, Some(("lost_webhook", Class::Investigate)));
        assert_eq!(changed(&escalated, Outcome::StateDiffers, Some(lost))["classes"], json!({}));
    }
}
