//! `/v1/ledger/..`: the books, as finance people read them.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::http::extract::{Authenticated, PageQuery};
use crate::http::files;
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::ledger::balances::totals;
use crate::ledger::{self, Account, BalanceFilter, seals};
use crate::words::{Currency, JournalId, PaymentId, Timestamp};

/// What `GET /v1/ledger/journals` can be narrowed by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfPayment {
    payment: Option<String>,
}

/// Journals with their signed lines, the newest first; of one payment or all; as JSON in pages, or as one CSV file.
pub async fn journals(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
    query: PageQuery<OfPayment>,
) -> Result<Response, Problem> {
    let tenant = &principal.tenant;
    let payment = query.filters.payment.as_deref().map(read_payment).transpose()?;
    if files::wanted(&headers) {
        return Ok(files::journals(&app, tenant, payment).await?);
    }
    if let Some(id) = query.cursor(JournalId::parse)?
        && !ledger::is_posted(&app.db, tenant, &id).await?
    {
        return Err(query.unknown_cursor());
    }
    let slice = ledger::journals(&app.db, tenant, payment.as_ref(), &query.page).await?;
    Ok(envelope("/v1/ledger/journals", slice, |journal| ledger::journal_view(tenant, journal)).into_response())
}

/// What `GET /v1/ledger/balances` can be narrowed by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    currency: Option<String>,
    at: Option<String>,
}

/// Every account that was ever used, with its sums, by currency and account; now or at an instant; as JSON in pages, or
/// as one CSV file.
pub async fn balances(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
    query: PageQuery<When>,
) -> Result<Response, Problem> {
    if query.page.is_backwards() {
        return Err(Problem::invalid("ending_before", "Balances are listed by name and only forwards."));
    }
    let mut filter = BalanceFilter {
        currency: query.filters.currency.as_deref().map(read_currency).transpose()?,
        at: query.filters.at.as_deref().map(read_instant).transpose()?,
        after: None,
    };
    if files::wanted(&headers) {
        return Ok(files::balances(&app, &principal.tenant, filter).await?);
    }
    filter.after = query.page.named().map(|name| read_name(name).ok_or_else(|| query.unknown_cursor())).transpose()?;
    let mut snapshot = app.db.snapshot().await?;
    let slice = ledger::balances(&mut snapshot, &principal.tenant, &filter, query.page.limit()).await?;
    Ok(envelope("/v1/ledger/balances", slice, |balance| ledger::balance_view(&principal.tenant, balance))
        .into_response())
}

/// What a trial balance is asked with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instant {
    at: Option<String>,
}

/// Every account in its column, and the sums of both over all accounts; as JSON in pages, or as one CSV file.
pub async fn trial_balance(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
    query: PageQuery<Instant>,
) -> Result<Response, Problem> {
    let tenant = &principal.tenant;
    if query.page.is_backwards() {
        return Err(Problem::invalid("ending_before", "A trial balance is listed by name and only forwards."));
    }
    let at = query.filters.at.as_deref().map(read_instant).transpose()?.unwrap_or_else(|| app.now());
    if files::wanted(&headers) {
        return Ok(files::trial_balance(&app, tenant, at).await?);
    }
    let after = query.page.named().map(|name| read_name(name).ok_or_else(|| query.unknown_cursor())).transpose()?;
    let filter = BalanceFilter { at: Some(at), after, currency: None };
    let mut snapshot = app.db.snapshot().await?;
    let slice = ledger::balances(&mut snapshot, tenant, &filter, query.page.limit()).await?;
    let totals = totals(&mut snapshot, tenant, Some(at)).await?;
    Ok(Json(ledger::trial_view(tenant, at, &slice, &totals)).into_response())
}

/// That a journal is in the sealed chain: its way to the root of its block, without any other journal.
pub async fn proof(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let tenant = &principal.tenant;
    let id = JournalId::parse(&id).map_err(|_| Problem::not_found("journal"))?;
    if !ledger::is_posted(&app.db, tenant, &id).await? {
        return Err(Problem::not_found("journal"));
    }
    let waits = || {
        let detail = "The journal is posted and not sealed yet. Ask again in a few seconds.";
        Problem::new(StatusCode::CONFLICT, "journal_not_sealed", detail)
    };
    let proof = seals::proof(&app.db, tenant, &id).await?.ok_or_else(waits)?;
    Ok(Json(seals::proof_view(tenant, &proof, &app.keyring.public_key())))
}

/// The id of a balance: its currency and the code of its account.
fn read_name(name: &str) -> Option<(Currency, Account)> {
    let (currency, account) = name.split_once(':')?;
    Some((Currency::parse(currency).ok()?, account.parse().ok()?))
}

fn read_instant(text: &str) -> Result<Timestamp, Problem> {
    let bad = || Problem::invalid("at", "`at` is an instant of RFC 3339, as in 2026-01-31T09:00:00Z.");
    Timestamp::parse(text).ok_or_else(bad)
}

fn read_payment(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::parse(text).map_err(|error| Problem::invalid("payment", format!("`payment` is {error}.")))
}

fn read_currency(text: &str) -> Result<Currency, Problem> {
    Currency::parse(text).map_err(|error| Problem::invalid("currency", format!("`currency` is {error}.")))
}
