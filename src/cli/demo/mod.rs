//! `tollgate demo`: the whole product on one machine, to click through.
//!
//! Promises three servers as they are in real life, each on its own origin (gateway, stand-in PSP, a merchant's shop), that
//! know of each other only what their public interfaces say; data that a second start finds again; a clean end on Ctrl-C.
//! Nothing is reachable from other machines.

mod announce;
pub mod certificates;
mod kept;
mod merchant;
mod once;
mod ports;
pub mod private_files;
pub mod shop;
mod town;

use std::path::PathBuf;
use std::process::ExitCode;

use super::{gateway, logging};
use crate::config::{Log, LogFormat};
use crate::http::metrics;

/// What can be chosen about the demo.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the demo keeps its databases, keys and certificates
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// First of four ports in a row; 0 takes any free ones [default: 8080, 8443, 8090 and 8000]
    #[arg(long, value_name = "PORT")]
    ports: Option<u16>,
    /// Drive one purchase without a browser, show each step, and end with 0 only if every step was seen
    #[arg(long)]
    once: bool,
    /// Print addresses and keys as one line of JSON
    #[arg(long)]
    print_json: bool,
    /// What is logged to standard error
    #[arg(long, value_name = "LEVEL", default_value = "warn")]
    log: String,
}

/// Runs the demo until it is told to stop, or for one purchase.
///
/// # Errors
/// A port is taken, the data folder cannot be written, or a step of `--once` was not seen.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    logging::start(&Log { format: LogFormat::Human, level: args.log.clone() })?;
    metrics::start();
    if args.once {
        return once::run(args.data).await;
    }
    let data = args.data.unwrap_or_else(|| PathBuf::from("data"));
    let (town, ended) = town::Town::build(&data, &ports::choose(args.ports)).await?;
    let facts = announce::Facts::of(&town);
    facts.write(&data)?;
    if args.print_json {
        println!("{}", facts.json());
    } else {
        print!("{}", facts.text());
    }
    let outcome = tokio::select! {
        () = gateway::told_to_stop() => Ok(()),
        ended = ended => ended,
    };
    announce::Facts::remove(&data);
    let stopped = town.shut_down().await;
    outcome.and(stopped)?;
    Ok(ExitCode::SUCCESS)
}
