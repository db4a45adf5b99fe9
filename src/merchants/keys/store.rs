//! The keys' rows. No statement here ever sees a key's text.

use std::time::Duration;

use super::{Key, Kind, scope};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{KeyId, Page, Slice, Tenant, Timestamp};

/// Uses closer together than this are noted once.
pub const USE_GRAIN: Duration = Duration::from_mins(1);

pub(super) async fn insert(tx: &mut Tx, key: &Key, hash: &str) -> Result<(), DbError> {
    query(
        "insert into api_keys (id, merchant_id, livemode, kind, scopes, name, hash, last4, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&key.id)
    .bind(&key.tenant.merchant)
    .bind(key.tenant.mode)
    .bind(key.kind.as_str())
    .bind(scope::joined(&key.scopes))
    .bind(&key.name)
    .bind(hash)
    .bind(key.last4.as_str())
    .bind(key.created_at)
    .bind(key.expires_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// The key with this hash, whoever's it is: the one lookup that cannot name the tenant first.
pub(super) async fn by_hash(on: impl Into<On<'_>>, hash: &str) -> Result<Option<Key>, DbError> {
    let row = query(
        "select id, merchant_id, livemode, kind, scopes, name, last4, created_at, last_used_at, expires_at, revoked_at,
         replaced_by from api_keys where hash = $1",
    )
    .bind(hash)
    .optional(on)
    .await?;
    row.as_ref().map(read).transpose()
}

/// One of this tenant's keys.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &KeyId) -> Result<Option<Key>, DbError> {
    let row = query(
        "select id, merchant_id, livemode, kind, scopes, name, last4, created_at, last_used_at, expires_at, revoked_at,
         replaced_by from api_keys where merchant_id = $1 and livemode = $2 and id = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .optional(on)
    .await?;
    row.as_ref().map(read).transpose()
}

/// A page of this tenant's keys, newest first.
pub async fn list(on: impl Into<On<'_>>, tenant: &Tenant, page: &Page) -> Result<Slice<Key>, DbError> {
    let sql = if page.is_backwards() {
        "select id, merchant_id, livemode, kind, scopes, name, last4, created_at, last_used_at, expires_at, revoked_at,
         replaced_by from api_keys where merchant_id = $1 and livemode = $2 and id > $3 order by id limit $4"
    } else {
        "select id, merchant_id, livemode, kind, scopes, name, last4, created_at, last_used_at, expires_at, revoked_at,
         replaced_by from api_keys where merchant_id = $1 and livemode = $2 and id < $3 order by id desc limit $4"
    };
    let rows =
        query(sql).bind(&tenant.merchant).bind(tenant.mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

pub(super) async fn revoke(tx: &mut Tx, tenant: &Tenant, id: &KeyId, now: Timestamp) -> Result<(), DbError> {
    query(
        "update api_keys set revoked_at = $4
         where merchant_id = $1 and livemode = $2 and id = $3 and revoked_at is null",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn replace(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &KeyId,
    by: &KeyId,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, DbError> {
    let touched = query(
        "update api_keys set replaced_by = $4, expires_at = $5
         where merchant_id = $1 and livemode = $2 and id = $3 and replaced_by is null and revoked_at is null
         and (expires_at is null or expires_at > $6)",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(by)
    .bind(until)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(touched == 1)
}

/// Notes that a key was used, unless that was noted within the last minute.
pub async fn note_use(tx: &mut Tx, tenant: &Tenant, id: &KeyId, now: Timestamp) -> Result<(), DbError> {
    query(
        "update api_keys set last_used_at = $4
         where merchant_id = $1 and livemode = $2 and id = $3 and (last_used_at is null or last_used_at <= $5)",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(now)
    .bind(now.minus(USE_GRAIN))
    .execute(tx)
    .await?;
    Ok(())
}

fn read(row: &Row) -> Result<Key, DbError> {
    let (kind, scopes): (String, String) = (row.get("kind")?, row.get("scopes")?);
    let corrupt =
        |column: &str, reason: &str| DbError::Corrupt { column: column.to_owned(), reason: reason.to_owned() };
    Ok(Key {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        kind: Kind::parse(&kind).ok_or_else(|| corrupt("kind", "not a kind of key"))?,
        scopes: scope::split(&scopes).ok_or_else(|| corrupt("scopes", "not scopes"))?,
        name: row.get("name")?,
        last4: row.get("last4")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
        replaced_by: row.get("replaced_by")?,
    })
}
