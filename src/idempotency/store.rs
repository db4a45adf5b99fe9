//! The rows behind the promise. The insert comes first and its primary key is the lock.

use super::{Answer, Begun, Fingerprint, Key};
use crate::db::{DbError, Tx, query};
use crate::words::{Tenant, Timestamp};

/// Takes the key for this transaction, or says who had it first.
///
/// On PostgreSQL a second insert of a key waits for the first transaction to end: then it sees the answer, or, when that
/// one rolled back, takes the key itself. After anything but `Fresh` the transaction is of no further use: drop it.
pub async fn begin(
    tx: &mut Tx,
    tenant: &Tenant,
    key: &Key,
    fingerprint: &Fingerprint,
    now: Timestamp,
) -> Result<Begun, DbError> {
    // SQLite has one writer: whoever holds the same key has committed before we got here. On PostgreSQL the bound holds
    // for the rest of the transaction too: a caller rather hears "busy" than waits for a lock without end.
    let bounded = query(tx.pick("select 1", "set local lock_timeout = '3s'"));
    bounded.all(&mut *tx).await?;
    let inserted = query(
        "insert into idempotency_keys (merchant_id, livemode, key, fingerprint, created_at) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(key.as_str())
    .bind(fingerprint.as_str())
    .bind(now)
    .execute(tx)
    .await;
    match inserted {
        Ok(0) => earlier(tx, tenant, key, fingerprint).await,
        Ok(_) => Ok(Begun::Fresh),
        Err(error) if error.is_lock_timeout() => Ok(Begun::InFlight),
        Err(error) => Err(error),
    }
}

async fn earlier(tx: &mut Tx, tenant: &Tenant, key: &Key, fingerprint: &Fingerprint) -> Result<Begun, DbError> {
    let row = query(
        "select fingerprint, status, body from idempotency_keys where merchant_id = $1 and livemode = $2 and key = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(key.as_str())
    .optional(tx)
    .await?;
    // Gone between the two statements: purged for its age, or rolled back. The caller may simply ask again.
    let Some(row) = row else { return Ok(Begun::InFlight) };
    if row.get::<String>("fingerprint")? != fingerprint.as_str() {
        return Ok(Begun::Mismatch);
    }
    let (status, body) = (row.get::<Option<i64>>("status")?, row.get::<Option<String>>("body")?);
    Ok(match (status.and_then(|s| u16::try_from(s).ok()), body) {
        (Some(status), Some(body)) => Begun::Replay(Answer { status, body }),
        _ => Begun::InFlight,
    })
}

/// Remembers the answer, in the transaction that did the thing.
pub async fn finish(tx: &mut Tx, tenant: &Tenant, key: &Key, answer: &Answer) -> Result<(), DbError> {
    query("update idempotency_keys set status = $4, body = $5 where merchant_id = $1 and livemode = $2 and key = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(key.as_str())
        .bind(i64::from(answer.status))
        .bind(answer.body.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

/// Forgets keys first used before `before`; how many went. Run often, a batch at a time.
pub async fn forget_before(tx: &mut Tx, before: Timestamp, batch: i64) -> Result<u64, DbError> {
    query(
        "delete from idempotency_keys where (merchant_id, livemode, key) in
         (select merchant_id, livemode, key from idempotency_keys where created_at < $1 order by created_at limit $2)",
    )
    .bind(before)
    .bind(batch)
    .execute(tx)
    .await
}
