//! `/v1/sellers`: whom the merchant is paid for.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::http::extract::{Authenticated, Keyed, PageQuery};
use crate::http::idempotent::idempotent;
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::merchants::sellers::{self, NewSeller};
use crate::words::SellerId;

/// What `POST /v1/sellers` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: String,
    payout_destination: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// Adds a seller.
pub async fn create(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    request: Keyed<Create>,
) -> Result<Response, Problem> {
    let wanted = request.body;
    fields::text("name", &wanted.name, 200)?;
    fields::optional_text("payout_destination", wanted.payout_destination.as_deref(), 255)?;
    fields::metadata(&wanted.metadata)?;
    let new = NewSeller { name: wanted.name, payout_destination: wanted.payout_destination, metadata: wanted.metadata };
    let (tenant, now) = (principal.tenant.clone(), app.now());
    idempotent(app, principal.tenant, request.once, StatusCode::CREATED, async move |tx| {
        let seller = sellers::create(tx, &tenant, new.clone(), now).await?;
        Ok(sellers::view(&seller))
    })
    .await
}

/// The merchant's sellers, itself among them.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(SellerId::parse)? {
        sellers::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = sellers::list(&app.db, &principal.tenant, &query.page).await?;
    Ok(envelope("/v1/sellers", slice, sellers::view))
}

/// One seller.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = SellerId::parse(&id).map_err(|_| Problem::not_found("seller"))?;
    let seller = sellers::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| Problem::not_found("seller"))?;
    Ok(Json(sellers::view(&seller)))
}
