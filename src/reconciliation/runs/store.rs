//! The SQL of runs.

use jiff::civil::Date;

use super::{Run, Status, Trigger};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{Page, RunId, Slice, Timestamp};

/// Writes down a run, unless one of its source is at work: the index that allows one decides.
pub(super) async fn insert(tx: &mut Tx, run: &Run, lease_until: Timestamp) -> Result<bool, DbError> {
    let written = query(
        "insert into reconciliation_runs (id, source, business_date, trigger, dry, status, lease_until, started_at)
         values ($1, $2, $3, $4, $5, 'running', $6, $7) on conflict do nothing",
    )
    .bind(&run.id)
    .bind(&run.source)
    .bind(run.business_date.map(|day| day.to_string()))
    .bind(run.trigger.as_str())
    .bind(run.dry)
    .bind(lease_until)
    .bind(run.started_at)
    .execute(tx)
    .await?;
    Ok(written == 1)
}

/// Ends the run of a source whose process has not been heard of past its lease. None has a lease beyond `furthest`.
pub(super) async fn bury_dead(tx: &mut Tx, source: &str, now: Timestamp, furthest: Timestamp) -> Result<(), DbError> {
    query(
        "update reconciliation_runs set status = 'failed', failure = 'its process ended without a word', finished_at = $2
         where source = $1 and status = 'running' and (lease_until < $2 or lease_until > $3)",
    )
    .bind(source)
    .bind(now)
    .bind(furthest)
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn renew(tx: &mut Tx, id: &RunId, lease_until: Timestamp) -> Result<bool, DbError> {
    let renewed = query("update reconciliation_runs set lease_until = $2 where id = $1 and status = 'running'")
        .bind(id)
        .bind(lease_until)
        .execute(tx)
        .await?;
    Ok(renewed == 1)
}

/// Ends a run that is at work; says whether it was.
pub(super) async fn finish(tx: &mut Tx, run: &Run, now: Timestamp) -> Result<bool, DbError> {
    let finished = query(
        "update reconciliation_runs set status = $2, failure = $3, totals = $4, file_id = $5, finished_at = $6
         where id = $1 and status = 'running'",
    )
    .bind(&run.id)
    .bind(run.status.as_str())
    .bind(&run.failure)
    .bind(run.totals.to_string())
    .bind(&run.file)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(finished == 1)
}

/// One run.
///
/// # Errors
/// When the database fails.
pub async fn find(on: impl Into<On<'_>>, id: &RunId) -> Result<Option<Run>, DbError> {
    query("select * from reconciliation_runs where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// A page of runs, the newest first; of one source, or of all.
///
/// # Errors
/// When the database fails.
pub async fn list(on: impl Into<On<'_>>, source: Option<&str>, page: &Page) -> Result<Slice<Run>, DbError> {
    let sql = if page.is_backwards() {
        "select * from reconciliation_runs where id > $1 and (source = $2 or $2 is null) order by id limit $3"
    } else {
        "select * from reconciliation_runs where id < $1 and (source = $2 or $2 is null) order by id desc limit $3"
    };
    let rows = query(sql).bind(page.cursor()).bind(source.map(str::to_owned)).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// The newest business day of a source that was reconciled in earnest, and when that ended.
///
/// # Errors
/// When the database fails.
pub async fn last_good(on: impl Into<On<'_>>, source: &str) -> Result<Option<(Date, Timestamp)>, DbError> {
    let row = query(
        "select business_date, finished_at from reconciliation_runs
         where source = $1 and status = 'completed' and not dry and business_date is not null
         order by business_date desc, id desc limit 1",
    )
    .bind(source)
    .optional(on)
    .await?;
    row.map(|row| Ok((day(&row)?.ok_or_else(|| bad("business_date"))?, row.get("finished_at")?))).transpose()
}

/// When the last run of a source in earnest, about a day or a file, came to a good end; before the first that did, when the first was
/// begun.
///
/// # Errors
/// When the database fails.
pub async fn good_since(on: impl Into<On<'_>>, source: &str) -> Result<Option<Timestamp>, DbError> {
    query(
        "select coalesce(max(case when status = 'completed' then finished_at end), min(started_at)) as since
         from reconciliation_runs where source = $1 and not dry",
    )
    .bind(source)
    .one(on)
    .await?
    .get("since")
}

fn read(row: &Row) -> Result<Run, DbError> {
    Ok(Run {
        id: row.get("id")?,
        source: row.get("source")?,
        business_date: day(row)?,
        file: row.get("file_id")?,
        trigger: Trigger::parse(&row.get::<String>("trigger")?).ok_or_else(|| bad("trigger"))?,
        dry: row.get("dry")?,
        status: Status::parse(&row.get::<String>("status")?).ok_or_else(|| bad("status"))?,
        failure: row.get("failure")?,
        totals: serde_json::from_str(&row.get::<String>("totals")?).map_err(|_| bad("totals"))?,
        started_at: row.get("started_at")?,
        finished_at: row.get("finished_at")?,
    })
}

fn day(row: &Row) -> Result<Option<Date>, DbError> {
    let text: Option<String> = row.get("business_date")?;
    text.map(|text| text.parse().map_err(|_| bad("business_date"))).transpose()
}

fn bad(column: &str) -> DbError {
    DbError::corrupt(column, "not what a run holds")
}
