//! The SQL of events, the log and its readers.

use super::event::{Event, NewEvent};
use crate::db::{DbError, List, On, Row, Tx, query};
use crate::words::{EventId, MerchantId, Page, Slice, Tenant, Timestamp};

/// Writes one event in the caller's transaction and gives its id.
///
/// The caller's transaction must already hold the object (it has changed its row): that is what makes the numbers of
/// one object follow the order of its changes. Two that do not would break the unique number, and one is refused.
pub async fn append(tx: &mut Tx, event: NewEvent<'_>) -> Result<EventId, DbError> {
    let id = EventId::new();
    query(
        "insert into events (id, merchant_id, livemode, kind, object_id, sequence, data, created_at)
         values ($1, $2, $3, $4, $5, 1 + coalesce(
             (select max(sequence) from events where merchant_id = $2 and livemode = $3 and object_id = $5), 0), $6, $7)",
    )
    .bind(&id)
    .bind(&event.tenant.merchant)
    .bind(event.tenant.mode)
    .bind(event.kind)
    .bind(event.object_id)
    .bind(event.data.to_string())
    .bind(event.now)
    .execute(tx)
    .await?;
    Ok(id)
}

fn event(row: &Row) -> Result<Event, DbError> {
    let data: String = row.get("data")?;
    let object = serde_json::from_str(&data)
        .map_err(|error| DbError::Corrupt { column: "data".into(), reason: error.to_string() })?;
    Ok(Event {
        id: row.get("id")?,
        tenant: Tenant { merchant: row.get::<MerchantId>("merchant_id")?, mode: row.get("livemode")? },
        kind: row.get("kind")?,
        object_id: row.get("object_id")?,
        sequence: row.get("sequence")?,
        object,
        created_at: row.get("created_at")?,
    })
}

/// One event of this tenant.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &EventId) -> Result<Option<Event>, DbError> {
    let row = query("select * from events where merchant_id = $1 and livemode = $2 and id = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(id)
        .optional(on)
        .await?;
    row.as_ref().map(event).transpose()
}

/// Everything that happened to one object, in order.
pub async fn of_object(on: impl Into<On<'_>>, tenant: &Tenant, object_id: &str) -> Result<Vec<Event>, DbError> {
    let rows = query(
        "select * from events where merchant_id = $1 and livemode = $2 and object_id = $3 order by sequence limit 500",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(object_id)
    .all(on)
    .await?;
    rows.iter().map(event).collect()
}

/// Which events a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this type.
    pub kind: Option<String>,
    /// Only of this object.
    pub object_id: Option<String>,
    /// Not before this instant.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// A page of a tenant's events, newest first.
pub async fn list(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    filter: &Filter,
    page: &Page,
) -> Result<Slice<Event>, DbError> {
    let rows = List::of("events", tenant)
        .only("kind", &filter.kind)
        .of_one_in("object_id", &filter.object_id, "sequence")
        .created(">=", filter.from)
        .created("<", filter.until)
        .page(page)
        .all(on)
        .await?;
    Ok(page.cut(rows.iter().map(event).collect::<Result<_, _>>()?))
}

/// Whether committed events wait for their place: a read, so that an idle worker writes nothing.
pub async fn awaits_place(on: impl Into<On<'_>>) -> Result<bool, DbError> {
    Ok(query("select id from events where position is null limit 1").optional(on).await?.is_some())
}

/// Gives places to up to `limit` committed events and says to how many.
///
/// The update of the log's one row comes first and makes every other placer wait until this transaction ends, so places
/// become visible in their order and none is left out.
pub async fn place(tx: &mut Tx, limit: i64) -> Result<u64, DbError> {
    let row = query("update event_log set last_position = last_position where id = 1 returning last_position")
        .one(&mut *tx)
        .await?;
    let last: i64 = row.get("last_position")?;
    let placed = query(
        "update events set position = $1 + waiting.turn
         from (
             select oldest.id, row_number() over (order by oldest.created_at, oldest.sequence, oldest.id) as turn
             from (
                 select id, created_at, sequence from events where position is null order by created_at, id limit $2
             ) as oldest
         ) as waiting
         where events.id = waiting.id",
    )
    .bind(last)
    .bind(limit)
    .execute(&mut *tx)
    .await?;
    if placed > 0 {
        query("update event_log set last_position = last_position + $1 where id = 1")
            .bind(i64::try_from(placed).unwrap_or(i64::MAX))
            .execute(tx)
            .await?;
    }
    Ok(placed)
}

/// How many places of the log a reader has not seen yet.
pub async fn behind(on: impl Into<On<'_>>, consumer: &str) -> Result<i64, DbError> {
    let row = query(
        "select event_log.last_position - event_consumers.position as behind
         from event_log cross join event_consumers where event_log.id = 1 and event_consumers.name = $1",
    )
    .bind(consumer)
    .one(on)
    .await?;
    row.get("behind")
}

/// Takes the next events of the log for a reader and moves its position past them, all in the caller's transaction:
/// when that commits, what the reader made of them is as durable as the fact that it has read them.
///
/// A second taker of the same reader waits until the first one's transaction ends.
pub async fn take(tx: &mut Tx, consumer: &str, limit: i64) -> Result<Vec<Event>, DbError> {
    let row = query("update event_consumers set position = position where name = $1 returning position")
        .bind(consumer)
        .one(&mut *tx)
        .await?;
    let position: i64 = row.get("position")?;
    let rows = query("select * from events where position > $1 order by position limit $2")
        .bind(position)
        .bind(limit)
        .all(&mut *tx)
        .await?;
    if let Some(last) = rows.last() {
        query("update event_consumers set position = $2 where name = $1")
            .bind(consumer)
            .bind(last.get::<i64>("position")?)
            .execute(tx)
            .await?;
    }
    rows.iter().map(event).collect()
}
