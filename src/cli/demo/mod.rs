//! `tollgate demo`: the whole product on one machine, to click through.

pub mod certificates;
pub mod private_files;
pub mod shop;

use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where the demo keeps its databases, keys and certificates
    #[arg(long, value_name = "FOLDER", default_value = "data")]
    data: PathBuf,
}

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("the demo is not wired yet ({})", args.data.display())
}
