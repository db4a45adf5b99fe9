//! The SQL of endpoints. A deleted one stays as a row without keys, because deliveries name it.

use crate::db::{DbError, On, Row, Tx, query};
use crate::keyring::Keyring;
use crate::webhooks::{SigningKey, WebhookError};
use crate::words::{EndpointId, Page, Slice, Tenant, Timestamp};

use super::endpoint::{Endpoint, Status};

fn corrupt(column: &str, reason: &impl ToString) -> DbError {
    DbError::Corrupt { column: column.into(), reason: reason.to_string() }
}

fn endpoint(row: &Row) -> Result<Endpoint, DbError> {
    let status: String = row.get("status")?;
    let (events, metadata): (String, String) = (row.get("events")?, row.get("metadata")?);
    Ok(Endpoint {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        url: row.get("url")?,
        description: row.get("description")?,
        events: serde_json::from_str(&events).map_err(|error| corrupt("events", &error))?,
        metadata: serde_json::from_str(&metadata).map_err(|error| corrupt("metadata", &error))?,
        status: Status::parse(&status).ok_or_else(|| corrupt("status", &status))?,
        disabled_reason: row.get("disabled_reason")?,
        previous_secret_until: row.get("previous_secret_until")?,
        created_at: row.get("created_at")?,
    })
}

pub(super) async fn insert(tx: &mut Tx, endpoint: &Endpoint, sealed: Vec<u8>) -> Result<(), DbError> {
    query(
        "insert into webhook_endpoints
             (id, merchant_id, livemode, url, description, events, metadata, status, secret, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&endpoint.id)
    .bind(&endpoint.tenant.merchant)
    .bind(endpoint.tenant.mode)
    .bind(&endpoint.url)
    .bind(&endpoint.description)
    .bind(serde_json::json!(endpoint.events).to_string())
    .bind(serde_json::json!(endpoint.metadata).to_string())
    .bind(endpoint.status.as_str())
    .bind(sealed)
    .bind(endpoint.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// One endpoint of this tenant that was not deleted.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &EndpointId) -> Result<Option<Endpoint>, DbError> {
    let row = query(
        "select * from webhook_endpoints
         where merchant_id = $1 and livemode = $2 and id = $3 and status <> 'deleted'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .optional(on)
    .await?;
    row.as_ref().map(endpoint).transpose()
}

/// All endpoints of this tenant that were not deleted, newest first.
pub async fn list(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Vec<Endpoint>, DbError> {
    let rows = query(
        "select * from webhook_endpoints
         where merchant_id = $1 and livemode = $2 and status <> 'deleted' order by id desc",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .all(on)
    .await?;
    rows.iter().map(endpoint).collect()
}

/// A page of the same.
pub async fn page(on: impl Into<On<'_>>, tenant: &Tenant, page: &Page) -> Result<Slice<Endpoint>, DbError> {
    let sql = if page.is_backwards() {
        "select * from webhook_endpoints
         where merchant_id = $1 and livemode = $2 and status <> 'deleted' and id > $3 order by id limit $4"
    } else {
        "select * from webhook_endpoints
         where merchant_id = $1 and livemode = $2 and status <> 'deleted' and id < $3 order by id desc limit $4"
    };
    let rows =
        query(sql).bind(&tenant.merchant).bind(tenant.mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(endpoint).collect::<Result<_, _>>()?))
}

/// Those that messages are sent to.
pub async fn enabled(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Vec<Endpoint>, DbError> {
    let all = list(on, tenant).await?;
    Ok(all.into_iter().filter(|endpoint| endpoint.status == Status::Enabled).collect())
}

pub(super) async fn update(tx: &mut Tx, endpoint: &Endpoint) -> Result<(), DbError> {
    query(
        "update webhook_endpoints set url = $2, description = $3, events = $4, status = $5, disabled_reason = $6
         where id = $1 and status <> 'deleted'",
    )
    .bind(&endpoint.id)
    .bind(&endpoint.url)
    .bind(&endpoint.description)
    .bind(serde_json::json!(endpoint.events).to_string())
    .bind(endpoint.status.as_str())
    .bind(&endpoint.disabled_reason)
    .execute(tx)
    .await?;
    Ok(())
}

/// Stops sending because the receiver said so.
pub async fn disable(tx: &mut Tx, tenant: &Tenant, id: &EndpointId, reason: &str) -> Result<(), DbError> {
    query(
        "update webhook_endpoints set status = 'disabled', disabled_reason = $4
         where merchant_id = $1 and livemode = $2 and id = $3 and status = 'enabled'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn rotate(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &EndpointId,
    sealed: Vec<u8>,
    overlap_until: Timestamp,
) -> Result<bool, DbError> {
    let rotated = query(
        "update webhook_endpoints set previous_secret = secret, previous_secret_until = $4, secret = $5
         where merchant_id = $1 and livemode = $2 and id = $3 and status <> 'deleted'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(overlap_until)
    .bind(sealed)
    .execute(tx)
    .await?;
    Ok(rotated > 0)
}

pub(super) async fn delete(tx: &mut Tx, tenant: &Tenant, id: &EndpointId) -> Result<bool, DbError> {
    let deleted = query(
        "update webhook_endpoints
         set status = 'deleted', secret = $4, previous_secret = null, previous_secret_until = null
         where merchant_id = $1 and livemode = $2 and id = $3 and status <> 'deleted'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(Vec::new())
    .execute(tx)
    .await?;
    Ok(deleted > 0)
}

/// The keys that sign at `now`, the present one first.
pub async fn signing_keys(
    on: impl Into<On<'_>>,
    keyring: &Keyring,
    tenant: &Tenant,
    id: &EndpointId,
    now: Timestamp,
) -> Result<Vec<SigningKey>, WebhookError> {
    let row = query(
        "select secret, previous_secret, previous_secret_until from webhook_endpoints
         where merchant_id = $1 and livemode = $2 and id = $3 and status <> 'deleted'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .one(on)
    .await?;
    let mut sealed: Vec<Vec<u8>> = vec![row.get("secret")?];
    let overlapping = row.get::<Option<Timestamp>>("previous_secret_until")?.is_some_and(|until| now < until);
    if let Some(previous) = row.get::<Option<Vec<u8>>>("previous_secret")?.filter(|_| overlapping) {
        sealed.push(previous);
    }
    let mut keys = Vec::with_capacity(sealed.len());
    for sealed in sealed {
        let bytes = keyring.open(&sealed)?.expose().clone();
        keys.push(SigningKey::from_bytes(bytes).ok_or_else(|| corrupt("secret", &"a key of a wrong length"))?);
    }
    Ok(keys)
}
