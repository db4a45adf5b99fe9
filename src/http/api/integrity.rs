//! `/v1/integrity`: whether this merchant's books can be believed.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::http::extract::Authenticated;
use crate::http::problem::Problem;
use crate::integrity::standing_view;
use crate::integrity::watch::{self, StandingError};

/// How the merchant's books stand: what the watch has found, and what changed since.
pub async fn show(State(app): State<App>, Authenticated(principal): Authenticated) -> Result<Json<Value>, Problem> {
    let (tenant, now) = (&principal.tenant, app.now());
    let standing = watch::standing(&app.db, &app.whole_reads, tenant, now).await.map_err(|error| match error {
        StandingError::Busy => {
            Problem::unavailable("integrity_busy", "The books are being checked already. Ask again shortly.", 5)
        }
        StandingError::Db(error) => error.into(),
    })?;
    Ok(Json(standing_view(tenant, &standing, now)))
}
