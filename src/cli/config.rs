//! `tollgate config check`: the settings as they take effect, and what is wrong with them.

use std::process::ExitCode;

use super::start::Settings;

#[derive(Debug, Clone, Copy, clap::Subcommand)]
pub enum Command {
    /// Print every setting (secrets as ***) and complain about unsafe ones
    Check,
}

pub fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let Command::Check = command;
    let config = settings.read()?;
    for (key, value) in config.entries() {
        println!("{key} = {value}");
    }
    for warning in config.warnings() {
        eprintln!("note: {warning}");
    }
    let complaints = config.complaints();
    for complaint in &complaints {
        eprintln!("wrong: {complaint}");
    }
    Ok(if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
