//! One test's world, made for it and gone with it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tollgate::db::Db;
use tollgate::words::{FixedClock, Timestamp};

use super::database::{Database, Engine};

/// A database of its own and a clock that stands still until told otherwise.
#[derive(Clone)]
pub struct World {
    pub engine: Engine,
    /// What a second process would be told to open the same database.
    pub database_url: String,
    pub db: Db,
    pub clock: Arc<FixedClock>,
}

impl World {
    pub fn now(&self) -> Timestamp {
        tollgate::words::Clock::now(&*self.clock)
    }
}

/// Runs one test on one database, and removes the database also when the test fails.
pub fn run<T, F: Future<Output = T>>(engine: Engine, test: impl FnOnce(World) -> F) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::create(engine).await;
        let db = Db::open(&database.url, 8).await.unwrap();
        let world = World {
            engine,
            database_url: database.url.clone(),
            db: db.clone(),
            clock: Arc::new(FixedClock::at(Timestamp::from_unix_seconds(1_760_000_000))),
        };
        let outcome = AssertUnwindSafe(test(world)).catch_unwind().await;
        // What the test left running may hold a connection for ever; the removal does not mind.
        let _ = tokio::time::timeout(Duration::from_secs(2), db.close()).await;
        database.remove().await;
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
