//! The SQL of taking work: whose turn it is, and what must be taken alone.

use std::time::Duration;

use super::super::job::Job;
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{Timestamp, random_base62};

/// How many jobs a worker has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For whoever's turn it is.
    pub open: i64,
    /// Beyond that, for merchants of whom next to nothing is running: whose receiver hangs cannot take these.
    pub spare: i64,
}

impl From<i64> for Room {
    fn from(open: i64) -> Self {
        Self { open, spare: 0 }
    }
}

/// Jobs beyond the first of each merchant that a claim looks at, all in all.
const LOOKED_AT: i64 = 400;

/// Jobs of one merchant that spare room is for.
const FEW: i64 = 2;

/// Whether anything in this lane is due: a read, so that an idle worker writes nothing.
pub async fn has_due(on: impl Into<On<'_>>, lane: &str, now: Timestamp) -> Result<bool, DbError> {
    let found = query("select id from jobs where lane = $1 and status <> 'dead' and due_at <= $2 limit 1")
        .bind(lane)
        .bind(now)
        .optional(on)
        .await?;
    Ok(found.is_some())
}

/// Whether a job is due in this lane that must be taken alone.
pub async fn has_suspect(on: impl Into<On<'_>>, lane: &str, now: Timestamp) -> Result<bool, DbError> {
    let found =
        query("select id from jobs where lane = $1 and status <> 'dead' and unheard >= 2 and due_at <= $2 limit 1")
            .bind(lane)
            .bind(now)
            .optional(on)
            .await?;
    Ok(found.is_some())
}

/// Claims due jobs for `lease`, as many as there is `room` for. Merchants take turns, however much of one waits, and those
/// of whom fewer jobs are running come first: one whose receivers are slow does not hold up the others. Jobs whose last
/// two runs ended with their worker are left to [`claim_suspect`].
///
/// `merchants` steps from one merchant that has work to the next, `firsts` finds the oldest of each, and `heads` steps on
/// through a few more of each, the fewer the more merchants there are: what else they have waiting is not read. `r²/4m` more
/// of each, for room `r` and `m` merchants, always fill the room whoever has how much: `m + r²/4m >= r`. The outer `where` repeats the condition: on PostgreSQL a second worker that waited for the
/// row sees there that the first one took it.
pub async fn claim(
    tx: &mut Tx,
    lane: &str,
    room: impl Into<Room>,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<Job>, DbError> {
    let Room { open, spare } = room.into();
    let rows = query(
        "update jobs set status = 'running', lease = $1, due_at = $2, tries = tries + 1, unheard = unheard + 1,
             again_at = null
         where id in (
             with recursive merchants (merchant) as (
                 select '' union all
                 select (select coalesce(merchant_id, '') from jobs
                         where lane = $3 and status <> 'dead' and coalesce(merchant_id, '') > merchants.merchant
                         order by coalesce(merchant_id, '') limit 1)
                 from merchants where merchants.merchant is not null
             ), firsts (merchant, id) as (
                 select merchant,
                        (select id from jobs
                         where lane = $3 and status <> 'dead' and coalesce(merchant_id, '') = merchants.merchant
                             and due_at <= $4 and unheard < 2 order by due_at, id limit 1)
                 from merchants where merchants.merchant is not null
             ), heads (merchant, id, nth) as (
                 select merchant, id, 1 from firsts where firsts.id is not null
                 union all
                 select merchant,
                        (select id from jobs
                         where lane = $3 and status <> 'dead' and coalesce(merchant_id, '') = heads.merchant
                             and due_at <= $4 and unheard < 2
                             and (due_at, id) > ((select last.due_at from jobs last where last.id = heads.id), heads.id)
                         order by due_at, id limit 1), nth + 1
                 from heads
                 where heads.id is not null and heads.nth < $5
                     and heads.nth <= $8 / (select count(*) from firsts where firsts.id is not null)
             )
             select placed.id from (
                 select fair.id, fair.turn, row_number() over (order by fair.turn, fair.due_at, fair.id) as place
                 from (
                     select heads.id, coalesce(busy.jobs, 0) + heads.nth as turn,
                            (select waiting.due_at from jobs waiting where waiting.id = heads.id) as due_at
                     from heads left join (
                         select coalesce(merchant_id, '') as merchant, count(*) as jobs from jobs
                         where lane = $3 and status = 'running' and due_at > $4 group by coalesce(merchant_id, '')
                     ) as busy on busy.merchant = heads.merchant
                     where heads.id is not null
                 ) as fair
             ) as placed
             where placed.place <= $6 or (placed.place <= $5 and placed.turn <= $7)
         ) and status <> 'dead' and due_at <= $4 and unheard < 2
         returning id, kind, key, payload, tries, unheard, failures, lease",
    )
    .bind(random_base62(22))
    .bind(now.plus(lease))
    .bind(lane)
    .bind(now)
    .bind(open.saturating_add(spare))
    .bind(open)
    .bind(FEW)
    .bind(LOOKED_AT.max(open.saturating_add(spare).saturating_pow(2) / 4))
    .all(tx)
    .await?;
    rows.iter().map(claimed).collect()
}

/// Claims for `lease` the job that waits longest of those whose last two runs ended with their worker: whoever takes it
/// has nothing else at hand, so that a third end is its doing and costs nobody else.
pub async fn claim_suspect(tx: &mut Tx, lane: &str, now: Timestamp, lease: Duration) -> Result<Option<Job>, DbError> {
    let row = query(
        "update jobs set status = 'running', lease = $1, due_at = $2, tries = tries + 1, unheard = unheard + 1,
             again_at = null
         where id in (
             select id from jobs where lane = $3 and status <> 'dead' and unheard >= 2 and due_at <= $4
             order by due_at limit 1
         ) and status <> 'dead' and due_at <= $4
         returning id, kind, key, payload, tries, unheard, failures, lease",
    )
    .bind(random_base62(22))
    .bind(now.plus(lease))
    .bind(lane)
    .bind(now)
    .optional(tx)
    .await?;
    row.as_ref().map(claimed).transpose()
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
        "update jobs set status = 'running', lease = $1, due_at = $2, tries = tries + 1, unheard = unheard + 1,
             again_at = null
         where kind = $3 and key = $4 and status <> 'dead' and (status = 'waiting' or (status = 'running' and due_at <= $5))
         returning id, kind, key, payload, tries, unheard, failures, lease",
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

/// One that cannot be read is claimed all the same: it fails by itself and not the others that were claimed with it.
fn claimed(row: &Row) -> Result<Job, DbError> {
    let count = |column| row.get::<i64>(column).map(|many| u32::try_from(many).unwrap_or(u32::MAX));
    Ok(Job {
        id: row.get("id")?,
        kind: row.get("kind")?,
        key: row.get("key")?,
        payload: serde_json::from_str(&row.get::<String>("payload")?).ok(),
        tries: count("tries")?,
        deaths: count("unheard")?.saturating_sub(1),
        failures: count("failures")?,
        lease: row.get("lease")?,
    })
}
