//! `/v1/webhook_endpoints`: where the merchant is told what happened. Answers that show a secret are never stored, so an
//! `Idempotency-Key` has no effect here.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields;
use super::keys::Nothing;
use crate::app::App;
use crate::events::Filter;
use crate::http::extract::{Authenticated, PageQuery, Strict};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::webhooks::endpoints::{self, Changes, Endpoint, NewEndpoint, Status, view};
use crate::webhooks::{SigningKey, WebhookError, deliveries};
use crate::words::{EndpointId, Timestamp};

/// What `POST /v1/webhook_endpoints` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    url: String,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// What `POST /v1/webhook_endpoints/{id}` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    url: Option<String>,
    events: Option<Vec<String>>,
    description: Option<String>,
    status: Option<String>,
}

/// Makes an endpoint and shows its secret once.
pub async fn create(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Strict(wanted): Strict<Create>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    fields::metadata(&wanted.metadata)?;
    let new = NewEndpoint {
        url: wanted.url,
        events: wanted.events,
        description: wanted.description,
        metadata: wanted.metadata,
    };
    let mut tx = app.db.begin().await?;
    let (endpoint, key) = endpoints::create(&mut tx, &app, &principal.tenant, new).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(with_secret(&endpoint, &key))))
}

/// The tenant's endpoints, without secrets.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(EndpointId::parse)? {
        endpoints::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = endpoints::page(&app.db, &principal.tenant, &query.page).await?;
    Ok(envelope("/v1/webhook_endpoints", slice, view))
}

/// One endpoint.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let endpoint = endpoints::get(&app.db, &principal.tenant, &read(&id)?).await?.ok_or_else(not_found)?;
    Ok(Json(view(&endpoint)))
}

/// Changes the fields that are named.
pub async fn change(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(wanted): Strict<Change>,
) -> Result<Json<Value>, Problem> {
    let status = wanted.status.map(|text| {
        let rule = || Problem::invalid("status", "`status` is `enabled` or `disabled`.");
        Status::parse(&text).ok_or_else(rule)
    });
    let changes = Changes {
        url: wanted.url,
        events: wanted.events,
        description: wanted.description,
        status: status.transpose()?,
    };
    let mut tx = app.db.begin().await?;
    let found = endpoints::change(&mut tx, &app, &principal.tenant, &read(&id)?, changes).await?;
    let endpoint = found.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(Json(view(&endpoint)))
}

/// Deletes it; nothing more is sent to it.
pub async fn delete(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = read(&id)?;
    let mut tx = app.db.begin().await?;
    if !endpoints::delete(&mut tx, &principal.tenant, &id).await? {
        return Err(not_found());
    }
    tx.commit().await?;
    Ok(Json(json!({ "id": id, "object": "webhook_endpoint", "deleted": true })))
}

/// Gives it another secret, shown once; the present one signs as well for a day.
pub async fn rotate_secret(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.db.begin().await?;
    let rotated = endpoints::rotate_secret(&mut tx, &app, &principal.tenant, &read(&id)?).await?;
    let (endpoint, key) = rotated.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(Json(with_secret(&endpoint, &key)))
}

/// Sends it a test event; answers with the delivery, whose tries can be watched.
pub async fn test(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let mut tx = app.db.begin().await?;
    let sent = endpoints::test(&mut tx, &app, &principal.tenant, &read(&id)?).await?;
    let delivery = sent.ok_or_else(not_found)?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok((StatusCode::ACCEPTED, Json(deliveries::view(&delivery, None))))
}

/// What `POST /v1/webhook_endpoints/{id}/replay` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    since: Timestamp,
    until: Option<Timestamp>,
    r#type: Option<String>,
}

/// Sends again what happened in a span of time, whether it was heard before or not.
pub async fn replay(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(range): Strict<Range>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    fields::event_type("type", range.r#type.as_deref())?;
    let filter = Filter { kind: range.r#type, object_id: None, from: Some(range.since), until: range.until };
    let mut tx = app.db.begin().await?;
    let replayed = endpoints::replay(&mut tx, &app, &principal.tenant, &read(&id)?, &filter).await?;
    let replay = replayed.ok_or_else(not_found)?;
    tx.commit().await?;
    app.wake.notify_one();
    let body = json!({ "object": "webhook_replay", "events": replay.sent, "continue_until": replay.until });
    Ok((StatusCode::ACCEPTED, Json(body)))
}

fn with_secret(endpoint: &Endpoint, key: &SigningKey) -> Value {
    let mut shown = view(endpoint);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("secret".into(), key.reveal().into());
    }
    shown
}

fn read(id: &str) -> Result<EndpointId, Problem> {
    EndpointId::parse(id).map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::not_found("webhook endpoint")
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::Invalid { param, rule } => {
                let detail = format!("`{param}` {rule}.");
                Self::invalid(param, detail)
            }
            WebhookError::Disabled => Self::conflict("webhook_endpoint_disabled", "The endpoint is disabled."),
            WebhookError::Db(error) => error.into(),
            error @ WebhookError::Sealed(_) => Self::internal(&error),
        }
    }
}
