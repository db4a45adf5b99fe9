//! `/v1/payouts`: sellers' money sent to their banks.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields;
use crate::app::App;
use crate::http::extract::{AnyKey, Authenticated, Keyed, PageQuery, require};
use crate::http::idempotent::{Done, WorkError, idempotent};
use crate::http::list::envelope;
use crate::http::problem::{Problem, sentence};
use crate::merchants::Scope;
use crate::payouts::{self, AskError, Closed, DecideError, Filter, NewPayout, PayoutStatus};
use crate::wallets::WalletError;
use crate::words::{Currency, PayoutId, SellerId};

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    seller: String,
    amount: String,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
}

/// Takes on a payout. The answer says `pending` or `needs_approval`: a webhook or a look tells what became of it.
pub async fn create(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    require(&principal, Scope::Payout)?;
    let new = checked(request.body, principal.key.to_string())?;
    let (tenant, asking) = (principal.tenant.clone(), app.clone());
    let answer = idempotent(app.clone(), principal.tenant, request.once, StatusCode::CREATED, async move |tx| {
        let payout = payouts::ask(&asking, tx, &tenant, new.clone(), asking.now()).await.map_err(refused)?;
        Ok(Done::for_ever(&payout.id, payouts::view(&payout)))
    })
    .await?;
    app.wake.notify_one();
    Ok(answer)
}

/// What a list may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    seller: Option<String>,
    status: Option<String>,
}

/// A page of payouts, newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(PayoutId::parse)? {
        payouts::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let filter = Filter {
        seller: query.filters.seller.as_deref().map(seller_id).transpose()?,
        status: query.filters.status.as_deref().map(status).transpose()?,
    };
    let slice = payouts::list(&app.db, &principal.tenant, &filter, &query.page).await?;
    Ok(envelope("/v1/payouts", slice, payouts::view))
}

/// One payout.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let payout = payouts::get(&app.db, &principal.tenant, &payout_id(&id)?).await?;
    Ok(Json(payouts::view(&payout.ok_or_else(|| Problem::not_found("payout"))?)))
}

/// Of a cancellation nothing more is to be said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Takes a payout back that was not ordered yet.
pub async fn cancel(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    Path(id): Path<String>,
    request: Keyed<Nothing>,
) -> Result<Response, Problem> {
    require(&principal, Scope::Payout)?;
    let id = payout_id(&id)?;
    let (tenant, now) = (principal.tenant.clone(), app.now());
    idempotent(app, principal.tenant, request.once, StatusCode::OK, async move |tx| {
        let payout = payouts::cancel(tx, &tenant, &id, now).await.map_err(undecided)?;
        Ok(Done::for_ever(&payout.id, payouts::view(&payout)))
    })
    .await
}

fn checked(asked: Asked, asked_by: String) -> Result<NewPayout, Problem> {
    let metadata = asked.metadata.unwrap_or_default();
    fields::metadata(&metadata)?;
    Ok(NewPayout {
        seller: seller_id(&asked.seller)?,
        amount: asked.amount,
        currency: Currency::parse(&asked.currency)
            .map_err(|error| Problem::invalid("currency", format!("`currency` is {error}.")))?,
        metadata: json!(metadata),
        period: None,
        asked_by,
    })
}

fn seller_id(text: &str) -> Result<SellerId, Problem> {
    SellerId::parse(text).map_err(|_| Problem::invalid("seller", "`seller` must be the id of a seller (sel_...)."))
}

fn payout_id(text: &str) -> Result<PayoutId, Problem> {
    PayoutId::parse(text).map_err(|_| Problem::not_found("payout"))
}

fn status(text: &str) -> Result<PayoutStatus, Problem> {
    let known = PayoutStatus::ALL.map(PayoutStatus::as_str).join(", ");
    PayoutStatus::parse(text).ok_or_else(|| Problem::invalid("status", format!("`status` is one of {known}.")))
}

fn refused(error: AskError) -> WorkError {
    match error {
        AskError::NoSeller => Problem::not_found("seller").param("seller").into(),
        AskError::NoProvider(_) => Problem::conflict("payout_provider_missing", sentence(&error)).into(),
        AskError::Closed(Closed::NoDestination) => {
            Problem::conflict("payout_destination_missing", sentence(&error)).param("seller").into()
        }
        AskError::Closed(Closed::NotVerified(_)) => {
            Problem::conflict("seller_not_verified", sentence(&error)).param("seller").into()
        }
        AskError::Closed(Closed::Failed(_)) => {
            Problem::conflict("payout_destination_failed", sentence(&error)).param("seller").into()
        }
        AskError::Closed(Closed::Cooling(_)) => {
            Problem::conflict("payout_destination_held", sentence(&error)).param("seller").into()
        }
        AskError::BadAmount(rule) => Problem::invalid("amount", format!("`amount` {rule}.")).into(),
        AskError::Books(WalletError::Db(error)) | AskError::Db(error) => error.into(),
        AskError::Books(WalletError::NotEnough { .. }) => {
            let detail = "The seller has less than that available. Pending money is not available yet.";
            Problem::conflict("balance_too_low", detail).param("amount").into()
        }
        AskError::Books(error) => Problem::internal(&error).into(),
    }
}

fn undecided(error: DecideError) -> WorkError {
    match error {
        DecideError::NotFound => Problem::not_found("payout").into(),
        DecideError::TooLate(_) | DecideError::SamePerson => {
            Problem::conflict("payout_not_cancelable", sentence(&error)).into()
        }
        DecideError::Books(WalletError::Db(error)) | DecideError::Db(error) => error.into(),
        DecideError::Books(error) => Problem::internal(&error).into(),
    }
}
