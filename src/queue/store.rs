//! The SQL of the queue. Every change of a running job names its lease, so a worker that was slower than its lease
//! changes nothing.

mod claim;
mod failures;

pub use claim::{Room, claim, claim_one, claim_suspect, has_due, has_suspect};
pub use failures::{Failure, of_job};

use std::time::Duration;

use super::job::{Job, NewJob};
use crate::db::{Db, DbError, On, Tx, Value, insert_many, query};
use crate::words::{JobId, Timestamp};

/// Rows of one insert.
const BATCH: usize = 200;

/// No job is put off for longer: the settings refuse to wait longer than a week, and so does whatever asks us to wait.
const LONGEST: Duration = Duration::from_hours(7 * 24);

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

/// Pulls back what a clock that ran ahead has put off in this lane: a worker's claim to `lease` from now, for it may be at it still, and
/// what waits for longer than anything of ours waits to now. Says how many there were.
pub async fn pull_back(db: &Db, lane: &str, now: Timestamp, lease: Duration) -> Result<u64, DbError> {
    let mut tx = db.begin().await?;
    let claimed = query("update jobs set due_at = $2 where lane = $1 and status = 'running' and due_at > $3")
        .bind(lane)
        .bind(now.plus(lease))
        .bind(now.furthest(lease))
        .execute(&mut tx)
        .await?;
    let again = query("update jobs set again_at = $2 where lane = $1 and status = 'running' and again_at > $3")
        .bind(lane)
        .bind(now)
        .bind(now.furthest(LONGEST))
        .execute(&mut tx)
        .await?;
    let waiting = query(
        "update jobs set due_at = $2 where lane = $1 and status <> 'dead' and status = 'waiting' and due_at > $3",
    )
    .bind(lane)
    .bind(now)
    .bind(now.furthest(LONGEST))
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(claimed.saturating_add(again).saturating_add(waiting))
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
        "update jobs set status = 'waiting', lease = null, tries = 0, unheard = 0, failures = 0, last_error = null,
             again_at = null, due_at = case when again_at < $3 then again_at else $3 end
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
pub async fn try_later(tx: &mut Tx, job: &Job, now: Timestamp, at: Timestamp, error: &str) -> Result<Settled, DbError> {
    let kept = query(
        "update jobs set status = 'waiting', lease = null, unheard = 0, failures = failures + 1, last_error = $4,
             again_at = null, due_at = case when again_at < $3 then again_at else $3 end
         where id = $1 and lease = $2",
    )
    .bind(&job.id)
    .bind(&job.lease)
    .bind(at)
    .bind(shortened(error))
    .execute(&mut *tx)
    .await?;
    if kept > 0 {
        failures::keep(tx, &job.id, now, &shortened(error)).await?;
    }
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
    .execute(&mut *tx)
    .await?;
    if buried == 0 {
        return run_once_more(tx, job).await;
    }
    failures::keep(tx, &job.id, now, &shortened(error)).await?;
    Ok(Settled::Kept)
}

async fn run_once_more(tx: &mut Tx, job: &Job) -> Result<Settled, DbError> {
    let kept = query(
        "update jobs set status = 'waiting', lease = null, tries = 0, unheard = 0, failures = 0, due_at = again_at,
             again_at = null
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
