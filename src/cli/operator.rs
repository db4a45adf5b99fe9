//! `tollgate operator`: makes people who may use the console, and gives them another password when theirs is lost.
//!
//! A password is read from standard input or made up, never given as an argument: arguments stand in process lists and
//! shell histories.

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;

use super::start::{self, Settings};
use crate::operators;
use crate::words::Secret;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make an operator; the password is made up and printed once
    Create(Whose),
    /// Give an operator another password and end its sessions; the password is made up and printed once
    ResetPassword(Whose),
}

#[derive(Debug, clap::Args)]
pub struct Whose {
    /// The operator's e-mail
    #[arg(long)]
    email: String,
    /// Read the password from standard input instead of making one up
    #[arg(long)]
    password_stdin: bool,
}

pub async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let app = start::app(settings).await?;
    let now = app.now();
    let (whose, password, done) = match command {
        Command::Create(whose) => {
            let given = given(&whose)?;
            let password = operators::create(&app.db, &whose.email, given, now).await?;
            (whose, password, "operator  ")
        }
        Command::ResetPassword(whose) => {
            let given = given(&whose)?;
            let password = operators::reset_password(&app.db, &whose.email, given, now).await?;
            (whose, password, "reset     ")
        }
    };
    println!("{done}{}", whose.email.trim());
    if !whose.password_stdin {
        println!("password  {}\n\nIt is not shown again: keep it where secrets are kept.", password.expose());
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

fn given(whose: &Whose) -> anyhow::Result<Option<Secret<String>>> {
    if !whose.password_stdin {
        return Ok(None);
    }
    let mut text = String::new();
    std::io::stdin().take(2000).read_to_string(&mut text).context("cannot read the password")?;
    Ok(Some(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}
