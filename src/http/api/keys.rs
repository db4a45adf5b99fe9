//! `/v1/api_keys`: for secret keys only. Answers that show a key are never stored, so an `Idempotency-Key` has no effect here.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::http::extract::{Keyholder, PageQuery, Strict};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::merchants::Scope;
use crate::merchants::keys::{self, Issued, KeyError, Kind, NewKey};
use crate::words::{KeyId, Timestamp};

const HOUR: u64 = 3600;
const DEFAULT_OVERLAP_HOURS: u64 = 24;

/// What `POST /v1/api_keys` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    kind: Kind,
    #[serde(default)]
    scopes: Vec<Scope>,
    name: Option<String>,
    expires_at: Option<Timestamp>,
}

/// What `POST /v1/api_keys/{id}/rotate` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    overlap_hours: Option<u64>,
}

/// What a call without parameters takes: nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Makes a key of the caller's merchant and mode, and shows it once.
pub async fn create(
    State(app): State<App>,
    Keyholder(principal): Keyholder,
    Strict(wanted): Strict<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    fields::optional_text("name", wanted.name.as_deref(), 200)?;
    let new = NewKey { kind: wanted.kind, scopes: wanted.scopes, name: wanted.name, expires_at: wanted.expires_at };
    let mut tx = app.db.begin().await?;
    let issued = keys::issue(&mut tx, &principal.tenant, new, app.now()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(shown(&issued))))
}

/// The caller's keys, without the keys themselves.
pub async fn list(
    State(app): State<App>,
    Keyholder(principal): Keyholder,
    query: PageQuery,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(KeyId::parse)? {
        keys::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = keys::list(&app.db, &principal.tenant, &query.page).await?;
    Ok(envelope("/v1/api_keys", slice, |key| keys::view(key, None)))
}

/// One key.
pub async fn show(
    State(app): State<App>,
    Keyholder(principal): Keyholder,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let key = keys::get(&app.db, &principal.tenant, &read(&id)?).await?.ok_or_else(not_found)?;
    Ok(Json(keys::view(&key, None)))
}

/// Refuses the key from now on.
pub async fn revoke(
    State(app): State<App>,
    Keyholder(principal): Keyholder,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.db.begin().await?;
    let key = keys::revoke(&mut tx, &principal.tenant, &read(&id)?, app.now()).await?;
    tx.commit().await?;
    Ok(Json(keys::view(&key, None)))
}

/// Makes a successor and shows it once; the old key works on for `overlap_hours` (24 unless told, 0 to 168).
pub async fn rotate(
    State(app): State<App>,
    Keyholder(principal): Keyholder,
    Path(id): Path<String>,
    Strict(wanted): Strict<Rotate>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let hours = wanted.overlap_hours.unwrap_or(DEFAULT_OVERLAP_HOURS);
    let overlap = Duration::from_secs(hours.saturating_mul(HOUR));
    let mut tx = app.db.begin().await?;
    let issued = keys::rotate(&mut tx, &principal.tenant, &read(&id)?, overlap, app.now()).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(shown(&issued))))
}

fn shown(issued: &Issued) -> Value {
    keys::view(&issued.key, Some(&issued.token))
}

fn read(id: &str) -> Result<KeyId, Problem> {
    KeyId::parse(id).map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::not_found("API key")
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        let rule = error.to_string();
        match error {
            KeyError::Scopes => Self::invalid("scopes", rule),
            KeyError::ExpiryPast => Self::invalid("expires_at", rule),
            KeyError::Overlap => Self::invalid("overlap_hours", rule),
            KeyError::NotActive => Self::conflict("api_key_not_active", rule),
            KeyError::NotFound => not_found(),
            KeyError::Db(error) => error.into(),
        }
    }
}
