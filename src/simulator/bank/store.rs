//! The SQL of the bank account: a view (`entries_told`) of the record and of what the admin planted in it.

use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, query_as};

/// A movement of the account.
#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    /// The bank's own name for it.
    pub id: String,
    pub kind: String,
    pub end_to_end: String,
    pub words: String,
    pub party: String,
    pub currency: String,
    /// Minor units; above zero came in.
    pub amount: i64,
}

/// What is on the account of one currency when a day begins.
#[derive(Clone, Debug, FromRow)]
pub struct Opening {
    pub currency: String,
    /// Minor units; below zero it is overdrawn.
    pub balance: i64,
}

/// Entries between two instants, oldest first.
pub async fn entries(read: &SqlitePool, from: i64, until: i64) -> Result<Vec<Entry>, sqlx::Error> {
    query_as(
        "select id, kind, end_to_end, words, party, currency, amount from entries_told
         where listed_at >= $1 and listed_at < $2 order by listed_at, id",
    )
    .bind(from)
    .bind(until)
    .fetch_all(read)
    .await
}

/// Balances of all currencies that were booked before an instant.
pub async fn openings(read: &SqlitePool, before: i64) -> Result<Vec<Opening>, sqlx::Error> {
    query_as(
        "select currency, sum(amount) as balance from entries_told where listed_at < $1 group by currency order by currency",
    )
    .bind(before)
    .fetch_all(read)
    .await
}
