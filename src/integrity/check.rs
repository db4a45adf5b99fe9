//! Running the checks and saying what they found.

use super::store::{self, CHECKS, Outline, Question, UNASKED};
use crate::db::{Db, DbError};
use crate::words::Tenant;

/// Whose rows are looked at.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// Everybody's: for who runs the gateway.
    Everything,
    /// One merchant's, in one mode.
    Tenant(&'a Tenant),
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Every row that was looked at is as it must be.
    Holds,
    /// At least one is not, or the sum could not be taken.
    Broken,
    /// Nobody looked, and the check says why.
    NotChecked,
}

impl State {
    /// As the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Broken => "broken",
            Self::NotChecked => "not_checked",
        }
    }
}

/// A row that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The id of the row, or the name of what is missing.
    pub subject: String,
    /// What is wrong with it.
    pub detail: String,
}

/// One invariant and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its number in the list of invariants; nothing for what only guards them.
    pub number: Option<u8>,
    /// Its short name.
    pub name: &'static str,
    /// What must hold, in words.
    pub statement: &'static str,
    /// What came of it.
    pub state: State,
    /// How many rows were looked at.
    pub checked: i64,
    /// How many of them are not as they must be.
    pub broken: i64,
    /// The first few of those.
    pub findings: Vec<Finding>,
}

impl Check {
    pub(super) fn unasked(outline: &Outline) -> Self {
        Self {
            number: outline.number,
            name: outline.name,
            statement: outline.statement,
            state: State::NotChecked,
            checked: 0,
            broken: 0,
            findings: Vec::new(),
        }
    }

    /// Adds what stands on a list that others keep.
    pub(super) fn add_open(&mut self, found: i64, open: impl Iterator<Item = Finding>) {
        if found > 0 {
            self.state = State::Broken;
            self.broken = self.broken.saturating_add(found);
            self.findings.extend(open);
        }
    }
}

/// Every check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order of the invariants.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing is broken. What was not checked is not broken.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.checks.iter().all(|check| check.state != State::Broken)
    }
}

/// Asks every invariant. It reads much and locks nothing; payments go on meanwhile.
///
/// # Errors
/// When the database fails. A sum that does not fit into 64 bits is a break, not an error.
pub async fn check(db: &Db, scope: Scope<'_>) -> Result<Report, DbError> {
    let mut report = check_kept(db, scope).await?;
    for (outline, check) in CHECKS.iter().zip(&mut report.checks) {
        if let Question::AskIfTold { open, untold, .. } = outline.question {
            let (found, open) = store::open(db, scope, open).await?;
            check.add_open(found, open.into_iter().map(|(finding, _)| finding));
            if check.checked == 0 && check.broken == 0 {
                check.state = State::NotChecked;
                check.findings = vec![Finding { subject: String::new(), detail: untold.to_owned() }];
            }
        }
    }
    Ok(report)
}

/// The same without the lists that others keep, which need nobody to remember what stands on them.
pub(super) async fn check_kept(db: &Db, scope: Scope<'_>) -> Result<Report, DbError> {
    let mut checks = Vec::with_capacity(CHECKS.len());
    for outline in CHECKS {
        let mut check = Check::unasked(outline);
        match outline.question {
            Question::Ask { counted, broken } | Question::AskIfTold { counted, broken, .. } => {
                ask(db, scope, counted, broken, &mut check).await?;
            }
            Question::Guards => guards(db, &mut check).await?,
            Question::Sealer => {
                check.findings = vec![Finding { subject: String::new(), detail: UNASKED.to_owned() }];
            }
        }
        checks.push(check);
    }
    Ok(Report { checks })
}

async fn ask(
    db: &Db,
    scope: Scope<'_>,
    counted: &'static str,
    broken: &'static str,
    check: &mut Check,
) -> Result<(), DbError> {
    match store::ask(db, scope, counted, broken).await {
        Ok((checked, count, findings)) => {
            (check.checked, check.broken, check.findings) = (checked, count, findings);
        }
        Err(error) if error.is_overflow() => {
            // No honest row gets there.
            let detail = "its sums do not fit into 64 bits".to_owned();
            check.broken = 1;
            check.findings = vec![Finding { subject: check.name.to_owned(), detail }];
        }
        Err(error) => return Err(error),
    }
    check.state = if check.broken == 0 { State::Holds } else { State::Broken };
    Ok(())
}

/// Whether the triggers that guard the books are there: two short questions, whoever asks.
pub(super) async fn guards(db: &Db, check: &mut Check) -> Result<(), DbError> {
    let there = store::guards(db).await?;
    let wanted = store::wanted_guards(db);
    check.checked = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
    for guard in wanted.iter().filter(|&&guard| !there.iter().any(|name| name == guard)) {
        check.broken = check.broken.saturating_add(1);
        check
            .findings
            .push(Finding { subject: (*guard).to_owned(), detail: "is missing, switched off or altered".to_owned() });
    }
    check.state = if check.broken == 0 { State::Holds } else { State::Broken };
    Ok(())
}
