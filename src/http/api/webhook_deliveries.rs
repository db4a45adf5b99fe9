//! `/v1/webhook_deliveries`: what was sent where, how each try went, and sending it again.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use super::keys::Nothing;
use crate::app::App;
use crate::http::extract::{Authenticated, PageQuery, Strict};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::webhooks::deliveries::{self, Filter, Status};
use crate::words::{DeliveryId, EndpointId, EventId};

/// The list's filters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    endpoint: Option<EndpointId>,
    event: Option<EventId>,
    status: Option<String>,
    event_type: Option<String>,
}

/// The tenant's deliveries, without payloads and tries.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(DeliveryId::parse)? {
        deliveries::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let wanted = query.filters;
    fields::event_type("event_type", wanted.event_type.as_deref())?;
    let status = wanted.status.map(|text| {
        let rule = || Problem::invalid("status", "`status` is one of: pending, succeeded, failed.");
        Status::parse(&text).ok_or_else(rule)
    });
    let filter =
        Filter { endpoint: wanted.endpoint, event: wanted.event, status: status.transpose()?, kind: wanted.event_type };
    let slice = deliveries::list(&app.db, &principal.tenant, &filter, &query.page).await?;
    Ok(envelope("/v1/webhook_deliveries", slice, |delivery| deliveries::view(delivery, None)))
}

/// One delivery with its payload and every try.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let delivery = deliveries::get(&app.db, &principal.tenant, &read(&id)?).await?.ok_or_else(not_found)?;
    let attempts = deliveries::attempts(&app.db, &delivery).await?;
    Ok(Json(deliveries::view(&delivery, Some(&attempts))))
}

/// Sends it again, now, with a fresh round of retries.
pub async fn resend(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.db.begin().await?;
    let resent = deliveries::resend(&mut tx, &principal.tenant, &read(&id)?, principal.key.as_str(), app.now()).await?;
    let delivery = resent.ok_or_else(not_found)?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(Json(deliveries::view(&delivery, None)))
}

fn read(id: &str) -> Result<DeliveryId, Problem> {
    DeliveryId::parse(id).map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::not_found("webhook delivery")
}
