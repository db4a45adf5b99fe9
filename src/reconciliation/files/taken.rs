//! What a file came to: counted while it is read, and held to the rules that every file keeps.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::amount::shown;
use super::refused::Refused;
use crate::reconciliation::line::{Line, LineKind};

/// Batches or statements of one file. Each is remembered until the end, so that there is a limit.
pub const MOST_BATCHES: usize = 10_000;

/// Characters of what tells a row from others.
pub const LONGEST_IDENTITY: usize = 250;

/// Characters of a reference.
pub const LONGEST_REFERENCE: usize = 300;

/// The lines of one currency together, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// How many.
    pub lines: u64,
    /// Signed, above zero comes to us.
    pub gross: i64,
    /// What is kept of it.
    pub fee: i64,
    /// Gross less fee.
    pub net: i64,
}

/// One statement of a bank's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The bank's id of it.
    pub id: String,
    /// The account, IBAN or the bank's own number.
    pub account: String,
    /// The bank's running number of statements.
    pub sequence: Option<u64>,
    /// The account's currency.
    pub currency: String,
    /// Booked balance before its entries, minor units.
    pub opening: i64,
    /// Booked balance after them, minor units.
    pub closing: i64,
    /// The day of that balance, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_on: Option<String>,
}

impl Statement {
    /// Whether both are of one account.
    pub fn is_of_account(&self, other: &Self) -> bool {
        self.account == other.account && self.currency == other.currency
    }

    /// Whether the bank gave both one id.
    pub fn is_called(&self, other: &Self) -> bool {
        self.id == other.id && self.is_of_account(other)
    }
}

/// What a file came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Lines that it gives.
    pub lines: u64,
    /// Rows that say nothing yet, such as a bank's pending entries.
    pub skipped: u64,
    /// By currency.
    pub currencies: BTreeMap<String, Sums>,
    /// The earliest business day in it, `YYYY-MM-DD`.
    pub first_day: Option<String>,
    /// The last one.
    pub last_day: Option<String>,
    /// The statements of a bank's file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<Statement>,
}

/// Takes lines as a parser makes them, holds each to the rules and hands it on.
pub struct Out<'a> {
    emit: &'a mut dyn FnMut(Line),
    totals: Totals,
    days: Option<(Date, Date)>,
}

impl<'a> Out<'a> {
    /// Hands lines on to `emit`.
    pub fn new(emit: &'a mut dyn FnMut(Line)) -> Self {
        Self { emit, totals: Totals::default(), days: None }
    }

    /// One line. Refused when its amounts do not add up, or when it has no name.
    pub fn line(&mut self, line: Line) -> Result<(), Refused> {
        let currency = line.currency;
        if line.gross.checked_sub(line.fee) != Some(line.net) {
            let [gross, fee, net] = [line.gross, line.fee, line.net].map(|minor| shown(minor, currency));
            return Err(Refused::field(line.number, "net", format!("gross {gross} less fee {fee} is not net {net}")));
        }
        if !(1..=LONGEST_IDENTITY).contains(&line.identity.chars().count()) {
            let reason = format!("what tells it from other rows is empty or longer than {LONGEST_IDENTITY} characters");
            return Err(Refused::row(line.number, reason));
        }
        storable(&line)?;
        let sums = self.totals.currencies.entry(currency.code().to_owned()).or_default();
        let added = (|| {
            Some(Sums {
                lines: sums.lines.checked_add(1)?,
                gross: sums.gross.checked_add(line.gross)?,
                fee: sums.fee.checked_add(line.fee)?,
                net: sums.net.checked_add(line.net)?,
            })
        })();
        *sums = added.ok_or_else(|| Refused::row(line.number, "the file's amounts are too large to be added up"))?;
        self.totals.lines = self.totals.lines.saturating_add(1);
        let day = line.business_date;
        self.days = Some(self.days.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
        (self.emit)(line);
        Ok(())
    }

    /// A row that says nothing yet.
    pub fn skip(&mut self) {
        self.totals.skipped = self.totals.skipped.saturating_add(1);
    }

    /// A statement that has been read to its end.
    pub fn statement(&mut self, statement: Statement) {
        self.totals.statements.push(statement);
    }

    /// What it came to so far.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// What it came to.
    pub fn finish(self) -> Totals {
        let mut totals = self.totals;
        if let Some((first, last)) = self.days {
            (totals.first_day, totals.last_day) = (Some(first.to_string()), Some(last.to_string()));
        }
        totals
    }
}

/// Whether both databases can keep a line, and find it again by its references.
fn storable(line: &Line) -> Result<(), Refused> {
    if !(1970..=9999).contains(&line.business_date.year()) {
        let reason = format!("the business day {} is outside the years 1970 to 9999", line.business_date);
        return Err(Refused::row(line.number, reason));
    }
    let references = &line.references;
    for (name, text) in [
        ("the PSP's payment", &references.psp_payment),
        ("the PSP's movement", &references.psp_movement),
        ("our key", &references.our_key),
        ("our reference", &references.ours),
        ("the batch", &references.batch),
    ] {
        if text.as_ref().is_some_and(|text| text.contains('\0') || text.chars().count() > LONGEST_REFERENCE) {
            let reason = format!("longer than {LONGEST_REFERENCE} characters, or with a character that is none");
            return Err(Refused::field(line.number, name, reason));
        }
    }
    let kind = matches!(&line.kind, LineKind::Unknown(word) if word.contains('\0'));
    if kind || line.identity.contains('\0') {
        return Err(Refused::row(line.number, "it has a character that is none (NUL)"));
    }
    Ok(())
}
