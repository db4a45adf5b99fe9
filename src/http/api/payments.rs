//! `/v1/payments`: what became of the money of each checkout.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::db::{DbError, On};
use crate::http::extract::{Authenticated, PageQuery};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::payments::store::{self, Filter};
use crate::payments::{Payment, PaymentStatus, attempts, captures, view};
use crate::words::{PaymentId, Slice};

/// What a list of payments may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    status: Option<String>,
    reference: Option<String>,
    #[serde(rename = "created[gte]")]
    from: Option<String>,
    #[serde(rename = "created[gt]")]
    after: Option<String>,
    #[serde(rename = "created[lte]")]
    to: Option<String>,
    #[serde(rename = "created[lt]")]
    before: Option<String>,
}

/// One payment with its orders and attempts.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = PaymentId::parse(&id).map_err(|_| Problem::not_found("payment"))?;
    let payment = store::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| Problem::not_found("payment"))?;
    Ok(Json(whole(&app.db, &payment).await?))
}

/// A page of payments, newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(PaymentId::parse)? {
        store::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let filter = filter(query.filters)?;
    let slice = store::list(&app.db, &principal.tenant, &filter, &query.page).await?;
    let mut items = Vec::with_capacity(slice.items.len());
    for payment in &slice.items {
        items.push(whole(&app.db, payment).await?);
    }
    Ok(envelope("/v1/payments", Slice { items, has_more: slice.has_more }, Value::clone))
}

/// The payment with its orders, attempts and captures.
pub(super) async fn whole(on: impl Into<On<'_>>, payment: &Payment) -> Result<Value, DbError> {
    let mut on = on.into();
    let orders = store::orders(on.again(), &payment.id).await?;
    let attempts = attempts::newest(on.again(), &payment.id).await?;
    let captures = captures::of_payment(on, &payment.id).await?;
    Ok(view(payment, &orders, &attempts, &captures))
}

fn filter(wanted: Filters) -> Result<Filter, Problem> {
    let status = match wanted.status.as_deref() {
        None => None,
        Some(text) => Some(PaymentStatus::parse(text).ok_or_else(|| {
            Problem::invalid("status", "Not a status of a payment: it is one of requires_payment, processing, authorized, succeeded, failed, canceled, expired.")
        })?),
    };
    let (created_from, created_to) = fields::created(
        wanted.from.as_deref(),
        wanted.after.as_deref(),
        wanted.to.as_deref(),
        wanted.before.as_deref(),
    )?;
    Ok(Filter { status, reference: wanted.reference, created_from, created_to })
}
