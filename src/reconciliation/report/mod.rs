//! The report of a run: what came of the lines of its day, what waits for whom, and whether the PSP's account is explained.
//!
//! Promises that the same day reported twice says the same as long as nothing has happened in between: everything is counted from
//! the rows, nothing is carried along.

mod store;

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde_json::{Map, Value, json};

use super::breaks::signed;
use super::causes::Cause;
use super::matching::{Context, Entry};
use super::words::Outcome;
use crate::db::DbError;
use crate::words::FileId;
pub use store::{AccountOf, psp_account};

/// Which lines a report is about.
#[derive(Debug, Clone)]
pub enum About {
    /// Those of a business day.
    Day(Date),
    /// Those of a file.
    File(FileId),
}

/// What a run came to, as pages and the API show it.
pub async fn totals(context: &Context<'_>, about: &About) -> Result<Value, DbError> {
    let db = &context.app.db;
    let source = context.source.name.as_str();
    let mut types = Types::default();
    for (outcome, currency, count, gross) in store::lines(db, source, about).await? {
        types.add(outcome, currency, count, gross);
    }
    if let About::Day(day) = about {
        let expected_by = context.expected_by(*day);
        for (outcome, currency, count, amount) in store::without_line(db, source, expected_by).await? {
            types.add(outcome, currency, count, amount);
        }
    }
    let exchanged = store::exchanged(db, source, about).await?;
    let open = store::open_breaks(db, source).await?;
    let mut accounts = Vec::new();
    for psp in context.source.psps() {
        let found = psp_account(db, psp, context.owner.mode, &context.sources_of(psp)).await?;
        accounts.extend(found.into_iter().map(|account| (psp, account)));
    }
    Ok(json!({
        "types": types.view(),
        "exchanged": exchanged.iter().map(|&(from, into, count, paid, settled)| json!({
            "from": from, "into": into, "count": count, "paid": signed(paid, from), "settled": signed(settled, into),
        })).collect::<Vec<_>>(),
        "open_breaks": open.classes,
        "oldest_open_break": open.oldest,
        "value_at_risk": open.at_risk,
        "psp_account": accounts.iter().map(|(psp, account)| account.view(psp)).collect::<Vec<_>>(),
        "explained": accounts.iter().all(|(_, account)| account.difference() == 0),
    }))
}

/// How many of what, by type and currency.
#[derive(Debug, Default)]
pub struct Types(BTreeMap<(Outcome, &'static str), (crate::words::Currency, i64, i64)>);

impl Types {
    /// Counts some of one type.
    pub fn add(&mut self, outcome: Outcome, currency: crate::words::Currency, count: i64, amount: i64) {
        let sum = self.0.entry((outcome, currency.code())).or_insert((currency, 0, 0));
        sum.1 = sum.1.saturating_add(count);
        sum.2 = sum.2.saturating_add(amount);
    }

    /// As reports show it: every type is there, also when there is none of it.
    #[must_use]
    pub fn view(&self) -> Value {
        let mut view = Map::new();
        for outcome in Outcome::ALL {
            let mut count: i64 = 0;
            let mut amounts = Map::new();
            for (_, (currency, n, amount)) in self.0.iter().filter(|((of, _), _)| *of == outcome) {
                count = count.saturating_add(*n);
                amounts.insert(currency.code().to_owned(), signed(*amount, *currency).into());
            }
            view.insert(outcome.as_str().to_owned(), json!({ "count": count, "amounts": amounts }));
        }
        Value::Object(view)
    }
}

/// Whether an amount, as reports write it, is zero.
#[must_use]
pub fn is_nothing(amount: &str) -> bool {
    amount.trim_start_matches('-').chars().all(|digit| matches!(digit, '0' | '.'))
}

/// What a rehearsal has found: how many of each type, and of what differs by which cause and for whom to close.
#[derive(Debug, Default)]
pub struct Rehearsal {
    /// By type.
    pub types: Types,
    causes: BTreeMap<String, i64>,
    classes: BTreeMap<&'static str, i64>,
}

impl Rehearsal {
    /// Counts what would be decided about a line.
    pub fn entry(&mut self, entry: &Entry, cause: Option<&Cause>) {
        self.types.add(entry.decided.outcome, entry.told.currency, 1, entry.told.gross);
        if let Some(cause) = cause {
            for count in [
                self.causes.entry(cause.name.clone()).or_default(),
                self.classes.entry(cause.class.as_str()).or_default(),
            ] {
                *count = count.saturating_add(1);
            }
        }
    }

    /// As the report of a rehearsal shows it.
    #[must_use]
    pub fn view(&self) -> Value {
        json!({ "types": self.types.view(), "causes": self.causes, "classes": self.classes })
    }
}
