//! What can go wrong with a database, and which of it is worth doing again.

use std::future::Future;

use sqlx::error::ErrorKind;

/// A failure of the database, or of our reading of it.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Not a URL of a database we know.
    #[error("the database URL must begin with sqlite: or postgres://")]
    UnknownUrl,
    /// A database of PostgreSQL that orders text by a language.
    #[error(
        "the database orders text by a language, where pages and balances need the order of bytes: \
         create it with `create database tollgate template template0 encoding 'UTF8' locale 'C'`"
    )]
    Collation,
    /// The driver or the server refused.
    #[error("the database failed")]
    Sqlx(#[from] sqlx::Error),
    /// A row that the program cannot hold to be true.
    #[error("column {column} holds what it never should: {reason}")]
    Corrupt {
        /// The column.
        column: String,
        /// Why its value is refused.
        reason: String,
    },
    /// The database was changed by a newer program.
    #[error(
        "the database is newer than this program (it has migration {0}): start the newer program, or restore a backup"
    )]
    Newer(i64),
    /// A migration that was applied is not the one this program carries.
    #[error("migration {0} in the database differs from this program's: it was made by another build")]
    Altered(i64),
    /// A migration failed.
    #[error("the migration failed")]
    Migration(#[source] sqlx::migrate::MigrateError),
}

impl DbError {
    /// A column whose value the program refuses to believe.
    pub fn corrupt(column: &str, reason: &str) -> Self {
        Self::Corrupt { column: column.to_owned(), reason: reason.to_owned() }
    }

    /// What is asked for is shared out, and nothing of it came free for as long as we wait.
    pub const fn busy() -> Self {
        Self::Sqlx(sqlx::Error::PoolTimedOut)
    }

    /// Whether a primary key or unique index refused the row.
    pub fn is_unique_violation(&self) -> bool {
        self.database_error().is_some_and(|error| error.kind() == ErrorKind::UniqueViolation)
    }

    /// Whether a sum or product did not fit into 64 bits.
    pub fn is_overflow(&self) -> bool {
        // PostgreSQL has a code for it; SQLite says it in words alone.
        self.database_error().is_some_and(|error| {
            error.code().is_some_and(|code| code == "22003") || error.message() == "integer overflow"
        })
    }

    /// Whether the same operation, begun anew, may succeed: a deadlock or serialization failure of PostgreSQL.
    pub fn is_retryable(&self) -> bool {
        self.database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code == "40001" || code == "40P01")
    }

    /// Whether PostgreSQL gave up waiting for a lock that another transaction holds.
    pub fn is_lock_timeout(&self) -> bool {
        self.database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55P03")
    }

    /// Whether no connection came free, or a lock was held, for as long as we wait: trying later may help.
    pub fn is_busy(&self) -> bool {
        let held = self.database_error().and_then(sqlx::error::DatabaseError::code);
        // SQLITE_BUSY and its kin: the low byte of the extended code is 5.
        let sqlite_busy = |code: &str| code.parse::<u32>().is_ok_and(|code| code < 10_000 && code & 0xff == 5);
        matches!(self, Self::Sqlx(sqlx::Error::PoolTimedOut))
            || self.is_lock_timeout()
            || held.is_some_and(|code| sqlite_busy(&code))
    }

    /// Whether the connection was lost or refused: what was under way may or may not have been done.
    pub fn is_unreachable(&self) -> bool {
        // Class 08 is a connection's failure; 57P01 to 57P03 a server that stops or starts.
        let refused = |code: &str| code.starts_with("08") || code.starts_with("57P0");
        matches!(self, Self::Sqlx(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed))
            || self.database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| refused(&code))
    }

    fn database_error(&self) -> Option<&dyn sqlx::error::DatabaseError> {
        match self {
            Self::Sqlx(error) => error.as_database_error(),
            _ => None,
        }
    }
}

/// How often an operation is begun anew before its failure is shown.
const TRIES: u32 = 5;

/// Does `work`, and begins it anew when the database chose it as the victim of a deadlock.
///
/// `work` must hold whole transactions: what it did before is rolled back.
pub async fn retrying<T, E, Work, Doing>(mut work: Work) -> Result<T, E>
where
    E: MayRetry,
    Work: FnMut() -> Doing,
    Doing: Future<Output = Result<T, E>>,
{
    for _ in 1..TRIES {
        match work().await {
            Err(error) if error.may_retry() => {}
            result => return result,
        }
    }
    work().await
}

/// An error that may stem from a database's request to try again.
pub trait MayRetry {
    /// Whether it does.
    fn may_retry(&self) -> bool;
}

impl MayRetry for DbError {
    fn may_retry(&self) -> bool {
        self.is_retryable()
    }
}
