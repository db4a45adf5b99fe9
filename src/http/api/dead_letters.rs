//! `/v1/dead_letters`: the merchant's work that was given up. One letter tells how it failed, each time; the object it
//! concerns tells the merchant the rest.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fields;
use super::keys::Nothing;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::dead_letters;
use crate::http::extract::{Authenticated, PageQuery, Strict};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::merchants::Principal;
use crate::operators::{NewEntry, record};
use crate::queue::{self, DeadJob, Failure};
use crate::words::{JobId, Tenant, pan};

/// The list's filter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    status: Option<String>,
}

/// Why nothing more is to be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    reason: String,
}

/// Open ones, or with `status=resolved` those that were resolved.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    let resolved = match query.filters.status.as_deref() {
        None | Some("open") => false,
        Some("resolved") => true,
        Some(_) => return Err(Problem::invalid("status", "`status` is one of: open, resolved.")),
    };
    if let Some(id) = query.cursor(JobId::parse)? {
        let named = dead_letters::find(&app.db, &id).await?;
        named.filter(|letter| is_of(letter, &principal.tenant)).ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = dead_letters::of_tenant(&app.db, &principal.tenant, resolved, &query.page).await?;
    Ok(envelope("/v1/dead_letters", slice, view))
}

/// One letter with its whole story: how it failed, the latest times.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = JobId::parse(&id).map_err(|_| not_found())?;
    let letter = dead_letters::find(&app.db, &id).await?.filter(|letter| is_of(letter, &principal.tenant));
    let mut shown = view(&letter.ok_or_else(not_found)?);
    let failures = queue::failures(&app.db, &id).await?;
    let failed = |it: &Failure| json!({ "number": it.number, "at": it.at, "error": pan::scrub(&it.error) });
    shown["failures"] = failures.iter().map(failed).collect();
    Ok(Json(shown))
}

/// Which work is to be tried again.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryAll {
    kind: String,
}

/// Does all work of a kind again that this tenant's open letters are about, the oldest 500; says how many.
pub async fn retry_all(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Strict(wanted): Strict<RetryAll>,
) -> Result<Json<Value>, Problem> {
    fields::text("kind", &wanted.kind, 60)?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let tenant = &principal.tenant;
    let retried = dead_letters::retry_all(&mut tx, &wanted.kind, Some(tenant), now).await.map_err(raced)?;
    if retried > 0 {
        let mut entry = NewEntry::new("dead_letter.retry_all", "API", now);
        entry.note = format!("{} of {}: {retried} of {}", principal.key, tenant.merchant, wanted.kind);
        record(&mut tx, &entry).await?;
        tx.commit().await.map_err(raced)?;
        app.wake.notify_one();
    }
    Ok(Json(json!({ "object": "dead_letter.retry", "kind": wanted.kind, "retried": retried })))
}

/// Does the work again, now, with a fresh round of tries.
pub async fn retry(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(Nothing {}): Strict<Nothing>,
) -> Result<Json<Value>, Problem> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let letter = own(&mut tx, &principal.tenant, &id).await?;
    if !dead_letters::retry(&mut tx, &letter, now).await.map_err(raced)? {
        return Err(if letter.resolved.is_some() { not_open() } else { asked_anew() });
    }
    audit(&mut tx, &app, &principal, "dead_letter.retry", &letter, "").await?;
    tx.commit().await.map_err(raced)?;
    app.wake.notify_one();
    let mut shown = view(&letter);
    shown["status"] = json!("retrying");
    Ok(Json(shown))
}

/// Writes that nothing more is to be done; the letter leaves the list of open ones.
pub async fn resolve(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(wanted): Strict<Resolve>,
) -> Result<Json<Value>, Problem> {
    fields::text("reason", &wanted.reason, 500)?;
    let mut tx = app.db.begin().await?;
    let letter = own(&mut tx, &principal.tenant, &id).await?;
    let by = principal.key.as_str();
    if !dead_letters::resolve(&mut tx, &letter.id, by, &wanted.reason, app.now()).await? {
        return Err(not_open());
    }
    audit(&mut tx, &app, &principal, "dead_letter.resolve", &letter, &wanted.reason).await?;
    let resolved = dead_letters::find(&mut tx, &letter.id).await?.ok_or_else(not_found)?;
    tx.commit().await?;
    Ok(Json(view(&resolved)))
}

async fn own(tx: &mut Tx, tenant: &Tenant, id: &str) -> Result<DeadJob, Problem> {
    let id = JobId::parse(id).map_err(|_| not_found())?;
    dead_letters::find(tx, &id).await?.filter(|letter| is_of(letter, tenant)).ok_or_else(not_found)
}

/// A job that does not know its mode is nobody's here: a test key must not touch what may be live.
fn is_of(letter: &DeadJob, tenant: &Tenant) -> bool {
    letter.tenant.as_ref() == Some(tenant)
}

async fn audit(
    tx: &mut Tx,
    app: &App,
    principal: &Principal,
    action: &'static str,
    letter: &DeadJob,
    reason: &str,
) -> Result<(), DbError> {
    let mut entry = NewEntry::new(action, "API", app.now()).about(letter.id.as_str());
    let Principal { key, tenant, .. } = principal;
    let note = format!("{key} of {}: {} {} {reason}", tenant.merchant, letter.kind, letter.key);
    // The whole reason stands with the letter.
    entry.note = note.trim_end().chars().take(500).collect();
    record(tx, &entry).await
}

/// The public shape. Who resolved it is named only if it was one of the merchant's own keys.
fn view(letter: &DeadJob) -> Value {
    let resolved = letter.resolved.as_ref();
    let by = resolved.map(|it| if it.by.starts_with("key_") { it.by.as_str() } else { "operator" });
    json!({
        "id": letter.id,
        "object": "dead_letter",
        "livemode": letter.tenant.as_ref().map(|tenant| tenant.mode.is_live()),
        "kind": letter.kind,
        "object_id": letter.key,
        "status": if resolved.is_some() { "resolved" } else { "open" },
        "tries": letter.tries,
        "given_up_at": letter.died_at,
        "resolved_at": resolved.map(|it| it.at),
        "resolved_by": by,
        "reason": resolved.map(|it| it.reason.as_str()),
    })
}

fn not_found() -> Problem {
    Problem::not_found("dead letter")
}

fn not_open() -> Problem {
    Problem::conflict("dead_letter_resolved", "This dead letter was resolved; nothing more is done about it.")
}

fn asked_anew() -> Problem {
    Problem::conflict("dead_letter_superseded", "The same work has been asked for anew and is being done.")
}

/// Somebody enqueued the same work at this very moment.
fn raced(error: DbError) -> Problem {
    if error.is_unique_violation() { asked_anew() } else { error.into() }
}
