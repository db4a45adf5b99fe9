//! The SQL of breaks.

use jiff::civil::Date;
use serde_json::json;

use super::super::line::{LineKind, Side};
use super::super::postings::PARKED;
use super::super::words::{Class, ObjectKind, Outcome};
use super::{Break, Note, Status};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{BreakId, Currency, JournalId, LineId, Tenant, Timestamp};

/// Differences of a line that other lines of the same movement, or an answer of the PSP, may put right.
const MAY_COME_RIGHT: [Outcome; 6] = [
    Outcome::StateDiffers,
    Outcome::MissingHere,
    Outcome::AmountDiffers,
    Outcome::CurrencyDiffers,
    Outcome::Duplicate,
    Outcome::Unknown,
];

/// A break that is open, with what the table of causes asks for.
pub(in crate::reconciliation) struct Known {
    /// The break.
    pub it: Break,
    /// Its line, when there is one.
    pub line: Option<KnownLine>,
    /// What of it stands in suspense in its currency, in minor units.
    pub held: Option<i64>,
}

/// The line of a break.
pub(in crate::reconciliation) struct KnownLine {
    /// Whose.
    pub side: Side,
    /// What it says.
    pub kind: LineKind,
    /// Minor units.
    pub net: i64,
    /// The row as it stands in the file.
    pub raw: String,
}

/// One break.
///
/// # Errors
/// When the database fails.
pub async fn find(on: impl Into<On<'_>>, id: &BreakId) -> Result<Option<Break>, DbError> {
    query("select * from breaks where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// What was done and written about a break, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn notes(on: impl Into<On<'_>>, id: &BreakId) -> Result<Vec<Note>, DbError> {
    query("select * from break_notes where break_id = $1 order by number")
        .bind(id)
        .all(on)
        .await?
        .iter()
        .map(|row| {
            Ok(Note {
                number: row.get("number")?,
                at: row.get("at")?,
                by: row.get("by")?,
                what: row.get("what")?,
                note: row.get("note")?,
            })
        })
        .collect()
}

/// What of a break stands in suspense, in minor units per currency: above zero was credited to it.
///
/// # Errors
/// When the database fails.
pub async fn parked(on: impl Into<On<'_>>, id: &BreakId) -> Result<Vec<(Currency, i64)>, DbError> {
    query("select currency, amount from break_parkings where break_id = $1 and not released order by currency")
        .bind(id)
        .all(on)
        .await?
        .iter()
        .map(|row| Ok((row.get("currency")?, row.get("amount")?)))
        .collect()
}

pub(super) fn read(row: &Row) -> Result<Break, DbError> {
    let bad = |column: &str| DbError::corrupt(column, "not what a break holds");
    let json = |column: &str, text: &str| serde_json::from_str(text).map_err(|_| bad(column));
    let object = match (row.get::<Option<String>>("object_kind")?, row.get("object_id")?) {
        (Some(kind), Some(id)) => Some((ObjectKind::parse(&kind).ok_or_else(|| bad("object_kind"))?, id)),
        _ => None,
    };
    Ok(Break {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        source: row.get("source")?,
        run: row.get("run_id")?,
        outcome: Outcome::parse(&row.get::<String>("type")?).ok_or_else(|| bad("type"))?,
        class: Class::parse(&row.get::<String>("class")?).ok_or_else(|| bad("class"))?,
        cause: row.get("cause")?,
        status: Status::parse(&row.get::<String>("status")?).ok_or_else(|| bad("status"))?,
        subject: row.get("subject")?,
        line: row.get("line_id")?,
        object,
        currency: row.get("currency")?,
        expected: row.get("expected")?,
        actual: row.get("actual")?,
        at_risk: row.get("at_risk")?,
        evidence: json("evidence", &row.get::<String>("evidence")?)?,
        proposal: row.get::<Option<String>>("proposal")?.map(|text| json("proposal", &text)).transpose()?,
        proposed_by: row.get("proposed_by")?,
        proposed_at: row.get("proposed_at")?,
        opened_at: row.get("opened_at")?,
        expected_by: row
            .get::<Option<String>>("expected_by")?
            .map(|text| text.parse().map_err(|_| bad("expected_by")))
            .transpose()?,
        closed_at: row.get("closed_at")?,
        closed_by: row.get("closed_by")?,
        resolution: row.get("resolution")?,
        journal: row.get("journal_id")?,
        escalated: row.get("escalated")?,
        unanswered: row.get("unanswered")?,
    })
}

/// Writes a break down, unless it is known.
pub(super) async fn insert(tx: &mut Tx, it: &Break) -> Result<bool, DbError> {
    let written = query(
        "insert into breaks (id, merchant_id, livemode, source, run_id, type, class, cause, status, subject, line_id,
             object_kind, object_id, currency, expected, actual, at_risk, evidence, proposal, opened_at, expected_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'open', $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
         on conflict (source, subject, type) do nothing",
    )
    .bind(&it.id)
    .bind(&it.tenant.merchant)
    .bind(it.tenant.mode)
    .bind(&it.source)
    .bind(&it.run)
    .bind(it.outcome.as_str())
    .bind(it.class.as_str())
    .bind(&it.cause)
    .bind(&it.subject)
    .bind(&it.line)
    .bind(it.object.as_ref().map(|(kind, _)| kind.as_str()))
    .bind(it.object.as_ref().map(|(_, id)| id.clone()))
    .bind(it.currency)
    .bind(it.expected)
    .bind(it.actual)
    .bind(it.at_risk)
    .bind(it.evidence.to_string())
    .bind(it.proposal.as_ref().map(ToString::to_string))
    .bind(it.opened_at)
    .bind(it.expected_by.map(|day| day.to_string()))
    .execute(tx)
    .await?;
    Ok(written == 1)
}

pub(super) async fn by_subject(tx: &mut Tx, source: &str, subject: &str, outcome: Outcome) -> Result<Break, DbError> {
    let row = query("select * from breaks where source = $1 and subject = $2 and type = $3")
        .bind(source)
        .bind(subject)
        .bind(outcome.as_str())
        .one(tx)
        .await?;
    read(&row)
}

/// One break, which nobody else changes before this transaction ends.
pub(in crate::reconciliation) async fn lock(tx: &mut Tx, id: &BreakId) -> Result<Option<Break>, DbError> {
    let row = query("update breaks set status = status where id = $1 returning *").bind(id).optional(tx).await?;
    row.as_ref().map(read).transpose()
}

/// Adds to what was done and written about a break; gives the number of the note. Whoever writes at the same time waits for it.
pub(in crate::reconciliation) async fn note(
    tx: &mut Tx,
    id: &BreakId,
    by: &str,
    what: &str,
    note: &str,
    now: Timestamp,
) -> Result<i64, DbError> {
    // Writing the row back as it is locks it until the end of the transaction, on either database.
    query("update breaks set status = status where id = $1").bind(id).execute(&mut *tx).await?;
    query(
        "insert into break_notes (break_id, number, at, by, what, note)
         select $1, 1 + coalesce((select max(number) from break_notes where break_id = $1), 0), $2, $3, $4, $5
         returning number",
    )
    .bind(id)
    .bind(now)
    .bind(by)
    .bind(what)
    .bind(note)
    .one(tx)
    .await?
    .get("number")
}

/// Writes the end of a break that has not ended; says whether it had not.
pub(super) async fn close(tx: &mut Tx, it: &Break) -> Result<bool, DbError> {
    let closed = query(
        "update breaks set status = 'resolved', closed_at = $2, closed_by = $3, resolution = $4, journal_id = $5
         where id = $1 and status <> 'resolved'",
    )
    .bind(&it.id)
    .bind(it.closed_at)
    .bind(&it.closed_by)
    .bind(&it.resolution)
    .bind(&it.journal)
    .execute(tx)
    .await?;
    if closed == 1
        && let Some(line) = &it.line
    {
        query("update settlement_lines set standing = 'closed' where id = $1 and standing = 'open'")
            .bind(line)
            .execute(tx)
            .await?;
    }
    Ok(closed == 1)
}

/// Gives a break that is not closed the class and the cause that it has here; says whether it had others.
pub(super) async fn update(tx: &mut Tx, it: &Break) -> Result<bool, DbError> {
    let changed = query(
        "update breaks set class = $2, cause = $3, escalated = $4
         where id = $1 and status <> 'resolved' and (class <> $2 or cause <> $3)",
    )
    .bind(&it.id)
    .bind(it.class.as_str())
    .bind(&it.cause)
    .bind(it.escalated)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Writes down how often in a row who was asked about a break has said nothing.
pub(in crate::reconciliation) async fn count_unanswered(tx: &mut Tx, id: &BreakId, times: i64) -> Result<(), DbError> {
    query("update breaks set unanswered = $2 where id = $1 and unanswered <> $2")
        .bind(id)
        .bind(times)
        .execute(tx)
        .await
        .map(drop)
}

/// Closes what waits for a PSP's batch to land.
pub(in crate::reconciliation) async fn close_waiting(
    tx: &mut Tx,
    source: &str,
    batch: &str,
    currency: Currency,
    now: Timestamp,
) -> Result<(), DbError> {
    let rows = query(
        "select * from breaks where object_id = $1 and object_kind = 'batch' and currency = $2 and line_id is null
             and status <> 'resolved' and type in ('late', 'missing_at_psp') order by id",
    )
    .bind(batch)
    .bind(currency)
    .all(&mut *tx)
    .await?;
    for row in &rows {
        let it = read(row)?;
        // Two PSPs may have one name for what each has sent.
        if it.evidence["psp_source"] == source {
            super::close_itself(tx, &it, "two people said with which entry of the bank it has landed", now).await?;
        }
    }
    Ok(())
}

/// Moves a break from one status to another, with what is proposed; says whether it was there.
pub(super) async fn propose(tx: &mut Tx, was: Status, it: &Break) -> Result<bool, DbError> {
    let changed = query(
        "update breaks set status = $3, proposal = $4, proposed_by = $5, proposed_at = $6 where id = $1 and status = $2",
    )
    .bind(&it.id)
    .bind(was.as_str())
    .bind(it.status.as_str())
    .bind(it.proposal.as_ref().map(ToString::to_string))
    .bind(&it.proposed_by)
    .bind(it.proposed_at)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// Writes down what of a break stands in suspense from now on, all of it.
pub(in crate::reconciliation) async fn park(
    tx: &mut Tx,
    it: &Break,
    amounts: &[(Currency, i64)],
    journal: &JournalId,
) -> Result<(), DbError> {
    query("delete from break_parkings where break_id = $1").bind(&it.id).execute(&mut *tx).await?;
    for (currency, minor) in amounts.iter().filter(|(_, minor)| *minor != 0) {
        query(
            "insert into break_parkings (break_id, merchant_id, livemode, currency, amount, journal_id)
             values ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&it.id)
        .bind(&it.tenant.merchant)
        .bind(it.tenant.mode)
        .bind(*currency)
        .bind(*minor)
        .bind(journal)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Marks that nothing of a break stands in suspense any more.
pub(in crate::reconciliation) async fn release(tx: &mut Tx, id: &BreakId) -> Result<(), DbError> {
    query("update break_parkings set released = $2 where break_id = $1").bind(id).bind(true).execute(tx).await.map(drop)
}

/// The PSP of a payment, of a charge beside the one that paid, of a refund or dispute, and the fee that was booked when a dispute was opened.
pub(super) async fn psp_of(tx: &mut Tx, id: &str) -> Result<Option<(String, i64)>, DbError> {
    query(
        "select psp, 0 as fee from payments where id = $1 union all select psp, 0 from attempts where id = $1 union all select psp, 0 from refunds where id = $1
         union all select psp, fee from disputes where id = $1",
    )
    .bind(id)
    .optional(tx)
    .await?
    .map(|row| Ok((row.get("psp")?, row.get("fee")?)))
    .transpose()
}

/// Whether anything of a break was ever put into suspense.
pub(in crate::reconciliation) async fn was_posted(on: impl Into<On<'_>>, it: &Break) -> Result<bool, DbError> {
    let row = query(
        "select exists (select 1 from journals where merchant_id = $1 and livemode = $2 and kind = $3 and source_id = $4) as found",
    )
    .bind(&it.tenant.merchant)
    .bind(it.tenant.mode)
    .bind(PARKED)
    .bind(&it.id)
    .one(on)
    .await?;
    row.get("found")
}

/// The lines of open breaks about the same thing as this one, its own among them, in order.
pub(in crate::reconciliation) async fn lines_beside(on: impl Into<On<'_>>, it: &Break) -> Result<Vec<LineId>, DbError> {
    let (kind, id) = it.object.as_ref().map(|(kind, id)| (kind.as_str(), id.clone())).unzip();
    query(
        "select distinct line_id from breaks where line_id is not null and (id = $1 or (object_id = $2 and object_kind = $3
             and source = $4 and status <> 'resolved' and type in (select value from json_each($5))))
         order by line_id",
    )
    .bind(&it.id)
    .bind(id)
    .bind(kind)
    .bind(&it.source)
    .bind(json!(MAY_COME_RIGHT).to_string())
    .all(on)
    .await?
    .iter()
    .map(|row| row.get("line_id"))
    .collect()
}

/// Open breaks of a source, the oldest first, after one of them, with what the table of causes asks for.
pub(in crate::reconciliation) async fn known(
    on: impl Into<On<'_>>,
    source: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Known>, DbError> {
    query(
        "select b.*, l.side as line_side, l.kind as line_kind, l.net as line_net, l.raw as line_raw, k.amount as held
         from breaks b left join settlement_lines l on l.id = b.line_id
             left join break_parkings k on k.break_id = b.id and k.currency = b.currency and not k.released
         where b.source = $1 and b.id > $2 and b.status <> 'resolved' order by b.id limit $3",
    )
    .bind(source)
    .bind(after)
    .bind(limit)
    .all(on)
    .await?
    .iter()
    .map(|row| {
        let line = match row.get::<Option<String>>("line_kind")? {
            Some(kind) => Some(KnownLine {
                side: side(&row.get::<String>("line_side")?)?,
                kind: LineKind::read(&kind),
                net: row.get("line_net")?,
                raw: row.get("line_raw")?,
            }),
            None => None,
        };
        Ok(Known { it: read(row)?, line, held: row.get("held")? })
    })
    .collect()
}

/// Breaks of a source that nobody proposes a journal for, of these causes and for reconciliation itself to close.
pub(in crate::reconciliation) async fn of_causes(
    on: impl Into<On<'_>>,
    source: &str,
    causes: &[&str],
) -> Result<Vec<Break>, DbError> {
    if causes.is_empty() {
        return Ok(Vec::new());
    }
    query(
        "select * from breaks where source = $1 and status <> 'resolved' and status = 'open' and class = 'automatic'
             and cause in (select value from json_each($2)) order by id",
    )
    .bind(source)
    .bind(serde_json::json!(causes).to_string())
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

fn side(text: &str) -> Result<Side, DbError> {
    Side::parse(text).ok_or_else(|| DbError::corrupt("side", text))
}

/// Breaks of a source with a line that may have come right, the oldest first, after one of them.
pub(in crate::reconciliation) async fn with_line(
    on: impl Into<On<'_>>,
    source: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Break>, DbError> {
    query(
        "select * from breaks where source = $1 and id > $2 and status <> 'resolved' and line_id is not null
             and type in (select value from json_each($4)) order by id limit $3",
    )
    .bind(source)
    .bind(after)
    .bind(limit)
    .bind(json!(MAY_COME_RIGHT).to_string())
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Breaks of these sources about these subjects that wait for a line, or never got one.
pub(in crate::reconciliation) async fn without_line(
    on: impl Into<On<'_>>,
    sources: &[String],
    subjects: &[String],
) -> Result<Vec<Break>, DbError> {
    query(
        "select * from breaks where source in (select value from json_each($1)) and subject in (select value from json_each($2))
             and status <> 'resolved' and line_id is null and type in ('late', 'missing_at_psp') order by id",
    )
    .bind(json!(sources).to_string())
    .bind(json!(subjects).to_string())
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// Breaks of a source whose line should have come before `today`, the oldest first, after one of them.
pub(in crate::reconciliation) async fn overdue(
    on: impl Into<On<'_>>,
    source: &str,
    today: Date,
    after: &str,
    limit: i64,
) -> Result<Vec<Break>, DbError> {
    query(
        "select * from breaks where source = $1 and id > $2 and status <> 'resolved' and line_id is null
             and type = 'late' and expected_by < $3 order by id limit $4",
    )
    .bind(source)
    .bind(after)
    .bind(today.to_string())
    .bind(limit)
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}
