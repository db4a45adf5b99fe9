//! The SQL of events and their delivery.

use sqlx::{FromRow, query, query_as};

use crate::simulator::store::{Store, Tx};

type Result<T> = std::result::Result<T, sqlx::Error>;

/// An event about to be written.
pub struct NewEvent<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    /// The payment or the payout it is about: one of the two.
    pub payment_id: Option<&'a str>,
    pub payout_id: Option<&'a str>,
    pub payload: String,
    /// How often it must be acknowledged: 1, unless a fault is on.
    pub copies: i64,
    pub due_at: i64,
    pub created_at: i64,
}

/// An event to send.
#[derive(Clone, Debug, FromRow)]
pub struct DueEvent {
    pub id: String,
    pub payload: String,
    pub copies_left: i64,
    pub tries: i64,
}

pub async fn insert(tx: &mut Tx, event: &NewEvent<'_>) -> Result<()> {
    query(
        "insert into events (id, type, payment_id, payload, copies_left, due_at, created_at, payout_id)
         values ($1, $2, $3, $4, $5, case when $5 > 0 then $6 end, $7, $8)",
    )
    .bind(event.id)
    .bind(event.kind)
    .bind(event.payment_id)
    .bind(&event.payload)
    .bind(event.copies)
    .bind(event.due_at)
    .bind(event.created_at)
    .bind(event.payout_id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether anything is due: asked of a reader, so that an idle stand-in writes nothing.
pub async fn any_due(store: &Store, now: i64) -> Result<bool> {
    query_as("select exists (select 1 from events where due_at <= $1)")
        .bind(now)
        .fetch_one(&store.read)
        .await
        .map(|(found,): (bool,)| found)
}

/// Takes up to `limit` due events; they come due again at `lease_until` unless their sending is recorded before.
pub async fn claim(store: &Store, now: i64, lease_until: i64, limit: i64) -> Result<Vec<DueEvent>> {
    let mut tx = store.begin().await?;
    let claimed = query_as(
        "update events set due_at = $2, tries = tries + 1
         where seq in (select seq from events where due_at <= $1 order by due_at, seq limit $3)
         returning id, payload, copies_left, tries",
    )
    .bind(now)
    .bind(lease_until)
    .bind(limit)
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(claimed)
}

/// One event, whether due or not.
pub async fn take(store: &Store, id: &str, lease_until: i64) -> Result<Option<DueEvent>> {
    let mut tx = store.begin().await?;
    let taken = query_as(
        "update events set due_at = $2, tries = tries + 1 where id = $1 and copies_left > 0
         returning id, payload, copies_left, tries",
    )
    .bind(id)
    .bind(lease_until)
    .fetch_optional(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(taken)
}

/// What came of one sending: how many copies are still owed, and when to go on.
pub async fn record(store: &Store, id: &str, acknowledged: i64, result: &str, due_at: Option<i64>) -> Result<()> {
    let mut tx = store.begin().await?;
    query(
        "update events set copies_left = max(0, copies_left - $2), delivered = delivered + $2, last_result = $3, due_at = $4
         where id = $1",
    )
    .bind(id)
    .bind(acknowledged)
    .bind(result)
    .bind(due_at)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}
