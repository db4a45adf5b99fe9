//! The SQL of deliveries and their tries.

use super::delivery::{Attempt, Delivery, Status};
use crate::db::{DbError, List, On, Row, Tx, Value, insert_many, query};
use crate::words::{DeliveryId, EndpointId, EventId, Page, Slice, Tenant, Timestamp};

/// Rows of one insert; a row may hold 20 kB.
const BATCH: usize = 50;

fn delivery(row: &Row) -> Result<Delivery, DbError> {
    let status: String = row.get("status")?;
    let status = Status::parse(&status)
        .ok_or_else(|| DbError::Corrupt { column: "status".into(), reason: format!("{status} is no status") })?;
    Ok(Delivery {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        endpoint: row.get("endpoint_id")?,
        event: row.get("event_id")?,
        kind: row.get("kind")?,
        object_id: row.get("object_id")?,
        payload: row.get("payload")?,
        status,
        attempts: row.get("attempts")?,
        round: row.get("round")?,
        round_attempts: row.get("round_attempts")?,
        next_attempt_at: row.get("next_attempt_at")?,
        last_status: row.get("last_status")?,
        last_error: row.get("last_error")?,
        created_at: row.get("created_at")?,
        finished_at: row.get("finished_at")?,
    })
}

/// Writes deliveries; one that is there already is opened again, as it was made. Gives them as they now are.
pub(super) async fn insert_all(tx: &mut Tx, deliveries: &[Delivery]) -> Result<Vec<Delivery>, DbError> {
    let mut all = Vec::with_capacity(deliveries.len());
    for some in deliveries.chunks(BATCH) {
        let rows = insert_many(
            "insert into webhook_deliveries (id, merchant_id, livemode, endpoint_id, event_id, kind, object_id,
                 payload, status, next_attempt_at, created_at)",
            some.iter().map(new_row).collect(),
            "on conflict (event_id, endpoint_id) do update set status = 'pending', round = webhook_deliveries.round + 1,
                 round_attempts = 0,
                 next_attempt_at = excluded.next_attempt_at, finished_at = null
             returning *",
        )
        .all(&mut *tx)
        .await?;
        for row in &rows {
            all.push(delivery(row)?);
        }
    }
    Ok(all)
}

fn new_row(delivery: &Delivery) -> Vec<Value> {
    vec![
        (&delivery.id).into(),
        (&delivery.tenant.merchant).into(),
        delivery.tenant.mode.into(),
        (&delivery.endpoint).into(),
        (&delivery.event).into(),
        (&delivery.kind).into(),
        (&delivery.object_id).into(),
        (&delivery.payload).into(),
        delivery.status.as_str().into(),
        delivery.next_attempt_at.into(),
        delivery.created_at.into(),
    ]
}

/// One delivery of this tenant.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &DeliveryId) -> Result<Option<Delivery>, DbError> {
    let row = query("select * from webhook_deliveries where merchant_id = $1 and livemode = $2 and id = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(id)
        .optional(on)
        .await?;
    row.as_ref().map(delivery).transpose()
}

/// One delivery of any tenant, for the worker, whose job names nothing else.
pub async fn by_id(on: impl Into<On<'_>>, id: &DeliveryId) -> Result<Option<Delivery>, DbError> {
    let row = query("select * from webhook_deliveries where id = $1").bind(id).optional(on).await?;
    row.as_ref().map(delivery).transpose()
}

/// Which deliveries a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only to this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only of this event.
    pub event: Option<EventId>,
    /// Only that stand so.
    pub status: Option<Status>,
    /// Only of this event type.
    pub kind: Option<String>,
}

/// A page of a tenant's deliveries, newest first.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Delivery>, DbError> {
    let rows = List::of("webhook_deliveries", tenant)
        .belonging("event_id", "events", &filter.event)
        .belonging("endpoint_id", "webhook_endpoints", &filter.endpoint)
        .only("status", filter.status.map(Status::as_str))
        .only("kind", &filter.kind)
        .page(page)
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(delivery).collect::<Result<_, _>>()?))
}

/// What was told about one object, in order: by time, for in the order of ids SQLite would read all of the tenant's.
pub async fn of_object(on: impl Into<On<'_>>, tenant: &Tenant, object_id: &str) -> Result<Vec<Delivery>, DbError> {
    let rows = query(
        "select * from webhook_deliveries
         where merchant_id = $1 and livemode = $2 and object_id = $3 order by created_at, id limit 500",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(object_id)
    .all(on)
    .await?;
    rows.iter().map(delivery).collect()
}

/// Every try of a delivery, in order. The caller has read the delivery as its tenant.
pub async fn attempts(on: impl Into<On<'_>>, delivery: &Delivery) -> Result<Vec<Attempt>, DbError> {
    let rows = query("select * from webhook_attempts where delivery_id = $1 order by number limit 500")
        .bind(&delivery.id)
        .all(on)
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Attempt {
                number: row.get("number")?,
                at: row.get("at")?,
                status: row.get("status")?,
                error: row.get("error")?,
                millis: row.get("millis")?,
                excerpt: row.get("excerpt")?,
            })
        })
        .collect()
}

/// Writes a try of `delivery` down, under the next number, and how the delivery stands after it. False when it was asked
/// for again meanwhile: it stays open then, for what was asked for is still to be done.
pub async fn record(
    tx: &mut Tx,
    delivery: &Delivery,
    attempt: &Attempt,
    status: Status,
    next_attempt_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let id = &delivery.id;
    let row = query(
        "update webhook_deliveries
         set attempts = attempts + 1, last_status = coalesce($2, last_status), last_error = $3
         where id = $1 returning attempts",
    )
    .bind(id)
    .bind(attempt.status)
    .bind(&attempt.error)
    .one(&mut *tx)
    .await?;
    let stands = query(
        "update webhook_deliveries
         set round_attempts = round_attempts + 1, status = $3, next_attempt_at = $4, finished_at = $5
         where id = $1 and round = $2",
    )
    .bind(id)
    .bind(delivery.round)
    .bind(status.as_str())
    .bind(next_attempt_at)
    .bind((status != Status::Pending).then_some(now))
    .execute(&mut *tx)
    .await?;
    query(
        "insert into webhook_attempts (delivery_id, number, at, status, error, millis, excerpt)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(id)
    .bind(row.get::<i64>("attempts")?)
    .bind(attempt.at)
    .bind(attempt.status)
    .bind(&attempt.error)
    .bind(attempt.millis)
    .bind(&attempt.excerpt)
    .execute(tx)
    .await?;
    Ok(stands > 0)
}

/// Ends a pending delivery without a try.
pub async fn give_up(tx: &mut Tx, id: &DeliveryId, reason: &str, now: Timestamp) -> Result<(), DbError> {
    query(
        "update webhook_deliveries set status = 'failed', next_attempt_at = null, last_error = $2, finished_at = $3
         where id = $1 and status = 'pending'",
    )
    .bind(id)
    .bind(reason)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Opens a delivery that was given up again, with a fresh round of tries; its job is the caller's to see to.
pub async fn reopen(tx: &mut Tx, id: &DeliveryId, now: Timestamp) -> Result<(), DbError> {
    query(
        "update webhook_deliveries
         set status = 'pending', round = round + 1, round_attempts = 0, next_attempt_at = $2, finished_at = null
         where id = $1 and status <> 'succeeded'",
    )
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

pub(super) async fn reopen_of(tx: &mut Tx, tenant: &Tenant, id: &DeliveryId, now: Timestamp) -> Result<bool, DbError> {
    let reopened = query(
        "update webhook_deliveries
         set status = 'pending', round = round + 1, round_attempts = 0, next_attempt_at = $4, finished_at = null
         where merchant_id = $1 and livemode = $2 and id = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(reopened > 0)
}
