//! The stand-in's own SQLite file: how it is opened and how a transaction is begun.
//!
//! It does not go through the gateway's database handle on purpose: it plays another company, and a fault in our handle
//! must not be able to hide on both sides of a comparison.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

/// A write transaction. Only one exists at a time, so everything done in it is serial.
pub type Tx = sqlx::Transaction<'static, sqlx::Sqlite>;

/// One writer connection and a few readers on one file.
#[derive(Clone, Debug)]
pub struct Store {
    write: SqlitePool,
    pub(super) read: SqlitePool,
}

impl Store {
    /// Opens (and creates, and migrates) the file.
    ///
    /// # Errors
    /// When the file cannot be opened, or was written by a newer program.
    pub async fn open(path: &Path) -> Result<Self, sqlx::Error> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            tokio::fs::create_dir_all(folder).await?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .foreign_keys(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Survives a killed process; a power cut may cost a stand-in its last moments.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(10));
        let write = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("migrations/simulator").run(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        Ok(Self { write, read })
    }

    /// Begins the one write transaction, waiting for the former one to end.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.write.begin_with("begin immediate").await
    }

    /// Closes the file. Calls that come later fail.
    pub async fn close(&self) {
        self.write.close().await;
        self.read.close().await;
    }
}
