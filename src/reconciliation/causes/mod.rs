//! The table of known causes: why lines and books differ, who closes that, and what repairs it.
//!
//! Promises that every difference has exactly one cause, the first row that fits; what an operator adds is read before what is
//! built in. Refuses to match: it only names what matching has found.

mod table;

pub use table::BUILT_IN;

use super::line::{LineKind, Side};
use super::matching::Circumstance;
use super::words::{Class, Outcome};
use crate::config::reconciliation::{Cause as Added, Remedy};
use crate::ledger::Account;
use crate::words::{Currency, Timestamp};

/// What is done about a difference without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Nothing.
    None,
    /// The PSP is asked again, and what it says is settled as if its webhook had come.
    AskPsp,
    /// It is waited for.
    Wait,
    /// The difference is booked as what the PSP charges.
    BookFee,
    /// The difference is booked as rounding.
    BookRounding,
}

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Its name.
    pub name: String,
    /// Of whose lines; of both when absent.
    pub side: Option<Side>,
    /// Of which kinds of line; of all when empty.
    pub kinds: Vec<LineKind>,
    /// For what came of it.
    pub outcome: Outcome,
    /// In which ways; in all when empty.
    pub circumstances: Vec<Circumstance>,
    /// Only where the row as it stands in the file contains this, letter case aside.
    pub text: Option<String>,
    /// Of which sources; of all when empty.
    pub sources: Vec<String>,
    /// In which currencies, by code; in all when empty.
    pub currencies: Vec<String>,
    /// Only where the amount in question is at most this, in minor units.
    pub at_most: Option<u64>,
    /// Only what has been open for more days than this.
    pub older_than_days: Option<u16>,
    /// Who closes it.
    pub class: Class,
    /// What is done without a person.
    pub repair: Repair,
    /// What it is, and what to do.
    pub explanation: String,
    /// Whether an operator added it.
    pub added: bool,
}

impl Cause {
    /// The account as which a difference of this cause is booked without a person.
    #[must_use]
    pub fn booked_to(&self) -> Option<Account> {
        match self.repair {
            _ if self.class != Class::Automatic => None,
            Repair::BookFee => Some(Account::PspFees),
            Repair::BookRounding => Some(Account::Rounding),
            Repair::None | Repair::AskPsp | Repair::Wait => None,
        }
    }
}

/// What the table is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'a> {
    /// Whose line, or who should have told.
    pub side: Side,
    /// Which source told it, or did not.
    pub source: &'a str,
    /// The kind of line; none where there is no line.
    pub kind: Option<&'a LineKind>,
    /// What came of it.
    pub outcome: Outcome,
    /// In which way.
    pub circumstance: Circumstance,
    /// The row as it stands in the file.
    pub raw: &'a str,
    /// What is in question, in minor units.
    pub amount: u64,
    /// Of the amount.
    pub currency: Currency,
    /// For how many whole days it has been open.
    pub days: u64,
}

/// For how many whole days a difference is open.
#[must_use]
pub fn days_open(opened_at: Timestamp, now: Timestamp) -> u64 {
    now.since(opened_at).as_secs().div_euclid(24 * 60 * 60)
}

/// The whole table: what operators added, then what is built in.
#[derive(Debug, Clone)]
pub struct Causes(Vec<Cause>);

impl Causes {
    /// The built-in table with what the settings add to it.
    #[must_use]
    pub fn of(added: &[Added]) -> Self {
        Self(added.iter().map(read).chain(BUILT_IN.iter().map(table::Row::cause)).collect())
    }

    /// Every row, in the order in which they are asked.
    #[must_use]
    pub fn all(&self) -> &[Cause] {
        &self.0
    }

    /// The first row that fits. The last built-in row fits everything.
    #[must_use]
    pub fn find(&self, difference: &Difference<'_>) -> Option<&Cause> {
        self.0.iter().find(|cause| fits(cause, difference))
    }

    /// The row of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Cause> {
        self.0.iter().find(|cause| cause.name == name)
    }
}

fn fits(cause: &Cause, it: &Difference<'_>) -> bool {
    cause.outcome == it.outcome
        && cause.side.is_none_or(|side| side == it.side)
        && (cause.kinds.is_empty() || it.kind.is_some_and(|kind| cause.kinds.contains(kind)))
        && (cause.sources.is_empty() || cause.sources.iter().any(|source| source == it.source))
        && (cause.currencies.is_empty() || cause.currencies.iter().any(|code| code == it.currency.code()))
        && cause.older_than_days.is_none_or(|days| it.days > u64::from(days))
        && (cause.circumstances.is_empty() || cause.circumstances.contains(&it.circumstance))
        && cause.at_most.is_none_or(|most| it.amount <= most)
        && cause.text.as_ref().is_none_or(|text| it.raw.to_lowercase().contains(&text.to_lowercase()))
}

fn read(added: &Added) -> Cause {
    Cause {
        name: added.name.clone(),
        side: added.bank.map(|bank| if bank { Side::Bank } else { Side::Psp }),
        kinds: added.kinds.iter().map(|kind| LineKind::read(kind)).collect(),
        outcome: Outcome::parse(&added.outcome).unwrap_or(Outcome::Unknown),
        circumstances: added.circumstances.iter().filter_map(|way| Circumstance::parse(way)).collect(),
        text: added.text.clone(),
        sources: added.sources.clone(),
        currencies: added.currencies.clone(),
        at_most: added.at_most,
        older_than_days: added.older_than_days,
        class: Class::parse(&added.class).unwrap_or(Class::Investigate),
        repair: match added.repair {
            Remedy::None => Repair::None,
            Remedy::BookFee => Repair::BookFee,
            Remedy::BookRounding => Repair::BookRounding,
        },
        explanation: added.explanation.clone(),
        added: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::reconciliation::CIRCUMSTANCES;

    #[test]
    fn every_difference_has_a_cause() {
        let causes = Causes::of(&[]);
        for outcome in Outcome::ALL.into_iter().filter(|outcome| *outcome != Outcome::Matched) {
            for side in [Side::Psp, Side::Bank] {
                let it = Difference {
                    side,
                    source: "list",
                    kind: None,
                    outcome,
                    circumstance: Circumstance::Peculiar,
                    raw: "",
                    amount: 1,
                    currency: Currency::parse("USD").unwrap(),
                    days: 0,
                };
                assert!(causes.find(&it).is_some(), "{outcome:?} of {side:?} has no cause");
            }
        }
    }

    #[test]
    fn names_are_unique_and_explained() {
        let causes = Causes::of(&[]);
        for cause in causes.all() {
            assert_eq!(causes.all().iter().filter(|it| it.name == cause.name).count(), 1, "{}", cause.name);
            assert!(cause.explanation.len() > 20 && cause.name.len() <= 60, "{}", cause.name);
            let waits = matches!(cause.repair, Repair::None);
            assert!(cause.class != Class::Automatic || !waits, "{} is automatic and nothing is done", cause.name);
        }
    }

    #[test]
    fn settings_and_differences_have_the_same_circumstances() {
        for way in CIRCUMSTANCES {
            let read = Circumstance::parse(way).unwrap_or_else(|| panic!("{way} is none"));
            assert_eq!(serde_json::to_value(read).unwrap(), way);
        }
    }

    #[test]
    fn what_an_operator_adds_is_asked_first() {
        let added = Added {
            name: "terminal_rent".into(),
            outcome: "unknown".into(),
            kinds: vec!["adjustment".into()],
            text: Some("Terminal rent".into()),
            sources: vec!["list".into()],
            currencies: vec!["USD".into()],
            circumstances: vec!["peculiar".into()],
            at_most: Some(5_000),
            older_than_days: Some(2),
            class: "automatic".into(),
            repair: Remedy::BookFee,
            explanation: "The PSP lends us terminals.".into(),
            bank: None,
        };
        let causes = Causes::of(&[added]);
        let it = Difference {
            side: Side::Psp,
            source: "list",
            kind: Some(&LineKind::Adjustment),
            outcome: Outcome::Unknown,
            circumstance: Circumstance::Peculiar,
            raw: r#"{"text":"TERMINAL RENT October"}"#,
            amount: 2_500,
            currency: Currency::parse("USD").unwrap(),
            days: 3,
        };
        assert_eq!(causes.find(&it).unwrap().name, "terminal_rent");
        let won = Currency::parse("KRW").unwrap();
        for other in [
            Difference { amount: 5_001, ..it },
            Difference { raw: "", ..it },
            Difference { source: "another", ..it },
            Difference { currency: won, ..it },
            Difference { circumstance: Circumstance::Strange, ..it },
            Difference { days: 2, ..it },
        ] {
            assert_ne!(causes.find(&other).unwrap().name, "terminal_rent");
        }
    }
}
