//! `/v1/events`: what happened, newest first.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::events::{self, Filter};
use crate::http::extract::{Authenticated, PageQuery};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::words::{EventId, Timestamp};

/// The list's filters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    #[serde(rename = "type")]
    kind: Option<String>,
    object_id: Option<String>,
    #[serde(rename = "created[gte]")]
    from: Option<Timestamp>,
    #[serde(rename = "created[lt]")]
    until: Option<Timestamp>,
}

/// The tenant's events.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(EventId::parse)? {
        events::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let wanted = query.filters;
    fields::event_type("type", wanted.kind.as_deref())?;
    let filter = Filter { kind: wanted.kind, object_id: wanted.object_id, from: wanted.from, until: wanted.until };
    let slice = events::list(&app.db, &principal.tenant, &filter, &query.page).await?;
    Ok(envelope("/v1/events", slice, events::view))
}

/// One event.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let not_found = || Problem::not_found("event");
    let id = EventId::parse(&id).map_err(|_| not_found())?;
    let event = events::get(&app.db, &principal.tenant, &id).await?.ok_or_else(not_found)?;
    Ok(Json(events::view(&event)))
}
