//! A transaction, and what a statement may run on.

use std::time::Duration;

use sqlx::{Postgres, Sqlite, Transaction};

use super::Db;
use super::error::DbError;
use crate::steps::{self, Step};

/// A transaction that may write; dropped without [`Tx::commit`], it never happened.
pub enum Tx {
    /// On the one writer.
    Sqlite(Transaction<'static, Sqlite>, steps::Open),
    /// On a connection of the pool.
    Postgres(Transaction<'static, Postgres>, steps::Open),
}

impl Tx {
    /// Makes everything done in it durable, at once.
    pub async fn commit(self) -> Result<(), DbError> {
        steps::pass(|| Step::Commit).await;
        match self {
            Self::Sqlite(tx, _open) => tx.commit().await?,
            Self::Postgres(tx, _open) => tx.commit().await?,
        }
        steps::pass(|| Step::Committed).await;
        Ok(())
    }

    /// Undoes everything done in it. Dropping does the same, later.
    pub async fn rollback(self) -> Result<(), DbError> {
        match self {
            Self::Sqlite(tx, _open) => tx.rollback().await?,
            Self::Postgres(tx, _open) => tx.rollback().await?,
        }
        Ok(())
    }

    /// Breaks the promise of a transaction on purpose, for chaos runs alone: what was done so far becomes durable, and
    /// after `gap` the rest is another transaction.
    pub(crate) async fn tear(&mut self, gap: Duration) -> Result<(), DbError> {
        let tx = &*self;
        let anew = tx.pick("begin immediate", "begin");
        match self {
            Self::Sqlite(tx, _) => {
                sqlx::query("commit").execute(&mut **tx).await?;
                tokio::time::sleep(gap).await;
                sqlx::query(anew).execute(&mut **tx).await?;
            }
            Self::Postgres(tx, _) => {
                sqlx::query("commit").execute(&mut **tx).await?;
                tokio::time::sleep(gap).await;
                sqlx::query(anew).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }

    /// The text for the database at hand, where the two dialects cannot agree.
    pub const fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::Sqlite(..) => sqlite,
            Self::Postgres(..) => postgres,
        }
    }
}

/// Where a statement runs: reads take either, writes ask for a [`Tx`].
pub enum On<'a> {
    /// Any free reader; sees what is committed.
    Db(&'a Db),
    /// Inside a transaction; sees what it has written itself.
    Tx(&'a mut Tx),
}

impl<'a> From<&'a Db> for On<'a> {
    fn from(db: &'a Db) -> Self {
        Self::Db(db)
    }
}

impl<'a> From<&'a mut Tx> for On<'a> {
    fn from(tx: &'a mut Tx) -> Self {
        Self::Tx(tx)
    }
}

impl On<'_> {
    /// The same place for one more statement.
    pub fn again(&mut self) -> On<'_> {
        match self {
            Self::Db(db) => On::Db(db),
            Self::Tx(tx) => On::Tx(tx),
        }
    }
}
