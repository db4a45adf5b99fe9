//! Open: a difference is written down, once however often it is found, and told.

use jiff::civil::Date;
use serde_json::Value;

use super::super::words::{Class, ObjectKind, Outcome};
use super::{Break, REASON, Status, store, view};
use crate::db::{DbError, Tx};
use crate::events::{self, NewEvent};
use crate::words::{BreakId, Currency, LineId, RunId, Tenant, Timestamp};

/// Who closes what is closed without a person.
pub const ITSELF: &str = "reconciliation";

/// A difference that was found.
#[derive(Debug, Clone)]
pub struct NewBreak {
    /// In whose books.
    pub tenant: Tenant,
    /// Which source told it, or did not.
    pub source: String,
    /// The run that found it; none when a file was being taken in.
    pub run: Option<RunId>,
    /// What kind of difference.
    pub outcome: Outcome,
    /// Who closes it.
    pub class: Class,
    /// Its name in the table of known causes.
    pub cause: String,
    /// By what a later run finds it again: a line's id, or an object of ours with its kind.
    pub subject: String,
    /// The line, when there is one.
    pub line: Option<LineId>,
    /// What of ours it is about, when that is known.
    pub object: Option<(ObjectKind, String)>,
    /// Of the amounts.
    pub currency: Currency,
    /// What ours says, in minor units, signed as a line's gross is.
    pub expected: Option<i64>,
    /// What theirs says, likewise.
    pub actual: Option<i64>,
    /// Everything known about it.
    pub evidence: Value,
    /// A journal that would close it.
    pub suggestion: Option<Value>,
    /// Until when it is only waited for.
    pub expected_by: Option<Date>,
}

impl NewBreak {
    /// What may be lost: the difference between the two sides.
    #[must_use]
    pub fn at_risk(&self) -> i64 {
        let difference = self.actual.unwrap_or(0).saturating_sub(self.expected.unwrap_or(0));
        i64::try_from(difference.unsigned_abs()).unwrap_or(i64::MAX)
    }
}

/// Writes a difference down; gives it, and whether it is new. One that is known stays as it is.
///
/// # Errors
/// When the database fails.
pub async fn open(tx: &mut Tx, new: NewBreak, now: Timestamp) -> Result<(Break, bool), DbError> {
    let it = Break {
        id: BreakId::new(),
        at_risk: new.at_risk(),
        tenant: new.tenant,
        source: new.source,
        run: new.run,
        outcome: new.outcome,
        class: new.class,
        cause: new.cause,
        status: Status::Open,
        subject: new.subject,
        line: new.line,
        object: new.object,
        currency: new.currency,
        expected: new.expected,
        actual: new.actual,
        evidence: new.evidence,
        proposal: new.suggestion,
        proposed_by: None,
        proposed_at: None,
        opened_at: now,
        expected_by: new.expected_by,
        closed_at: None,
        closed_by: None,
        resolution: None,
        journal: None,
        escalated: false,
        unanswered: 0,
    };
    if !store::insert(tx, &it).await? {
        return Ok((store::by_subject(tx, &it.source, &it.subject, it.outcome).await?, false));
    }
    store::note(tx, &it.id, ITSELF, "opened", &it.cause, now).await?;
    tell(tx, "reconciliation.break_opened", &it, now).await?;
    let labels = [("type", it.outcome.as_str()), ("class", it.class.as_str())];
    metrics::counter!("tollgate_reconciliation_breaks_opened_total", &labels).increment(1);
    Ok((it, true))
}

/// Closes a break without a person; `false` when it was closed already.
///
/// # Errors
/// When the database fails.
pub async fn close_itself(tx: &mut Tx, it: &Break, resolution: &str, now: Timestamp) -> Result<bool, DbError> {
    // An operator's own words about a cause may be longer than a resolution, or none.
    let resolution: String = match resolution.trim() {
        "" => it.cause.clone(),
        words => words.chars().take(REASON).collect(),
    };
    let closed = Break {
        status: Status::Resolved,
        closed_at: Some(now),
        closed_by: Some(ITSELF.to_owned()),
        resolution: Some(resolution.clone()),
        ..it.clone()
    };
    close(tx, &closed, "repaired", &resolution, now).await
}

/// Writes the end of a break: note and event with it.
pub(super) async fn close(
    tx: &mut Tx,
    closed: &Break,
    what: &str,
    note: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    if !store::close(tx, closed).await? {
        return Ok(false);
    }
    let by = closed.closed_by.as_deref().unwrap_or(ITSELF);
    store::note(tx, &closed.id, by, what, note, now).await?;
    tell(tx, "reconciliation.break_closed", closed, now).await?;
    Ok(true)
}

/// Tells the merchant of a break.
pub(super) async fn tell(tx: &mut Tx, kind: &'static str, it: &Break, now: Timestamp) -> Result<(), DbError> {
    let (data, object_id) = (view(it), it.id.as_str());
    events::append(tx, NewEvent { tenant: &it.tenant, kind, object_id, data, now }).await.map(drop)
}
