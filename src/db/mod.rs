//! One handle, two databases: SQLite in a file for the embedded default, PostgreSQL for production.
//!
//! The SQL is written once in the stores and runs on both. Promises: a transaction is all or nothing, a write is on disk
//! when `commit` returns, text order is byte order. Refuses to know any table.

mod error;
mod insert;
mod list;
mod migrate;
mod query;
mod row;
mod shadow;
mod snapshot;
mod tx;
mod value;

#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

pub use error::{DbError, MayRetry, retrying};
pub use insert::insert_many;
pub use list::List;
pub use migrate::{GATEWAY, Migrations};
pub use query::{Query, query};
pub use row::{Column, Row};
pub use shadow::narrowed;
pub use snapshot::Snapshot;
pub use tx::{On, Tx};
pub use value::Value;

use crate::steps::{self, Step};

/// The database, cheap to clone.
#[derive(Debug, Clone)]
pub enum Db {
    /// A file: one writer, many readers.
    Sqlite {
        /// Reads, beside the writer.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// How long a caller waits for a connection before it is told that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

impl Db {
    /// Opens `sqlite:<path>` (made when missing) or `postgres://..`, with at most `connections` connections.
    pub async fn open(url: &str, connections: u32) -> Result<Self, DbError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Self::open_postgres(url, connections).await
        } else if url.starts_with("sqlite:") {
            Self::open_sqlite(url, connections).await
        } else {
            Err(DbError::UnknownUrl)
        }
    }

    async fn open_postgres(url: &str, connections: u32) -> Result<Self, DbError> {
        let options = PgConnectOptions::from_str(url)?.application_name("tollgate");
        let pool = PgPoolOptions::new()
            .max_connections(connections.max(2))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options)
            .await?;
        // Ranges of accounts and keys, and the places where pages go on, are bounded by bytes: `seller:` to `seller;`, up to `~`.
        let by_bytes = "select 'USD' < '~' and 'seller:x' < 'seller;' and 'B' < 'a' as by_bytes";
        let db = Self::Postgres(pool);
        if query(by_bytes).one(&db).await?.get("by_bytes")? { Ok(db) } else { Err(DbError::Collation) }
    }

    async fn open_sqlite(url: &str, connections: u32) -> Result<Self, DbError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .statement_cache_capacity(400)
            .busy_timeout(ACQUIRE_TIMEOUT);
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.clone())
            .await?;
        let read = SqlitePoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self::Sqlite { read, write })
    }

    /// Begins a transaction that may write. On SQLite it waits for the one writer.
    pub async fn begin(&self) -> Result<Tx, DbError> {
        steps::pass(|| Step::Begin).await;
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("begin immediate").await?, steps::Open::now()),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?, steps::Open::now()),
        })
    }

    /// Brings the schema up to date, refusing a database that a newer program has changed.
    pub async fn migrate(&self, migrations: &Migrations) -> Result<(), DbError> {
        migrate::run(self, migrations).await
    }

    /// Whether the schema is the one this program was made for.
    pub async fn is_current(&self, migrations: &Migrations) -> Result<bool, DbError> {
        migrate::is_current(self, migrations).await
    }

    /// The text for the database at hand, where the two dialects cannot agree.
    pub const fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite { .. } => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// `SQLite` or `PostgreSQL`.
    pub const fn name(&self) -> &'static str {
        self.pick("SQLite", "PostgreSQL")
    }

    /// Closes every connection.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
