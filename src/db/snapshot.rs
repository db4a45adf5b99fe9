//! Several reads of one state of the database.

use super::Db;
use super::error::DbError;
use super::tx::{On, Tx};
use crate::steps::{self, Step};

/// A transaction that only reads: whatever is committed meanwhile, all its statements see the database as the first of them did.
/// The database refuses writes in it. It keeps a connection for as long as it lives.
pub struct Snapshot(Tx);

impl Db {
    /// Begins to read one state of the database. On SQLite it neither waits for the writer nor makes it wait.
    pub async fn snapshot(&self) -> Result<Snapshot, DbError> {
        steps::pass(|| Step::Begin).await;
        Ok(Snapshot(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?, steps::Open::now()),
            Self::Postgres(pool) => {
                let begin = "begin isolation level repeatable read, read only";
                Tx::Postgres(pool.begin_with(begin).await?, steps::Open::now())
            }
        }))
    }
}

impl<'a> From<&'a mut Snapshot> for On<'a> {
    fn from(Snapshot(tx): &'a mut Snapshot) -> Self {
        Self::Tx(tx)
    }
}
