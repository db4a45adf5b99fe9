//! The commands of the program, one file each.
//!
//! Promises that a command which cannot go on ends with a sentence that says what to do, and a non-zero status. Refuses
//! to know rules of its own: a command reads its arguments and calls the verbs that the API calls.

mod chaos;
mod config;
pub mod demo;
pub mod gateway;
mod key;
mod logging;
mod merchant;
mod migrate;
mod operator;
mod psp_simulator;
mod reconcile;
mod seal;
mod serve;
mod start;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Self-hosted payment gateway: hosted checkout page, ledger, wallets, signed webhooks.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, about, max_term_width = 100)]
struct Program {
    /// TOML file with the settings; variables such as `TOLLGATE_DATABASE__URL` win over it
    #[arg(long, global = true, env = "TOLLGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try the whole product on this machine: gateway, stand-in PSP and a small shop
    Demo(demo::Args),
    /// Run the gateway
    Serve(serve::Args),
    /// Bring the database's schema up to date
    Migrate,
    /// Run the stand-in PSP by itself, for development and tests; it moves no money
    PspSimulator(Box<psp_simulator::Args>),
    /// Make and list merchants
    #[command(subcommand)]
    Merchant(merchant::Command),
    /// Make, list, rotate and revoke API keys
    #[command(subcommand)]
    Key(key::Command),
    /// Make people who may use the console, and replace lost passwords
    #[command(subcommand)]
    Operator(operator::Command),
    /// Ask whether the books can be believed, and walk their chain of seals; fails when something is broken
    Verify(verify::Args),
    /// Hold what a PSP or a bank says against the books, for a day or a file; or rehearse it
    Reconcile(reconcile::Args),
    /// Seal what was posted and write the signed end of the ledger's chain to a file or to standard output
    Seal(seal::Args),
    /// Kill gateways while shoppers pay and the PSP fails, then compare what everybody knows; fails when they disagree
    Chaos(chaos::Args),
    /// Look at the settings
    #[command(subcommand)]
    Config(config::Command),
}

/// Runs the command given on the command line.
#[must_use]
pub fn main() -> ExitCode {
    let program = Program::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("cannot start")),
    };
    let settings = start::Settings { file: program.config };
    let done = runtime.block_on(async {
        match program.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Serve(args) => serve::run(&settings, args).await,
            Command::PspSimulator(args) => psp_simulator::run(*args).await,
            Command::Migrate => migrate::run(&settings).await,
            Command::Merchant(command) => merchant::run(&settings, command).await,
            Command::Key(command) => key::run(&settings, command).await,
            Command::Operator(command) => operator::run(&settings, command).await,
            Command::Verify(args) => verify::run(&settings, args).await,
            Command::Reconcile(args) => reconcile::run(&settings, args).await,
            Command::Seal(args) => seal::run(&settings, args).await,
            Command::Chaos(args) => chaos::run(args).await,
            Command::Config(command) => config::run(&settings, command),
        }
    });
    // Work that hangs (a name look-up, say) must not keep the process from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match done {
        Ok(code) => code,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("tollgate: {error:#}");
    ExitCode::FAILURE
}
