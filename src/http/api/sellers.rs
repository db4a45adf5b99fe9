//! `/v1/sellers`: whom the merchant is paid for, where they are paid out to, and whether they may be.

mod wanted;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

pub use wanted::{Account, Changed, Create};

use super::fields;
use crate::app::App;
use crate::db::Tx;
use crate::http::extract::{AnyKey, Authenticated, Keyed, PageQuery, Strict, require};
use crate::http::idempotent::{Done, idempotent};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::merchants::Scope;
use crate::merchants::sellers::{self, Seller, Verification};
use crate::operators::{NewEntry, record};
use crate::payouts;
use crate::words::{SellerId, Tenant};

const REASON: usize = 200;

/// Adds a seller.
pub async fn create(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    request: Keyed<Create>,
) -> Result<Response, Problem> {
    let new = request.body.checked()?;
    if new.payout_destination.is_some() {
        require(&principal, Scope::Payout)?;
    }
    let (tenant, now) = (principal.tenant.clone(), app.now());
    idempotent(app, principal.tenant, request.once, StatusCode::CREATED, async move |tx| {
        let seller = sellers::create(tx, &tenant, new.clone(), now).await?;
        Ok(Done::for_a_month(sellers::view(&seller)))
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
    let seller = sellers::get(&app.db, &principal.tenant, &seller_id(&id)?).await?;
    Ok(Json(sellers::view(&seller.ok_or_else(missing)?)))
}

/// Changes a seller. Where money goes is changed only by a key that may send it out, and stands in the audit log.
pub async fn change(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    Path(id): Path<String>,
    Strict(wanted): Strict<Changed>,
) -> Result<Json<Value>, Problem> {
    let about_money = !wanted.acts().is_empty();
    require(&principal, if about_money { Scope::Payout } else { Scope::Write })?;
    let (id, now) = (seller_id(&id)?, app.now());
    let address = format!("API key {}", principal.key);
    let mut tx = app.db.begin().await?;
    let by = |act| NewEntry::new(act, &address, now);
    let seller = changed(&app, &mut tx, &principal.tenant, &id, wanted, by).await?;
    tx.commit().await?;
    Ok(Json(sellers::view(&seller)))
}

/// Changes what is `wanted`, whoever asks; `by` begins the entries of the audit log.
pub(in crate::http) async fn changed(
    app: &App,
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    wanted: Changed,
    by: impl Fn(&'static str) -> NewEntry,
) -> Result<Seller, Problem> {
    let (acts, now) = (wanted.acts(), app.now());
    let change = wanted.checked(now)?;
    let cooling = app.config.payouts.cooling();
    let seller = payouts::change_seller(tx, tenant, id, &change, cooling, now).await?.ok_or_else(missing)?;
    for act in acts {
        record(tx, &by(act).about(id.as_str())).await?;
    }
    Ok(seller)
}

/// What `POST /v1/sellers/{id}/verification` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    state: String,
    /// The destination that was checked; refused when it has changed since.
    version: Option<i64>,
    reason: Option<String>,
}

/// Says how far the check of a seller is: only a verified one is paid out.
pub async fn verify(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    Path(id): Path<String>,
    Strict(wanted): Strict<Verified>,
) -> Result<Json<Value>, Problem> {
    require(&principal, Scope::Payout)?;
    let id = seller_id(&id)?;
    let known = Verification::ALL.map(Verification::as_str).join(", ");
    let state = Verification::parse(&wanted.state)
        .ok_or_else(|| Problem::invalid("state", format!("`state` is one of {known}.")))?;
    fields::optional_text("reason", wanted.reason.as_deref(), REASON)?;
    let (tenant, now) = (&principal.tenant, app.now());
    let mut tx = app.db.begin().await?;
    let seller = sellers::get(&mut tx, tenant, &id).await?.ok_or_else(missing)?;
    if !sellers::set_verification(&mut tx, tenant, &id, state, wanted.version, now).await? {
        return Err(match seller.destination {
            None => Problem::conflict("payout_destination_missing", "There is no destination to verify yet."),
            Some(_) => Problem::conflict("payout_destination_changed", "The destination has changed: look again.")
                .param("version"),
        });
    }
    let note = format!("{} {}", state.as_str(), wanted.reason.unwrap_or_default()).trim_end().to_owned();
    let entry = NewEntry::new("seller.verification", &format!("API key {}", principal.key), now).about(id.as_str());
    record(&mut tx, &NewEntry { note, ..entry }).await?;
    let seller = sellers::get(&mut tx, tenant, &id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    Ok(Json(sellers::view(&seller)))
}

fn seller_id(text: &str) -> Result<SellerId, Problem> {
    SellerId::parse(text).map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::not_found("seller")
}
