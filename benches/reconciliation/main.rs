//! What a day costs: so many settlement lines held against as many payments, beside `sort` and `join` of the same two lists.
//!
//! Payments and lines are filled in by bulk SQL; then `reconcile` runs over them as every night: lines matched, fees booked, our
//! side asked for what nobody told, and the report with the PSP's account. `sort` and `join` compare two CSV files of the same
//! keys and amounts, know nothing of fees, states, books and transactions, and write one list: a floor, not a rival.
//!
//! Before that a file of as many lines is taken in, on a database of its own.
//!
//! `cargo bench --bench reconciliation -- [--lines 1000000] [--only sqlite|postgres]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a benchmark stops where it fails, its seconds are no money, and it shares files with the other ones"
)]

#[path = "../payments/server.rs"]
mod server;

mod fill;
mod take_in;
mod unix;

use std::sync::Arc;
use std::time::Instant;

use server::Store;
use tollgate::app::App;
use tollgate::config::Config;
use tollgate::config::reconciliation::Source;
use tollgate::db::{Db, GATEWAY};
use tollgate::outbound::Outbound;
use tollgate::psp::Psps;
use tollgate::reconciliation::progress::Progress;
use tollgate::reconciliation::runs::Trigger;
use tollgate::reconciliation::{What, reconcile};
use tollgate::words::{FixedClock, Secret};

fn main() {
    let (mut lines, mut only) = (1_000_000, None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().expect("a value after the option");
        match argument.as_str() {
            "--lines" => lines = value().parse().expect("--lines is a number"),
            "--only" => only = Some(value()),
            // Cargo says that this is a benchmark.
            "--bench" => {}
            other => panic!("unknown option {other}"),
        }
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("{cores} cores, shared by database and program; {lines} lines against {lines} payments\n");
    let floor = unix::sort_and_join(lines);
    println!("| what | seconds | lines per second | beside sort and join | peak memory of the program, MiB |");
    println!("|---|---|---|---|---|");
    println!("| sort and join of two CSV files | {floor:.1} | {:.0} | 1 | |", lines as f64 / floor);
    for name in ["sqlite", "postgres"] {
        if only.as_deref().is_none_or(|only| only == name) {
            // Each on a database of its own.
            let store = || if name == "postgres" { Store::postgres() } else { Store::sqlite() };
            runtime.block_on(file(&store(), lines));
            runtime.block_on(measure(&store(), lines, floor));
        }
    }
}

/// A gateway without PSPs, whose clock stands still.
fn with(db: &Db, sources: Vec<Source>) -> App {
    let mut config = Config {
        master_key: Secret::new("a key for this benchmark alone, forty characters".to_owned()),
        ..Config::default()
    };
    config.reconciliation.sources = sources;
    let outbound = Outbound::new(&config.outbound()).unwrap();
    App::new(config, db.clone(), Arc::new(FixedClock::at(fill::noon())), outbound, Psps::of([]))
}

async fn file(store: &Store, lines: i64) {
    store.insist_on_disk().await;
    let db = store.open(8).await;
    db.migrate(&GATEWAY).await.unwrap();
    let taken = take_in::measure(&with(&db, Vec::new()), lines).await;
    println!(
        "| take in a file of {} MiB, {} | {:.1} | {:.0} | | {} |",
        taken.mib,
        store.name(),
        taken.seconds,
        lines as f64 / taken.seconds,
        unix::peak_mib()
    );
    db.close().await;
}

async fn measure(store: &Store, lines: i64, floor: f64) {
    store.insist_on_disk().await;
    let db = store.open(8).await;
    db.migrate(&GATEWAY).await.unwrap();
    let source = fill::up_to(&db, lines).await;
    let app = with(&db, vec![source.clone()]);
    unix::forget_peak();
    let begun = Instant::now();
    let day = What::Day(fill::DAY.parse().unwrap());
    let run = reconcile(&app, &source, day, Trigger::Command, false, "bench", &Progress::nobody()).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(run.failure, None);
    assert_eq!(run.totals["types"]["matched"]["count"], lines, "{}", run.totals);
    assert_eq!(run.totals["psp_account"][0]["difference"], "0.00", "{}", run.totals);
    println!(
        "| reconcile, {} | {seconds:.1} | {:.0} | {:.1} | {} |",
        store.name(),
        lines as f64 / seconds,
        seconds / floor,
        unix::peak_mib()
    );
    db.close().await;
}
