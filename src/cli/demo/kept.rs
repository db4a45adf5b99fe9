//! What the demo must know again at its next start: keys are shown once, so it keeps its own, readable by this user only.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::private_files;
use crate::words::random_base62;

/// The demo's secrets.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kept {
    #[serde(skip)]
    path: PathBuf,
    /// The gateway's master key.
    pub master_key: String,
    /// What the gateway shows to the PSP.
    pub psp_secret_key: String,
    /// What the PSP signs its webhooks with.
    pub psp_webhook_secret: String,
    /// Opens the PSP's fault switches.
    pub psp_admin_key: String,
    /// Who may open the console.
    #[serde(default)]
    pub operator: Option<Operator>,
    /// The shop.
    #[serde(default)]
    pub merchant: Option<Merchant>,
}

/// The console's first user.
#[derive(Clone, Serialize, Deserialize)]
pub struct Operator {
    /// What it signs in as.
    pub email: String,
    /// Made at the first start.
    pub password: String,
}

/// The shop's account at the gateway.
#[derive(Clone, Serialize, Deserialize)]
pub struct Merchant {
    /// `mrc_...`
    pub id: String,
    /// Its secret key, for test mode.
    pub secret_key: String,
    /// Its sellers, in the shop's order.
    #[serde(default)]
    pub sellers: Vec<String>,
    /// Where it hears of payments.
    #[serde(default)]
    pub endpoint: Option<Endpoint>,
}

/// The shop's webhook endpoint.
#[derive(Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// `we_...`
    pub id: String,
    /// The shop's address when it was made; another port next time needs another endpoint.
    pub url: String,
    /// `whsec_...`
    pub secret: String,
}

impl Kept {
    /// Reads `path`, or makes new secrets and writes them there.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn find_or_make(path: PathBuf) -> anyhow::Result<Self> {
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => Self { path, ..Self::read(&text).context(BROKEN)? },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::new(path),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        kept.write()?;
        Ok(kept)
    }

    fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    fn new(path: PathBuf) -> Self {
        Self {
            path,
            master_key: random_base62(43),
            psp_secret_key: format!("sim_sk_{}", random_base62(32)),
            psp_webhook_secret: format!("sim_whsec_{}", random_base62(32)),
            psp_admin_key: format!("sim_admin_{}", random_base62(32)),
            operator: None,
            merchant: None,
        }
    }

    /// Writes everything back.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self) -> anyhow::Result<()> {
        private_files::write(&self.path, &serde_json::to_string_pretty(self)?)
    }

    /// Where the keys of the demo in `data` are.
    pub fn path_in(data: &Path) -> PathBuf {
        data.join("keys.json")
    }
}

const BROKEN: &str = "keys.json in the demo's data folder cannot be understood: delete the folder to begin anew";
