//! How many payments per second the gateway takes, beside what raw SQL does for the same rows.
//!
//! For PostgreSQL and for SQLite: starts the gateway and the stand-in PSP as processes of their own, drives whole payments over
//! HTTP (open a session, show the page, register, give a card to the PSP, confirm), then writes the rows of such a payment
//! with bare SQL into the same database. Everything shares this machine, the clients that drive it too.
//!
//! `cargo bench --bench payments -- [--seconds 10] [--clients 8,32] [--only sqlite|postgres]`

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark stops where it fails"
)]

mod numbers;
mod raw;
mod road;
mod server;
mod town;

use std::time::{Duration, Instant};

use numbers::Run;
use server::Store;
use tollgate::integrity::{self, Scope};
use town::Town;

struct Wanted {
    seconds: u64,
    clients: Vec<usize>,
    only: Option<String>,
}

impl Wanted {
    fn read() -> Self {
        let mut wanted = Self { seconds: 10, clients: vec![1, 8, 32], only: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value after the option");
            match argument.as_str() {
                "--seconds" => wanted.seconds = value().parse().expect("--seconds is a number"),
                "--clients" => wanted.clients = value().split(',').map(|n| n.parse().expect("numbers")).collect(),
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
    println!("{cores} cores, shared by database, gateway, PSP and clients; {} s per line\n", wanted.seconds);
    for name in ["postgres", "sqlite"] {
        if wanted.only.as_deref().is_none_or(|only| only == name) {
            let store = if name == "postgres" { Store::postgres() } else { Store::sqlite() };
            runtime.block_on(measure(&store, &wanted));
        }
    }
}

async fn measure(store: &Store, wanted: &Wanted) {
    println!("## {}\n", store.name());
    let span = Duration::from_secs(wanted.seconds);
    let town = Town::build(store).await;
    let sample = raw::Sample::take(&town, store).await;
    println!("One payment leaves {} rows in {} tables.\n", sample.rows(), sample.tables());
    println!("{}", Run::HEADER);
    let mut whole = Vec::new();
    for &clients in &wanted.clients {
        let commits = store.commits().await;
        let run = road::drive(&town, clients, span).await;
        let commits = store.commits().await.zip(commits).map(|(after, before)| after - before);
        println!("{}", run.line(&format!("gateway, {clients} clients")));
        for (step, part) in &run.steps {
            println!("{}", part.line(&format!("· {step}")));
        }
        if let Some(commits) = commits {
            println!(
                "| · transactions per payment | {} |||||",
                commits / i64::try_from(run.payments()).unwrap().max(1)
            );
        }
        whole.push((clients, run.per_second_tenths()));
    }
    town.stop().await;
    verify(store).await;
    for &(clients, gateway) in &whole {
        for transactions in [1, 4] {
            let run = raw::write(&sample, store, clients, transactions, span).await;
            let name = format!("raw SQL, {clients} clients, {transactions} transaction(s)");
            println!("{}", run.line(&name));
            println!("| · gateway / raw | {} % |||||", gateway * 100 / run.per_second_tenths().max(1));
        }
    }
    println!();
}

/// All of it, at full speed, must have left the books as they must be; and how long it takes to find that out.
async fn verify(store: &Store) {
    let db = store.open(2).await;
    let begun = Instant::now();
    let report = integrity::check(&db, Scope::Everything).await.unwrap();
    let took = begun.elapsed().as_millis();
    assert!(report.is_sound(), "{report:#?}");
    println!("| `tollgate verify` over {} journals | {took} ms |||||", report.checks[0].checked);
    db.close().await;
}
