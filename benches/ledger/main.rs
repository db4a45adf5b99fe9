//! What the books cost as they grow: posting, and balances now and in the past, with ten thousand, a million and five million transfers.
//!
//! The ledger is filled by bulk SQL and sealed by the real sealer; then sales are posted through `wallets::post`, beside raw SQL that
//! inserts the same rows in the same run. Everything shares this machine.
//!
//! `cargo bench --bench ledger -- [--transfers 10000,1000000,5000000] [--seconds 5] [--only sqlite|postgres]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    dead_code,
    reason = "a benchmark stops where it fails, and shares files with the other one"
)]

#[path = "../payments/numbers.rs"]
mod numbers;
#[path = "../payments/server.rs"]
mod server;

mod fill;
mod measure;

use std::time::{Duration, Instant};

use server::Store;
use tollgate::db::GATEWAY;
use tollgate::keyring::Keyring;
use tollgate::ledger::seals;
use tollgate::words::{Clock as _, Secret, SystemClock};

struct Wanted {
    transfers: Vec<i64>,
    seconds: u64,
    only: Option<String>,
}

impl Wanted {
    fn read() -> Self {
        let mut wanted = Self { transfers: vec![10_000, 1_000_000], seconds: 5, only: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value after the option");
            match argument.as_str() {
                "--transfers" => {
                    wanted.transfers = value().split(',').map(|n| n.parse().expect("numbers")).collect();
                }
                "--seconds" => wanted.seconds = value().parse().expect("--seconds is a number"),
                "--only" => wanted.only = Some(value()),
                // Cargo says that this is a benchmark.
                "--bench" => {}
                other => panic!("unknown option {other}"),
            }
        }
        wanted
    }
}

fn main() {
    let wanted = Wanted::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, shared; {} s per line of posting\n", wanted.seconds);
    for name in ["postgres", "sqlite"] {
        if wanted.only.as_deref().is_none_or(|only| only == name) {
            let store = if name == "postgres" { Store::postgres() } else { Store::sqlite() };
            runtime.block_on(grow(&store, &wanted));
        }
    }
}

/// One ledger that grows from size to size.
async fn grow(store: &Store, wanted: &Wanted) {
    println!("### {}\n", store.name());
    store.insist_on_disk().await;
    let db = store.open(10).await;
    db.migrate(&GATEWAY).await.unwrap();
    let keyring = Keyring::derive(&Secret::new("a key for this benchmark alone, forty chars".to_owned()));
    let town = fill::Town::build(&db).await;
    println!("| transfers | what | per second | p50 ms | p90 ms | p99 ms | max ms |\n|---|---|---|---|---|---|---|");
    for &transfers in &wanted.transfers {
        let begun = Instant::now();
        fill::up_to(&db, &town, transfers).await;
        let filled = begun.elapsed().as_secs();
        let begun = Instant::now();
        let sealed = fill::seal(&db, &keyring).await;
        let took = u64::try_from(begun.elapsed().as_millis()).unwrap().max(1);
        println!("| {transfers} | filled in {filled} s; {sealed} journals sealed | {} |||||", sealed * 1000 / took);
        measure::reads(&db, &town, transfers).await;
        measure::posting(&db, &town, transfers, Duration::from_secs(wanted.seconds)).await;
        let begun = Instant::now();
        while let seals::Sealed::Block(_) =
            seals::seal(&db, &keyring, &seals::Head::default(), SystemClock.now()).await.unwrap()
        {}
        println!("| {transfers} | what was posted meanwhile, sealed | in {} ms |||||", begun.elapsed().as_millis());
        measure::looks(&db, transfers).await;
    }
    let begun = Instant::now();
    let walk = seals::walk(&db, &[keyring.public_key()], &[]).await.unwrap();
    assert!(walk.findings.is_empty(), "{walk:?}");
    println!(
        "| all | the chain walked: {} blocks, {} journals | in {} s |||||",
        walk.blocks,
        walk.journals,
        begun.elapsed().as_secs()
    );
    db.close().await;
    println!();
}
