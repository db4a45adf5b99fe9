//! `tollgate migrate`: brings the schema up to date, once, however many processes try at the same time.

use std::process::ExitCode;

use anyhow::Context as _;

use super::start::{self, Settings};
use crate::db::GATEWAY;

pub async fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let config = settings.read()?;
    let db = start::connect(&config).await?;
    db.migrate(&GATEWAY).await.context("the schema was not changed")?;
    println!("the {} schema is up to date", db.name());
    db.close().await;
    Ok(ExitCode::SUCCESS)
}
