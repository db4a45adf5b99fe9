//! `/v1/sellers`: whom the merchant is paid for, where they are paid out to, and whether they may be.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::fields;
use crate::app::App;
use crate::db::Tx;
use crate::http::extract::{AnyKey, Authenticated, Keyed, PageQuery, Strict, require};
use crate::http::idempotent::{Done, idempotent};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::merchants::sellers::{self, Change, NewDestination, NewSeller, Verification};
use crate::merchants::{Principal, Scope};
use crate::operators::{NewEntry, record};
use crate::payouts;
use crate::words::{SellerId, Timestamp};

const NAME: usize = 200;
const BANK: usize = 100;
const REASON: usize = 200;

/// A bank account, by the token of the PSP or bank partner.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    token: String,
    bank_name: Option<String>,
    last4: Option<String>,
}

/// What `POST /v1/sellers` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Create {
    name: String,
    payout_destination: Option<Account>,
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
    fields::text("name", &wanted.name, NAME)?;
    let payout_destination = wanted.payout_destination.map(destination).transpose()?;
    if payout_destination.is_some() {
        require(&principal, Scope::Payout)?;
    }
    fields::metadata(&wanted.metadata)?;
    let new = NewSeller { name: wanted.name, payout_destination, metadata: wanted.metadata };
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

/// What `POST /v1/sellers/{id}` changes; what is absent stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, null and named are three things")]
pub struct Changed {
    name: Option<String>,
    #[serde(default, deserialize_with = "named")]
    payout_destination: Option<Option<Account>>,
    payout_schedule: Option<Value>,
    metadata: Option<BTreeMap<String, String>>,
}

/// A null that is named differs from a field that is absent.
#[expect(clippy::option_option, reason = "as above")]
fn named<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Changes a seller. Where money goes is changed only by a key that may send it out, and stands in the audit log.
pub async fn change(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    Path(id): Path<String>,
    Strict(wanted): Strict<Changed>,
) -> Result<Json<Value>, Problem> {
    let acts = [
        ("seller.payout_destination", wanted.payout_destination.is_some()),
        ("seller.payout_schedule", wanted.payout_schedule.is_some()),
    ];
    let about_money = acts.iter().any(|(_, done)| *done);
    require(&principal, if about_money { Scope::Payout } else { Scope::Write })?;
    let (tenant, now) = (&principal.tenant, app.now());
    let (id, change) = (seller_id(&id)?, checked(wanted, now)?);
    let mut tx = app.db.begin().await?;
    let cooling = app.config.payouts.cooling();
    let seller = sellers::change(&mut tx, tenant, &id, &change, cooling, now).await?.ok_or_else(missing)?;
    for (action, _) in acts.into_iter().filter(|(_, done)| *done) {
        audit(&mut tx, &principal, action, &id, String::new(), now).await?;
    }
    tx.commit().await?;
    Ok(Json(sellers::view(&seller)))
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
    let note = format!("{} {}", state.as_str(), wanted.reason.unwrap_or_default());
    audit(&mut tx, &principal, "seller.verification", &id, note, now).await?;
    let seller = sellers::get(&mut tx, tenant, &id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    Ok(Json(sellers::view(&seller)))
}

async fn audit(
    tx: &mut Tx,
    principal: &Principal,
    action: &'static str,
    id: &SellerId,
    note: String,
    now: Timestamp,
) -> Result<(), Problem> {
    let entry = NewEntry::new(action, &format!("API key {}", principal.key), now).about(id.as_str());
    record(tx, &NewEntry { note: note.trim_end().to_owned(), ..entry }).await?;
    Ok(())
}

fn checked(wanted: Changed, now: Timestamp) -> Result<Change, Problem> {
    fields::optional_text("name", wanted.name.as_deref(), NAME)?;
    if let Some(metadata) = &wanted.metadata {
        fields::metadata(metadata)?;
    }
    let payout_destination = match wanted.payout_destination {
        Some(Some(account)) => Some(Some(destination(account)?)),
        Some(None) => Some(None),
        None => None,
    };
    let payout_schedule = wanted.payout_schedule.as_ref().map(|value| schedule(value, now)).transpose()?;
    Ok(Change { name: wanted.name, payout_destination, payout_schedule, metadata: wanted.metadata })
}

/// A schedule as it is stored, and when it is first due.
fn schedule(value: &Value, now: Timestamp) -> Result<(Value, Option<Timestamp>), Problem> {
    let (schedule, shown) = payouts::schedule::read(value).map_err(|fault| {
        let param = format!("payout_schedule.{}", fault.param);
        let param = param.trim_end_matches('.');
        Problem::invalid(param, format!("`{param}` {}.", fault.rule))
    })?;
    Ok((shown, payouts::first_due(schedule.as_ref(), now)))
}

/// A destination that holds no account number in clear, in none of its fields.
fn destination(account: Account) -> Result<NewDestination, Problem> {
    let rule = |param: &str, error: &dyn std::fmt::Display| Problem::invalid(param, format!("`{param}` {error}."));
    sellers::check_token(&account.token).map_err(|error| rule("payout_destination.token", &error))?;
    let (bank, last4) = ("payout_destination.bank_name", "payout_destination.last4");
    fields::optional_text(bank, account.bank_name.as_deref(), BANK)?;
    if let Some(what) = account.bank_name.as_deref().and_then(sellers::account_in) {
        return Err(rule(bank, &format!("looks like {what}; it is a bank's name")));
    }
    let four = |text: &String| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if account.last4.as_ref().is_some_and(|text| !four(text)) {
        return Err(rule(last4, &"is the last four characters of the account number"));
    }
    Ok(NewDestination { token: account.token, bank_name: account.bank_name, last4: account.last4 })
}

fn seller_id(text: &str) -> Result<SellerId, Problem> {
    SellerId::parse(text).map_err(|_| missing())
}

fn missing() -> Problem {
    Problem::not_found("seller")
}
