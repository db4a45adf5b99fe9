//! From settings to a working [`App`]: what every command that touches the database begins with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::app::App;
use crate::config::{self, Config};
use crate::db::{Db, GATEWAY};
use crate::outbound::Outbound;
use crate::psp::Psps;
use crate::words::SystemClock;

/// Where the settings come from.
#[derive(Debug)]
pub struct Settings {
    /// `--config`.
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Reads file and environment, without judging them.
    pub fn read(&self) -> anyhow::Result<Config> {
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Ok(config::load(self.file.as_deref(), environment)?)
    }
}

/// Opens the database, making the folder of an SQLite file when it is missing.
pub async fn connect(config: &Config) -> anyhow::Result<Db> {
    let url = config.database.url.expose();
    if let Some(folder) = sqlite_folder(url) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {} of the database", folder.display()))?;
    }
    Db::open(url, config.database.connections)
        .await
        .context("cannot open the database: check database.url, and that the server runs and lets us in")
}

/// Opens the database and makes sure that its schema is this program's.
pub async fn database(config: &Config, migrate: bool) -> anyhow::Result<Db> {
    let db = connect(config).await?;
    if migrate {
        db.migrate(&GATEWAY).await.context("cannot bring the schema up to date")?;
    } else if !db.is_current(&GATEWAY).await.unwrap_or(false) {
        bail!(
            "the database's schema is not the one this program needs: run `tollgate migrate` once (with the same settings), \
             or start with --migrate, or set database.migrate = true"
        );
    }
    Ok(db)
}

/// The database and the parts around it, for commands that work on it without serving.
pub async fn app(settings: &Settings) -> anyhow::Result<App> {
    let config = settings.read()?;
    let db = database(&config, config.database.migrates_itself()).await?;
    assemble(config, db)
}

/// Puts the parts together on the machine's clock.
pub fn assemble(config: Config, db: Db) -> anyhow::Result<App> {
    let outbound = Outbound::new(&config.outbound()).context("trusted_roots")?;
    let psps = Psps::configured(&config.psp, &outbound);
    Ok(App::new(config, db, Arc::new(SystemClock), outbound, psps))
}

fn sqlite_folder(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path).split('?').next()?;
    Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty())
}
