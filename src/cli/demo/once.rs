//! `tollgate demo --once`: one purchase without a browser, each step shown as it was really seen.

use std::path::PathBuf;
use std::process::ExitCode;

pub async fn run(data: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not yet ({data:?})")
}
