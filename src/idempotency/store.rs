//! The rows behind the promise. The insert comes first and its primary key is the lock.

use super::{Answer, Begun, Fingerprint, Key, Taken};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{PaymentId, Tenant, Timestamp};

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
    // Gone between the two statements: purged for its age, or rolled back. The caller may simply ask again.
    let Some(row) = row_of(tx, tenant, key).await? else { return Ok(Begun::InFlight) };
    if row.get::<String>("fingerprint")? != fingerprint.as_str() {
        return Ok(Begun::Mismatch);
    }
    Ok(match (answer(&row)?, row.get("object_id")?, row.get("leased_until")?) {
        (Some(answer), ..) => Begun::Replay(answer),
        (None, Some(object), Some(until)) => Begun::Taken(Taken { object, until }),
        _ => Begun::InFlight,
    })
}

async fn row_of(on: impl Into<On<'_>>, tenant: &Tenant, key: &Key) -> Result<Option<Row>, DbError> {
    query(
        "select fingerprint, status, body, object_id, leased_until from idempotency_keys
         where merchant_id = $1 and livemode = $2 and key = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(key.as_str())
    .optional(on)
    .await
}

fn answer(row: &Row) -> Result<Option<Answer>, DbError> {
    let (status, body) = (row.get::<Option<i64>>("status")?, row.get::<Option<String>>("body")?);
    Ok(status.and_then(|status| u16::try_from(status).ok()).zip(body).map(|(status, body)| Answer { status, body }))
}

/// The answer that was given under a key, if one was.
pub async fn answered(on: impl Into<On<'_>>, tenant: &Tenant, key: &Key) -> Result<Option<Answer>, DbError> {
    row_of(on, tenant, key).await?.map_or(Ok(None), |row| answer(&row))
}

/// Remembers the answer, in the transaction that did the thing or after it. False when there is an answer already: the
/// first one stays.
pub async fn finish(tx: &mut Tx, tenant: &Tenant, key: &Key, answer: &Answer) -> Result<bool, DbError> {
    let finished = query(
        "update idempotency_keys set status = $4, body = $5
         where merchant_id = $1 and livemode = $2 and key = $3 and status is null",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(key.as_str())
    .bind(i64::from(answer.status))
    .bind(answer.body.as_str())
    .execute(tx)
    .await?;
    Ok(finished == 1)
}

/// Writes which payment the key is about: it is not forgotten while that payment is there.
pub async fn belongs_to(tx: &mut Tx, tenant: &Tenant, key: &Key, payment: &PaymentId) -> Result<(), DbError> {
    query("update idempotency_keys set payment_id = $4 where merchant_id = $1 and livemode = $2 and key = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(key.as_str())
        .bind(payment)
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes what was made under the key, in the transaction that made it: the key is never forgotten.
pub async fn made(tx: &mut Tx, tenant: &Tenant, key: &Key, object: &str) -> Result<(), DbError> {
    query("update idempotency_keys set object_id = $4 where merchant_id = $1 and livemode = $2 and key = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(key.as_str())
        .bind(object)
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes what the call has taken on, in the transaction that took it on, until when its caller will have answered, and
/// which payment it is about.
pub async fn take_on(
    tx: &mut Tx,
    tenant: &Tenant,
    key: &Key,
    taken: &Taken,
    payment: Option<&PaymentId>,
) -> Result<(), DbError> {
    query(
        "update idempotency_keys set object_id = $4, leased_until = $5, payment_id = $6
         where merchant_id = $1 and livemode = $2 and key = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(key.as_str())
    .bind(taken.object.as_str())
    .bind(taken.until)
    .bind(payment.map(PaymentId::as_str))
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes over what `taken` left unanswered, until `until`. False when somebody else was faster.
pub async fn take_over(
    tx: &mut Tx,
    tenant: &Tenant,
    key: &Key,
    taken: &Taken,
    until: Timestamp,
) -> Result<bool, DbError> {
    let taken_over = query(
        "update idempotency_keys set leased_until = $5
         where merchant_id = $1 and livemode = $2 and key = $3 and leased_until = $4 and status is null",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(key.as_str())
    .bind(taken.until)
    .bind(until)
    .execute(tx)
    .await?;
    Ok(taken_over == 1)
}

/// Forgets keys first used before `before` that belong to no payment and neither made nor took on anything that lasts; how many went. Run often, a
/// batch at a time.
pub async fn forget_before(tx: &mut Tx, before: Timestamp, batch: i64) -> Result<u64, DbError> {
    query(
        "delete from idempotency_keys where (merchant_id, livemode, key) in
         (select merchant_id, livemode, key from idempotency_keys
          where payment_id is null and object_id is null and created_at < $1 order by created_at limit $2)",
    )
    .bind(before)
    .bind(batch)
    .execute(tx)
    .await
}
