//! The file first, then the environment over it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Config;

/// `TOLLGATE_DATABASE__URL` sets `url` in `[database]`.
const PREFIX: &str = "TOLLGATE";
/// Names that begin like settings but are not: the file's own path, what tests use, and what chaos breaks.
const NOT_SETTINGS: [&str; 3] = ["TOLLGATE_CONFIG", "TOLLGATE_TEST_", "TOLLGATE_CHAOS_BREAK"];

/// Settings that are lists: in the environment their members stand between commas.
const LISTS: [&str; 2] = ["trusted_roots", "webhooks.ports"];

/// Why the settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file named with `--config` is not there.
    #[error("cannot read the configuration file {0}: check the path given with --config")]
    NoFile(PathBuf),
    /// The file is not TOML.
    #[error("the configuration cannot be read: {0}")]
    Unreadable(String),
    /// A key that does not exist or a value of the wrong kind; `at` is the way to it.
    #[error("the setting {at} is wrong: {what}")]
    Wrong {
        /// Such as `database.url`.
        at: String,
        /// What serde said, without the value.
        what: String,
    },
}

/// Reads `file` (if any) and lets `environment` override it.
///
/// # Errors
/// [`ConfigError`]; safety is a second step, see [`Config::complaints`].
pub fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut builder = config::Config::builder();
    if let Some(path) = file {
        if !path.is_file() {
            return Err(ConfigError::NoFile(path.to_owned()));
        }
        builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
    }
    let mut settings: HashMap<String, String> =
        environment.into_iter().filter(|(name, _)| !NOT_SETTINGS.iter().any(|other| name.starts_with(other))).collect();
    for list in LISTS {
        if let Some(text) = settings.remove(&variable(list)) {
            let members: Vec<&str> = text.split(',').map(str::trim).filter(|it| !it.is_empty()).collect();
            builder =
                builder.set_override(list, members).map_err(|error| ConfigError::Unreadable(error.to_string()))?;
        }
    }
    let source = config::Environment::with_prefix(PREFIX).prefix_separator("_").separator("__").source(Some(settings));
    let merged = builder.add_source(source).build().map_err(|error| ConfigError::Unreadable(error.to_string()))?;
    serde_path_to_error::deserialize(merged)
        .map_err(|error| ConfigError::Wrong { at: error.path().to_string(), what: without_value(error.inner()) })
}

/// The environment variable that sets `key`.
#[must_use]
pub fn variable(key: &str) -> String {
    format!("{PREFIX}_{}", key.replace('.', "__").to_uppercase())
}

/// The `config` crate quotes the offending value, which may be a secret in the wrong place: only what was expected is kept.
fn without_value(error: &config::ConfigError) -> String {
    match error {
        config::ConfigError::Type { expected, .. } => format!("expected {expected}"),
        config::ConfigError::At { error, .. } => without_value(error),
        other => other.to_string(),
    }
}
