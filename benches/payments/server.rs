//! The databases: a PostgreSQL server of our own that really writes to disk, or an SQLite file.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tollgate::db::Db;

pub enum Store {
    Sqlite {
        folder: tempfile::TempDir,
    },
    /// The server stops when its standard input closes, that is, with this process.
    Postgres {
        url: String,
        _child: Child,
    },
}

impl Store {
    pub fn sqlite() -> Self {
        Self::Sqlite { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub fn postgres() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/postgres");
        let mut child = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(!url.trim().is_empty(), "scripts/postgres did not start a server: see what it said above");
        Self::Postgres { url: url.trim().to_owned(), _child: child }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "SQLite (WAL, synchronous = FULL)",
            Self::Postgres { .. } => "PostgreSQL (fsync and synchronous_commit on)",
        }
    }

    pub fn url(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", folder.path().join("bench.db").display()),
            Self::Postgres { url, .. } => url.clone(),
        }
    }

    pub async fn open(&self, connections: u32) -> Db {
        Db::open(&self.url(), connections).await.unwrap()
    }

    /// The server's script is made for tests and forgets on a power cut; money may not be measured like that.
    pub async fn insist_on_disk(&self) {
        let Db::Postgres(pool) = self.open(2).await else { return };
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let sql = sqlx::AssertSqlSafe(format!("alter system set {setting} = on"));
            sqlx::query(sql).execute(&pool).await.unwrap();
        }
        sqlx::query("select pg_reload_conf()").execute(&pool).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let sql = sqlx::AssertSqlSafe(format!("select current_setting('{setting}')"));
            let is: String = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
            assert_eq!(is, "on", "{setting}");
        }
        pool.close().await;
    }

    /// Transactions that PostgreSQL has committed so far, reads among them.
    pub async fn commits(&self) -> Option<i64> {
        let Db::Postgres(pool) = (match self {
            Self::Sqlite { .. } => return None,
            Self::Postgres { .. } => self.open(2).await,
        }) else {
            return None;
        };
        let sql = "select xact_commit from pg_stat_database where datname = current_database()";
        let commits = sqlx::query_scalar(sql).fetch_one(&pool).await.unwrap();
        pool.close().await;
        Some(commits)
    }
}
