//! `tollgate seal`: seals what was posted and says where the ledger's chain ends, signed, for keeping outside of the database.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::start::{self, Settings};
use crate::keyring::Keyring;
use crate::ledger::seals::{self, Head, Sealed, Witness};
use crate::words::{Clock as _, SystemClock};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Append the line to this file instead of printing it; keep the file where nobody who holds the database can write
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub async fn run(settings: &Settings, args: Args) -> anyhow::Result<ExitCode> {
    let config = settings.read()?;
    if config.master_key.expose().is_empty() {
        bail!("master_key is not set: the chain is signed with a key derived from it; give the gateway's own settings");
    }
    let db = start::database(&config, false).await?;
    let keyring = Keyring::derive(&config.master_key);
    // What the file says already must still be so, or nothing is signed.
    let written = match &args.out {
        Some(file) => seals::read_file(file).await.map_err(|error| anyhow!("{}: {error}", file.display()))?,
        None => Witness::default(),
    };
    let head = Head::written(&written.anchors);
    while let Sealed::Block(_) = seals::seal(&db, &keyring, &head, SystemClock.now()).await? {}
    let anchor = seals::anchor(&db, &keyring).await?;
    db.close().await;
    match (anchor, args.out) {
        (None, _) => println!("nothing was posted yet, so nothing is sealed"),
        (Some(anchor), None) => println!("{}", anchor.line()),
        (Some(anchor), Some(file)) => {
            let named = || format!("cannot write to {}", file.display());
            seals::append(&file, &anchor).await.with_context(named)?;
            println!("block {} over {} journals: written to {}", anchor.block, anchor.journals, file.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}
