//! What every integration test stands on: a database of its own, of either kind.
//!
//! ```ignore
//! async fn a_payment_is_kept(world: World) {
//!     world.db.begin().await.unwrap();
//! }
//!
//! both_databases!(a_payment_is_kept);
//! ```
//! gives the tests `a_payment_is_kept::sqlite` and `a_payment_is_kept::postgres`.

#![allow(dead_code, reason = "one place offers what the tests of every feature may need")]

mod caller;
pub mod contract;
mod database;
pub mod door;
mod gateway;
mod receiver;
pub mod scripted_bank;
pub mod scripted_psp;
pub mod shop;
pub mod snapshot;
pub mod source;
mod world;

pub use caller::{Caller, Reply};
pub use database::{Database, Engine};
#[allow(unused_imports, reason = "as above")]
pub use gateway::{Answer, Gateway, eventually};
pub use receiver::{Language, Receiver};
pub use world::{World, run};

/// Turns `async fn name(world: World)` into a test on each database. A function that is not listed is
/// dead code, which the lints refuse: no test is forgotten.
macro_rules! both_databases {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                $crate::support::run($crate::support::Engine::Sqlite, super::$name);
            }

            #[test]
            fn postgres() {
                $crate::support::run($crate::support::Engine::Postgres, super::$name);
            }
        }
    )+};
}
pub(crate) use both_databases;
