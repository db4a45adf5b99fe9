//! `/v1/wallets/{seller}`: what a seller has.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use crate::app::App;
use crate::http::extract::Authenticated;
use crate::http::problem::Problem;
use crate::merchants::sellers;
use crate::wallets;
use crate::words::SellerId;

/// A seller's wallet, per currency. A seller who was never paid has one without balances.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(seller): Path<String>,
) -> Result<Json<Value>, Problem> {
    let tenant = &principal.tenant;
    let id = SellerId::parse(&seller).map_err(|_| Problem::not_found("seller"))?;
    let seller = sellers::get(&app.db, tenant, &id).await?.ok_or_else(|| Problem::not_found("seller"))?;
    let balances = wallets::of_seller(&app.db, tenant, &id).await?;
    Ok(Json(wallets::wallet_view(tenant, &id, seller.created_at, &balances)))
}
