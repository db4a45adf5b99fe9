//! `tollgate key`: makes, lists, rotates and revokes a merchant's API keys; a key is printed once, when it is made.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};

use super::start::{self, Settings};
use crate::app::App;
use crate::merchants;
use crate::merchants::Scope;
use crate::merchants::keys::{self, Issued, Key, Kind, NewKey};
use crate::words::{KeyId, MerchantId, Mode, Page, Tenant};

const PAGE: u32 = 100;
const HOUR: u64 = 3600;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a key and print it, once
    Create {
        #[command(flatten)]
        owner: Owner,
        /// secret, restricted or publishable
        #[arg(long, default_value = "secret", value_parser = kind)]
        kind: Kind,
        /// For a restricted key: read, write, refund, payout, separated by commas
        #[arg(long, value_delimiter = ',', value_parser = scope)]
        scopes: Vec<Scope>,
        /// To tell it from others
        #[arg(long)]
        name: Option<String>,
        /// Refused after so many days
        #[arg(long, value_name = "DAYS")]
        expires_in: Option<u32>,
    },
    /// List a merchant's keys, newest first
    List {
        #[command(flatten)]
        owner: Owner,
    },
    /// Refuse a key from now on
    Revoke {
        #[command(flatten)]
        owner: Owner,
        /// The key's id: key_...
        id: String,
    },
    /// Make a successor and print it, once; the old key works on for a while
    Rotate {
        #[command(flatten)]
        owner: Owner,
        /// The key's id: key_...
        id: String,
        /// How long the old key goes on working, in hours
        #[arg(long, default_value_t = 24)]
        overlap: u64,
    },
}

#[derive(Debug, clap::Args)]
pub struct Owner {
    /// The merchant's id: mrc_...
    #[arg(long)]
    merchant: String,
    /// test or live
    #[arg(long, default_value = "test", value_parser = mode)]
    mode: Mode,
}

pub async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let app = start::app(settings).await?;
    match command {
        Command::Create { owner, kind, scopes, name, expires_in } => {
            let days = expires_in.map(|days| Duration::from_secs(u64::from(days).saturating_mul(24 * HOUR)));
            let new = NewKey { kind, scopes, name, expires_at: days.map(|days| app.now().plus(days)) };
            create(&app, &owner, new).await?;
        }
        Command::List { owner } => list(&app, &owner).await?,
        Command::Revoke { owner, id } => revoke(&app, &owner, &id).await?,
        Command::Rotate { owner, id, overlap } => rotate(&app, &owner, &id, overlap).await?,
    }
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, owner: &Owner, new: NewKey) -> anyhow::Result<()> {
    let name_fits = new.name.as_ref().is_none_or(|name| !name.trim().is_empty() && name.chars().count() <= 200);
    if !name_fits {
        bail!("--name needs 1 to 200 characters");
    }
    let tenant = tenant(app, owner).await?;
    let mut tx = app.db.begin().await?;
    let issued = keys::issue(&mut tx, &tenant, new, app.now()).await?;
    tx.commit().await?;
    show(&issued);
    Ok(())
}

async fn list(app: &App, owner: &Owner) -> anyhow::Result<()> {
    let tenant = tenant(app, owner).await?;
    let mut page = Page::newest(PAGE);
    loop {
        let slice = keys::list(&app.db, &tenant, &page).await?;
        for key in &slice.items {
            println!("{}", line(app, key));
        }
        match slice.items.last() {
            Some(last) if slice.has_more => page = Page::after(PAGE, last.id.to_string()),
            _ => return Ok(()),
        }
    }
}

async fn revoke(app: &App, owner: &Owner, id: &str) -> anyhow::Result<()> {
    let tenant = tenant(app, owner).await?;
    let mut tx = app.db.begin().await?;
    let key = keys::revoke(&mut tx, &tenant, &key_id(id)?, app.now()).await?;
    tx.commit().await?;
    println!("{}", line(app, &key));
    Ok(())
}

async fn rotate(app: &App, owner: &Owner, id: &str, hours: u64) -> anyhow::Result<()> {
    let tenant = tenant(app, owner).await?;
    let overlap = Duration::from_secs(hours.saturating_mul(HOUR));
    let mut tx = app.db.begin().await?;
    let issued = keys::rotate(&mut tx, &tenant, &key_id(id)?, overlap, app.now()).await?;
    tx.commit().await?;
    show(&issued);
    println!("The old key goes on working for {hours} hours.");
    Ok(())
}

fn show(issued: &Issued) {
    println!("{}  {}", issued.key.id, issued.token.expose());
    println!("The key is not shown again: keep it where secrets are kept.");
}

fn line(app: &App, key: &Key) -> String {
    let state = if key.revoked_at.is_some() {
        "revoked"
    } else if key.expires_at.is_some_and(|at| at <= app.now()) {
        "expired"
    } else {
        "active"
    };
    let rights: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    let used = key.last_used_at.map_or_else(|| "never used".to_owned(), |at| format!("last used {at}"));
    let until = key.expires_at.map_or_else(String::new, |at| format!("  until {at}"));
    let name = key.name.as_deref().unwrap_or("-");
    format!(
        "{}  {}  {} {}  {state}  {used}{until}  {name}",
        key.id,
        keys::hint(key),
        key.kind.as_str(),
        rights.join(",")
    )
}

/// The tenant, once its merchant is known to exist.
async fn tenant(app: &App, owner: &Owner) -> anyhow::Result<Tenant> {
    let id = MerchantId::parse(&owner.merchant).context("--merchant")?;
    match merchants::get(&app.db, &id).await? {
        Some(merchant) => Ok(Tenant::new(merchant.id, owner.mode)),
        None => Err(anyhow!("there is no merchant {id}: see `tollgate merchant list`")),
    }
}

fn key_id(text: &str) -> anyhow::Result<KeyId> {
    KeyId::parse(text).context("the key's id")
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::parse(text).ok_or_else(|| "it is secret, restricted or publishable".to_owned())
}

fn scope(text: &str) -> Result<Scope, String> {
    Scope::parse(text).ok_or_else(|| "it is read, write, refund or payout".to_owned())
}

fn mode(text: &str) -> Result<Mode, String> {
    [Mode::Test, Mode::Live]
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| "it is test or live".to_owned())
}
