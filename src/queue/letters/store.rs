//! The SQL of dead letters.

use super::{DeadJob, DeadKind, Resolved};
use crate::db::{DbError, On, Row, Tx, Value, query};
use crate::words::{JobId, Mode, Page, Slice, Tenant, Timestamp};

fn read(row: &Row) -> Result<DeadJob, DbError> {
    let merchant = row.get("merchant_id")?;
    let mode: Option<bool> = row.get("livemode")?;
    let mode = mode.map(|live| if live { Mode::Live } else { Mode::Test });
    let at: Option<Timestamp> = row.get("resolved_at")?;
    let (by, reason): (Option<String>, Option<String>) = (row.get("resolved_by")?, row.get("resolution")?);
    Ok(DeadJob {
        id: row.get("id")?,
        kind: row.get("kind")?,
        key: row.get("key")?,
        tenant: Option::zip(Option::clone(&merchant), mode).map(|(merchant, mode)| Tenant::new(merchant, mode)),
        merchant,
        tries: row.get("tries")?,
        last_error: row.get("last_error")?,
        died_at: row.get("due_at")?,
        resolved: at.map(|at| Resolved { at, by: by.unwrap_or_default(), reason: reason.unwrap_or_default() }),
    })
}

/// Open dead letters, the oldest first.
pub async fn dead(on: impl Into<On<'_>>, limit: i64) -> Result<Vec<DeadJob>, DbError> {
    let rows = query("select * from jobs where status = 'dead' and resolved_at is null order by due_at, id limit $1")
        .bind(limit)
        .all(on)
        .await?;
    rows.iter().map(read).collect()
}

/// Resolved dead letters, the last decision first.
pub async fn resolved(on: impl Into<On<'_>>, limit: i64) -> Result<Vec<DeadJob>, DbError> {
    let rows = query(
        "select * from jobs where status = 'dead' and resolved_at is not null order by resolved_at desc, id limit $1",
    )
    .bind(limit)
    .all(on)
    .await?;
    rows.iter().map(read).collect()
}

/// One dead letter, open or resolved.
pub async fn find(on: impl Into<On<'_>>, id: &JobId) -> Result<Option<DeadJob>, DbError> {
    let row = query("select * from jobs where id = $1 and status = 'dead'").bind(id).optional(on).await?;
    row.as_ref().map(read).transpose()
}

/// A page of a tenant's dead letters, open or resolved, newest first.
pub async fn of_tenant(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    resolved: bool,
    page: &Page,
) -> Result<Slice<DeadJob>, DbError> {
    let sql = if page.is_backwards() {
        "select * from jobs where merchant_id = $1 and livemode = $2 and status = 'dead'
             and (resolved_at is not null) = $3 and id > $4 order by id limit $5"
    } else {
        "select * from jobs where merchant_id = $1 and livemode = $2 and status = 'dead'
             and (resolved_at is not null) = $3 and id < $4 order by id desc limit $5"
    };
    let rows = query(sql)
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(resolved)
        .bind(page.cursor())
        .bind(page.fetch())
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

/// What was given up of one piece of a tenant's work, open or resolved, the last first.
pub async fn of_work(on: impl Into<On<'_>>, tenant: &Tenant, kind: &str, key: &str) -> Result<Vec<DeadJob>, DbError> {
    let rows = query(
        "select * from jobs where merchant_id = $1 and livemode = $2 and status = 'dead' and kind = $3 and key = $4
         order by id desc",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(kind)
    .bind(key)
    .all(on)
    .await?;
    rows.iter().map(read).collect()
}

/// Gives an open dead letter another life, due now. False when there is none, or when the same work has been enqueued
/// anew since and needs no second job.
pub async fn revive(tx: &mut Tx, id: &JobId, now: Timestamp) -> Result<bool, DbError> {
    let revived = query(
        "update jobs set status = 'waiting', tries = 0, unheard = 0, failures = 0, due_at = $2
         where id = $1 and status = 'dead' and resolved_at is null and not exists (
             select 1 from jobs other where other.kind = jobs.kind and other.key = jobs.key and other.status <> 'dead')",
    )
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(revived > 0)
}

/// How many open ones there are of each kind, and since when the oldest of it waits.
pub async fn kinds(on: impl Into<On<'_>>) -> Result<Vec<DeadKind>, DbError> {
    let rows = query(
        "select kind, count(*) as letters, min(due_at) as oldest from jobs
         where status = 'dead' and resolved_at is null group by kind order by kind",
    )
    .all(on)
    .await?;
    rows.iter()
        .map(|row| Ok(DeadKind { kind: row.get("kind")?, letters: row.get("letters")?, oldest: row.get("oldest")? }))
        .collect()
}

/// As [`revive`], for up to `limit` open ones of a kind, of everybody or of one tenant, each work once; gives what they
/// were to be done to.
pub async fn revive_all(
    tx: &mut Tx,
    kind: &str,
    tenant: Option<&Tenant>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<String>, DbError> {
    let rows = query(
        "update jobs set status = 'waiting', tries = 0, unheard = 0, failures = 0, due_at = $3
         where id in (select max(same.id) from jobs same
                      where same.kind = $1 and same.status = 'dead' and same.resolved_at is null
                          and ((same.merchant_id = $4 and same.livemode = $5) or $4 is null) and not exists (
                          select 1 from jobs other
                          where other.kind = same.kind and other.key = same.key and other.status <> 'dead')
                      group by same.key order by min(same.due_at) limit $2)
           and status = 'dead' and resolved_at is null
         returning key",
    )
    .bind(kind)
    .bind(limit)
    .bind(now)
    .bind(Value::Text(tenant.map(|tenant| tenant.merchant.to_string())))
    .bind(Value::Bool(tenant.map(|tenant| tenant.mode.is_live())))
    .all(tx)
    .await?;
    rows.iter().map(|row| row.get("key")).collect()
}

/// Writes that `by` decided that an open dead letter needs nothing more. False when there is no such open one.
pub async fn resolve(tx: &mut Tx, id: &JobId, by: &str, reason: &str, now: Timestamp) -> Result<bool, DbError> {
    let resolved = query(
        "update jobs set resolved_at = $2, resolved_by = $3, resolution = $4
         where id = $1 and status = 'dead' and resolved_at is null",
    )
    .bind(id)
    .bind(now)
    .bind(by)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(resolved > 0)
}

/// As [`resolve`], for every open dead letter of one work, which is done in another way now.
pub async fn resolve_all(
    tx: &mut Tx,
    kind: &str,
    key: &str,
    by: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    query(
        "update jobs set resolved_at = $3, resolved_by = $4, resolution = $5
         where kind = $1 and key = $2 and status = 'dead' and resolved_at is null",
    )
    .bind(kind)
    .bind(key)
    .bind(now)
    .bind(by)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(())
}
