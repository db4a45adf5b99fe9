//! A database per test, quickly: the schema is made once per program version, and copied for each test.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tollgate::db::{Db, GATEWAY};

use super::source;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A database with the present schema and no rows, gone when the test is over.
pub struct Database {
    pub engine: Engine,
    /// What a program is told to open it.
    pub url: String,
    folder: Option<tempfile::TempDir>,
}

impl Database {
    pub async fn create(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("tollgate.db");
                std::fs::copy(sqlite_template(), &path).unwrap();
                Self { engine, url: format!("sqlite:{}", path.display()), folder: Some(folder) }
            }
            Engine::Postgres => {
                let name = unused_name("tollgate_test");
                let mut admin = admin().await;
                execute(&mut admin, format!("create database {name} template {}", postgres_template())).await;
                Self { engine, url: server().url_of(&name), folder: None }
            }
        }
    }

    /// A database of this kind without any table, for the tests of the migrations themselves.
    pub async fn empty(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite:{}", folder.path().join("tollgate.db").display());
                Self { engine, url, folder: Some(folder) }
            }
            Engine::Postgres => {
                let name = unused_name("tollgate_test");
                execute(&mut admin().await, format!("create database {name} template template0")).await;
                Self { engine, url: server().url_of(&name), folder: None }
            }
        }
    }

    /// An empty database of PostgreSQL that orders text as a language does.
    pub async fn in_language(language: &str) -> Self {
        let name = unused_name("tollgate_test");
        let made = format!("create database {name} template template0 locale_provider icu icu_locale '{language}'");
        execute(&mut admin().await, made).await;
        Self { engine: Engine::Postgres, url: server().url_of(&name), folder: None }
    }

    pub async fn remove(self) {
        match self.engine {
            Engine::Sqlite => drop(self.folder),
            Engine::Postgres => {
                let name = self.url.rsplit('/').next().unwrap();
                execute(&mut admin().await, format!("drop database if exists {name} with (force)")).await;
            }
        }
    }
}

/// The PostgreSQL server of this run: the one that `scripts/test` started, or one of our own.
struct Server {
    url: String,
    /// Stops when its standard input closes, that is, with this process, however it ends.
    _child: Option<Child>,
}

impl Server {
    fn url_of(&self, database: &str) -> String {
        let (server, _) = self.url.rsplit_once('/').unwrap();
        format!("{server}/{database}")
    }
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        if let Ok(url) = std::env::var("TOLLGATE_TEST_POSTGRES_URL") {
            return Server { url, _child: None };
        }
        let mut child = Command::new(source::root().join("scripts/postgres"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/postgres starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(!url.trim().is_empty(), "scripts/postgres did not start a server: see what it said above");
        Server { url: url.trim().to_owned(), _child: Some(child) }
    })
}

async fn admin() -> PgConnection {
    let options: PgConnectOptions = server().url.parse().unwrap();
    options.connect().await.expect("the test PostgreSQL server answers")
}

async fn execute(on: &mut PgConnection, sql: String) {
    on.execute(AssertSqlSafe(sql.clone())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// A name that no other test, of this run or of another on the same server, has or had.
fn unused_name(what: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
    format!("{what}_{}_{since}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The schema's fingerprint: another schema is another template.
fn schema() -> String {
    let mut hasher = DefaultHasher::new();
    let postgres = GATEWAY.postgres.as_ref().unwrap();
    for migration in GATEWAY.sqlite.iter().chain(postgres.iter()) {
        (migration.version, &migration.checksum).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// A migrated SQLite file to copy.
fn sqlite_template() -> &'static Path {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = folder.join(format!("template-{}.db", schema()));
        if !path.exists() {
            let making = tempfile::tempdir_in(&folder).unwrap();
            let file = making.path().join("new.db");
            aside(async {
                let db = Db::open(&format!("sqlite:{}", file.display()), 1).await.unwrap();
                db.migrate(&GATEWAY).await.unwrap();
                db.close().await;
            });
            assert!(!making.path().join("new.db-wal").exists(), "the template is one file once it is closed");
            std::fs::rename(file, &path).unwrap();
        }
        path
    })
}

/// A migrated PostgreSQL database to copy. Several test runs may share a server: one of them makes it.
fn postgres_template() -> &'static str {
    static TEMPLATE: OnceLock<String> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let name = format!("tollgate_template_{}", schema());
        aside(async {
            let mut admin = admin().await;
            execute(&mut admin, "select pg_advisory_lock(7011)".to_owned()).await;
            let there: bool = sqlx::query_scalar("select exists (select 1 from pg_database where datname = $1)")
                .bind(&name)
                .fetch_one(&mut admin)
                .await
                .unwrap();
            if !there {
                let making = unused_name("tollgate_making");
                execute(&mut admin, format!("create database {making} template template0")).await;
                let db = Db::open(&server().url_of(&making), 2).await.unwrap();
                db.migrate(&GATEWAY).await.unwrap();
                db.close().await;
                execute(&mut admin, format!("alter database {making} with allow_connections false is_template true"))
                    .await;
                execute(&mut admin, format!("alter database {making} rename to {name}")).await;
            }
            admin.close().await.unwrap();
        });
        name
    })
}

/// Runs to its end on a runtime of its own: what a `OnceLock` holds must not hang on one test's runtime.
fn aside(work: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
        });
        thread.join().unwrap();
    });
}
