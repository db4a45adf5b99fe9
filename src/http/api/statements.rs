//! `/v1/sellers/{id}/statement`: what happened to a seller's money in a stretch of time.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::app::App;
use crate::http::extract::{Authenticated, PageQuery};
use crate::http::files;
use crate::http::problem::Problem;
use crate::ledger::statements::{self, Period};
use crate::ledger::{self, is_posted};
use crate::merchants::sellers;
use crate::wallets;
use crate::words::{Currency, JournalId, SellerId, Tenant, Timestamp};

/// The longest stretch of one statement.
const LONGEST: Duration = Duration::from_hours(24 * 400);
/// The stretch when nothing is said.
const USUAL: Duration = Duration::from_hours(24 * 30);

/// What a statement is asked with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    currency: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// Opening, lines and closing; as JSON in pages, or as one CSV file.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
    query: PageQuery<Asked>,
) -> Result<Response, Problem> {
    let tenant = &principal.tenant;
    let seller = SellerId::parse(&id).map_err(|_| Problem::not_found("seller"))?;
    sellers::get(&app.db, tenant, &seller).await?.ok_or_else(|| Problem::not_found("seller"))?;
    if query.page.is_backwards() {
        return Err(Problem::invalid("ending_before", "A statement is read in the order of time and only forwards."));
    }
    let period = read(&app, tenant, seller, &query.filters).await?;
    if files::wanted(&headers) {
        return Ok(files::statement(&app, tenant, &period).await?);
    }
    let after = query.cursor(JournalId::parse)?;
    if let Some(id) = &after
        && !is_posted(&app.db, tenant, id).await?
    {
        return Err(query.unknown_cursor());
    }
    let mut snapshot = app.db.snapshot().await?;
    let summary = statements::summary(&mut snapshot, tenant, &period).await?;
    let slice = statements::entries(&mut snapshot, tenant, &period, after.as_ref(), query.page.limit()).await?;
    Ok(Json(ledger::statement_view(tenant, &period, &summary, &slice)).into_response())
}

async fn read(app: &App, tenant: &Tenant, seller: SellerId, asked: &Asked) -> Result<Period, Problem> {
    let instant = |param: &str, text: &Option<String>| {
        let bad =
            || Problem::invalid(param, format!("`{param}` must be an RFC 3339 instant such as 2026-01-31T09:00:00Z."));
        text.as_deref().map(|text| Timestamp::parse(text).ok_or_else(bad)).transpose()
    };
    let to = instant("to", &asked.to)?.unwrap_or_else(|| Timestamp::from_micros(app.now().micros().saturating_add(1)));
    let from = instant("from", &asked.from)?.unwrap_or_else(|| to.minus(USUAL));
    if from >= to {
        return Err(Problem::invalid("from", "`from` must be before `to`."));
    }
    if to.since(from) > LONGEST {
        return Err(Problem::invalid("from", "A statement covers at most 400 days: ask for several."));
    }
    let currency = match asked.currency.as_deref() {
        Some(code) => {
            Currency::parse(code).map_err(|error| Problem::invalid("currency", format!("`currency` is {error}.")))?
        }
        None => the_only_currency(app, tenant, &seller).await?,
    };
    Ok(Period { seller, currency, from, to })
}

/// A seller with one wallet need not say which.
async fn the_only_currency(app: &App, tenant: &Tenant, seller: &SellerId) -> Result<Currency, Problem> {
    let wallets = wallets::of_seller(&app.db, tenant, seller).await?;
    match &wallets[..] {
        [only] => Ok(only.currency),
        [] => Err(Problem::invalid(
            "currency",
            "The seller was never paid: name the `currency` to see an empty statement.",
        )),
        several => {
            let codes: Vec<_> = several.iter().map(|wallet| wallet.currency.code()).collect();
            Err(Problem::invalid("currency", format!("Name one `currency` of {}.", codes.join(", "))))
        }
    }
}
