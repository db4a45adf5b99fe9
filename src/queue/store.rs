//! The SQL of the queue. Every change of a running job names its lease, so a worker that was slower than its lease
//! changes nothing.

use std::time::Duration;

use super::job::{Job, NewJob};
use crate::db::{DbError, On, Row, Tx, Value, insert_many, query};
use crate::words::{JobId, Timestamp, random_base62};

/// Rows of one insert.
const BATCH: usize = 200;

/// Longest error text kept, in characters.
const ERROR: usize = 500;

/// Whether the worker still held the job when it said how the job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It did.
    Kept,
    /// Its lease had ended and somebody else may have the job: what it said was ignored.
    Lost,
}

/// Enqueues one job in the caller's transaction.
pub async fn enqueue(tx: &mut Tx, job: NewJob<'_>) -> Result<(), DbError> {
    enqueue_all(tx, &[job]).await
}

/// Enqueues many jobs, each kind and key once.
pub async fn enqueue_all(tx: &mut Tx, jobs: &[NewJob<'_>]) -> Result<(), DbError> {
    let mut rows: Vec<Vec<Value>> = jobs.iter().map(new_row).collect();
    while !rows.is_empty() {
        let rest = rows.split_off(rows.len().min(BATCH));
        insert_many(
            "insert into jobs (id, lane, kind, key, payload, merchant_id, livemode, status, due_at)",
            rows,
            "on conflict (kind, key) where status <> 'dead' do update set
                due_at = case when jobs.status = 'waiting' and excluded.due_at < jobs.due_at
                    then excluded.due_at else jobs.due_at end,
                again_at = case when jobs.status = 'running' and excluded.due_at < coalesce(jobs.again_at, excluded.due_at + 1)
                    then excluded.due_at else jobs.again_at end",
        )
        .execute(tx)
        .await?;
        rows = rest;
    }
    Ok(())
}

fn new_row(job: &NewJob<'_>) -> Vec<Value> {
    let lane = job.kind.split('.').next().unwrap_or(job.kind);
    vec![
        JobId::new().into(),
        lane.into(),
        job.kind.into(),
        job.key.into(),
        job.payload.to_string().into(),
        Value::Text(job.tenant.map(|tenant| tenant.merchant.to_string())),
        Value::Bool(job.tenant.map(|tenant| tenant.mode.is_live())),
        "waiting".into(),
        job.run_at.into(),
    ]
}

/// Whether a claim in this lane would find anything: a read, so that an idle worker writes nothing.
pub async fn has_due(on: impl Into<On<'_>>, lane: &str, now: Timestamp) -> Result<bool, DbError> {
    let found = query("select id from jobs where lane = $1 and status <> 'dead' and due_at <= $2 limit 1")
        .bind(lane)
        .bind(now)
        .optional(on)
        .await?;
    Ok(found.is_some())
}

/// Claims up to `limit` due jobs for `lease`. Among the thousand that waited longest, merchants take turns, and those
/// of whom fewer jobs are running come first: one whose receivers are slow does not hold up the others.
///
/// The outer `where` repeats the condition: on PostgreSQL a second worker that waited for the row sees there that the
/// first one took it.
pub async fn claim(tx: &mut Tx, lane: &str, limit: i64, now: Timestamp, lease: Duration) -> Result<Vec<Job>, DbError> {
    let rows = query(
        "update jobs set status = 'running', lease = $1, due_at = $2, tries = tries + 1, again_at = null
         where id in (
             select fair.id from (
                 select oldest.id, oldest.due_at, coalesce(busy.jobs, 0) + row_number()
                     over (partition by oldest.merchant_id order by oldest.due_at, oldest.id) as turn
                 from (
                     select id, merchant_id, due_at from jobs
                     where lane = $3 and status <> 'dead' and due_at <= $4
                     order by due_at limit 1000
                 ) as oldest
                 left join (
                     select merchant_id, count(*) as jobs from jobs
                     where lane = $3 and status = 'running' and due_at > $4 group by merchant_id
                 ) as busy on busy.merchant_id = oldest.merchant_id
             ) as fair
             order by fair.turn, fair.due_at, fair.id limit $5
         ) and status <> 'dead' and due_at <= $4
         returning id, kind, key, payload, tries, lease",
    )
    .bind(random_base62(22))
    .bind(now.plus(lease))
    .bind(lane)
    .bind(now)
    .bind(limit)
    .all(tx)
    .await?;
    rows.iter().map(claimed).collect()
}

/// Claims the unfinished job of `kind` and `key` for `lease`, due or not, unless somebody is running it: for whoever
/// does the work at once instead of leaving it to a worker.
pub async fn claim_one(
    tx: &mut Tx,
    kind: &str,
    key: &str,
    now: Timestamp,
    lease: Duration,
) -> Result<Option<Job>, DbError> {
    let row = query(
        "update jobs set status = 'running', lease = $1, due_at = $2, tries = tries + 1, again_at = null
         where kind = $3 and key = $4 and status <> 'dead' and (status = 'waiting' or (status = 'running' and due_at <= $5))
         returning id, kind, key, payload, tries, lease",
    )
    .bind(random_base62(22))
    .bind(now.plus(lease))
    .bind(kind)
    .bind(key)
    .bind(now)
    .optional(tx)
    .await?;
    row.as_ref().map(claimed).transpose()
}

fn claimed(row: &Row) -> Result<Job, DbError> {
    let payload: String = row.get("payload")?;
    let payload = serde_json::from_str(&payload)
        .map_err(|error| DbError::Corrupt { column: "payload".into(), reason: error.to_string() })?;
    Ok(Job {
        id: row.get("id")?,
        kind: row.get("kind")?,
        key: row.get("key")?,
        payload,
        tries: u32::try_from(row.get::<i64>("tries")?).unwrap_or(u32::MAX),
        lease: row.get("lease")?,
    })
}

/// The worker is still at it: its lease ends at `until` now.
pub async fn renew(tx: &mut Tx, job: &Job, until: Timestamp) -> Result<Settled, DbError> {
    let kept = query("update jobs set due_at = $3 where id = $1 and lease = $2")
        .bind(&job.id)
        .bind(&job.lease)
        .bind(until)
        .execute(tx)
        .await?;
    Ok(settled(kept))
}

/// The job succeeded: it is deleted, unless it was enqueued again while it ran.
pub async fn done(tx: &mut Tx, job: &Job) -> Result<Settled, DbError> {
    let deleted = query("delete from jobs where id = $1 and lease = $2 and again_at is null")
        .bind(&job.id)
        .bind(&job.lease)
        .execute(tx)
        .await?;
    if deleted > 0 { Ok(Settled::Kept) } else { run_once_more(tx, job).await }
}

/// The job wants to run again at `at`, or earlier if somebody enqueued it for earlier. Its tries start anew.
pub async fn again(tx: &mut Tx, job: &Job, at: Timestamp) -> Result<Settled, DbError> {
    let kept = query(
        "update jobs set status = 'waiting', lease = null, tries = 0, last_error = null, again_at = null,
             due_at = case when again_at < $3 then again_at else $3 end
         where id = $1 and lease = $2",
    )
    .bind(&job.id)
    .bind(&job.lease)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(settled(kept))
}

/// The job failed and is tried again at `at`, or earlier if somebody enqueued it for earlier.
pub async fn try_later(tx: &mut Tx, job: &Job, at: Timestamp, error: &str) -> Result<Settled, DbError> {
    let kept = query(
        "update jobs set status = 'waiting', lease = null, last_error = $4, again_at = null,
             due_at = case when again_at < $3 then again_at else $3 end
         where id = $1 and lease = $2",
    )
    .bind(&job.id)
    .bind(&job.lease)
    .bind(at)
    .bind(shortened(error))
    .execute(tx)
    .await?;
    Ok(settled(kept))
}

/// The job failed for the last time. One that was enqueued again while it ran gets that run first.
pub async fn bury(tx: &mut Tx, job: &Job, now: Timestamp, error: &str) -> Result<Settled, DbError> {
    let buried = query(
        "update jobs set status = 'dead', lease = null, due_at = $3, last_error = $4
         where id = $1 and lease = $2 and again_at is null",
    )
    .bind(&job.id)
    .bind(&job.lease)
    .bind(now)
    .bind(shortened(error))
    .execute(tx)
    .await?;
    if buried > 0 { Ok(Settled::Kept) } else { run_once_more(tx, job).await }
}

async fn run_once_more(tx: &mut Tx, job: &Job) -> Result<Settled, DbError> {
    let kept = query(
        "update jobs set status = 'waiting', lease = null, tries = 0, due_at = again_at, again_at = null
         where id = $1 and lease = $2 and again_at is not null",
    )
    .bind(&job.id)
    .bind(&job.lease)
    .execute(tx)
    .await?;
    Ok(settled(kept))
}

fn settled(rows: u64) -> Settled {
    if rows > 0 { Settled::Kept } else { Settled::Lost }
}

fn shortened(error: &str) -> String {
    error.chars().take(ERROR).collect()
}

/// How many jobs each lane has in each status; a dead one that was resolved is no job any more.
pub async fn depth(on: impl Into<On<'_>>) -> Result<Vec<(String, String, i64)>, DbError> {
    let rows = query(
        "select lane, status, count(*) as jobs from jobs where status <> 'dead' or resolved_at is null
         group by lane, status",
    )
    .all(on)
    .await?;
    rows.iter().map(|row| Ok((row.get("lane")?, row.get("status")?, row.get("jobs")?))).collect()
}
