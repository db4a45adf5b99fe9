//! The SQL of payouts.

use sqlx::{Executor, Sqlite, query, query_as};

use super::Payout;
use crate::simulator::store::Tx;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub async fn insert(tx: &mut Tx, payout: &Payout) -> Result<()> {
    query(
        "insert into payouts (id, key, reference, destination, amount, currency, status, failure_code, next, afterwards,
             due_at, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
    )
    .bind(&payout.id)
    .bind(&payout.key)
    .bind(&payout.reference)
    .bind(&payout.destination)
    .bind(payout.amount)
    .bind(&payout.currency)
    .bind(&payout.status)
    .bind(&payout.failure_code)
    .bind(&payout.next)
    .bind(&payout.afterwards)
    .bind(payout.due_at)
    .bind(payout.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, payout: &Payout) -> Result<()> {
    query(
        "update payouts set status = $2, failure_code = $3, next = $4, afterwards = $5, due_at = $6, times_paid = $7,
             times_returned = $8, updated_at = $9, paid_at = $10, returned_at = $11 where id = $1",
    )
    .bind(&payout.id)
    .bind(&payout.status)
    .bind(&payout.failure_code)
    .bind(&payout.next)
    .bind(&payout.afterwards)
    .bind(payout.due_at)
    .bind(payout.times_paid)
    .bind(payout.times_returned)
    .bind(payout.updated_at)
    .bind(payout.paid_at)
    .bind(payout.returned_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn by_id<'e>(on: impl Executor<'e, Database = Sqlite>, id: &str) -> Result<Option<Payout>> {
    query_as("select * from payouts where id = $1").bind(id).fetch_optional(on).await
}

pub async fn by_key<'e>(on: impl Executor<'e, Database = Sqlite>, key: &str) -> Result<Option<Payout>> {
    query_as("select * from payouts where key = $1").bind(key).fetch_optional(on).await
}

/// Payouts whose time has come.
pub async fn due<'e>(on: impl Executor<'e, Database = Sqlite>, now: i64) -> Result<Vec<Payout>> {
    query_as("select * from payouts where due_at <= $1 order by due_at limit 50").bind(now).fetch_all(on).await
}
