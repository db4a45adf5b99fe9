//! `/v1/integrity`: whether this merchant's books can be believed.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::http::extract::Authenticated;
use crate::http::problem::Problem;
use crate::integrity::{self, Scope};

/// Asks every invariant of the merchant's own rows, now.
pub async fn show(State(app): State<App>, Authenticated(principal): Authenticated) -> Result<Json<Value>, Problem> {
    let report = integrity::check(&app.db, Scope::Tenant(&principal.tenant)).await?;
    Ok(Json(integrity::report_view(&principal.tenant, &report, app.now())))
}
