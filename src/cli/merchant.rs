//! `tollgate merchant`: makes a merchant with its first keys, which are printed once, and lists merchants.

use std::process::ExitCode;

use anyhow::bail;

use super::start::{self, Settings};
use crate::app::App;
use crate::merchants;
use crate::merchants::keys::{self, Kind, NewKey};
use crate::merchants::sellers;
use crate::words::{Mode, Page, Tenant};

const MAX_NAME: usize = 200;
const PAGE: u32 = 100;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a merchant, its own seller and its first keys in test and live mode
    Create {
        /// As shown on the checkout page
        #[arg(long)]
        name: String,
    },
    /// List all merchants, newest first
    List,
}

pub async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let app = start::app(settings).await?;
    match command {
        Command::Create { name } => create(&app, name.trim()).await?,
        Command::List => list(&app).await?,
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, name: &str) -> anyhow::Result<()> {
    if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        bail!("--name needs 1 to {MAX_NAME} characters, none of them control characters");
    }
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let merchant = merchants::create(&mut tx, name, now).await?;
    let mut lines = vec![format!("merchant          {}  {}", merchant.id, merchant.name)];
    for mode in [Mode::Test, Mode::Live] {
        let tenant = Tenant::new(merchant.id.clone(), mode);
        let seller = sellers::self_seller(&mut tx, &tenant).await?;
        lines.push(format!("{} seller       {}", mode.as_str(), seller.id));
        for kind in [Kind::Secret, Kind::Publishable] {
            let new = NewKey { kind, scopes: Vec::new(), name: Some("first".to_owned()), expires_at: None };
            let issued = keys::issue(&mut tx, &tenant, new, now).await?;
            lines.push(format!("{} {:<12} {}", mode.as_str(), kind.as_str(), issued.token.expose()));
        }
    }
    tx.commit().await?;
    // Printed only once the keys exist for good.
    println!("{}", lines.join("\n"));
    println!("\nThe keys are not shown again: keep them where secrets are kept.");
    Ok(())
}

async fn list(app: &App) -> anyhow::Result<()> {
    let mut page = Page::newest(PAGE);
    loop {
        let slice = merchants::list(&app.db, &page).await?;
        for merchant in &slice.items {
            println!("{}  {}  {}", merchant.id, merchant.created_at, merchant.name);
        }
        match slice.items.last() {
            Some(last) if slice.has_more => page = Page::after(PAGE, last.id.to_string()),
            _ => return Ok(()),
        }
    }
}
