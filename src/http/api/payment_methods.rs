//! `/v1/payment_methods`: cards that shoppers let the merchant keep.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::App;
use crate::http::extract::{AnyKey, Authenticated, PageQuery, require};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::merchants::Scope;
use crate::payments::methods;
use crate::words::PaymentMethodId;

/// What a list may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    customer_email: Option<String>,
}

/// A page of saved cards that are not detached, newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(PaymentMethodId::parse)? {
        methods::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let email = query.filters.customer_email.as_deref();
    let slice = methods::list(&app.db, &principal.tenant, email, &query.page).await?;
    Ok(envelope("/v1/payment_methods", slice, methods::view))
}

/// One saved card, detached or not.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = PaymentMethodId::parse(&id).map_err(|_| missing())?;
    let method = methods::get(&app.db, &principal.tenant, &id).await?.ok_or_else(missing)?;
    Ok(Json(methods::view(&method)))
}

/// Detaches it: its token is forgotten for good, and it cannot be charged any more.
pub async fn delete(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    require(&principal, Scope::Write)?;
    let id = PaymentMethodId::parse(&id).map_err(|_| missing())?;
    let mut tx = app.db.begin().await?;
    methods::detach(&mut tx, &principal.tenant, &id, app.now()).await?.ok_or_else(missing)?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(Json(json!({ "id": id, "object": "payment_method", "deleted": true })))
}

fn missing() -> Problem {
    Problem::not_found("payment method")
}
