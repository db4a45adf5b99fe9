//! `GET /v1/merchant`: whose key is this? The one call a publishable key may make.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::http::extract::AnyKey;
use crate::http::problem::Problem;
use crate::merchants;

/// The merchant, the mode and the rights of the key that asks.
pub async fn show(State(app): State<App>, AnyKey(principal): AnyKey) -> Result<Json<Value>, Problem> {
    let merchant = merchants::get(&app.db, &principal.tenant.merchant).await?;
    let merchant = merchant.ok_or_else(|| Problem::not_found("merchant"))?;
    Ok(Json(json!({
        "id": merchant.id,
        "object": "merchant",
        "livemode": principal.tenant.mode.is_live(),
        "created_at": merchant.created_at,
        "name": merchant.name,
        "key": {"id": principal.key, "kind": principal.kind, "scopes": principal.scopes},
    })))
}
