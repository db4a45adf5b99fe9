//! `/v1/reconciliation`: how what we believe was held against what PSPs and banks say, and every difference in the merchant's books.
//!
//! A run is of a source, and a source's owner sees its runs; a break is in the books of the merchant whose money it is.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::Value;

use super::fields;

use crate::app::App;
use crate::http::extract::{Authenticated, PageQuery, Strict};
use crate::http::files;
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::operators::{NewEntry, record};
use crate::reconciliation::breaks::{self, ActError, Break, Filter};
use crate::reconciliation::runs::{self, Run};
use crate::reconciliation::shown::{break_view, breaks_csv, run_csv, run_view};
use crate::reconciliation::words::{Class, Outcome};
use crate::words::{BreakId, RunId, Slice, Tenant};

const CSV: &str = "text/csv; charset=utf-8; header=present";

/// What the list of runs may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfRuns {
    source: Option<String>,
}

/// What the list of breaks may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfBreaks {
    source: Option<String>,
    status: Option<String>,
    class: Option<String>,
    r#type: Option<String>,
}

/// A page of the runs of the merchant's sources, newest first.
pub async fn list_runs(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<OfRuns>,
) -> Result<Json<Value>, Problem> {
    let tenant = &principal.tenant;
    if let Some(id) = query.cursor(RunId::parse)? {
        own_run(&app, tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let asked = query.filters.source.as_deref();
    let (mut items, mut has_more) = (Vec::new(), false);
    for source in sources(&app, tenant).filter(|source| asked.is_none_or(|asked| asked == *source)) {
        let slice = runs::list(&app.db, Some(source), &query.page).await?;
        has_more |= slice.has_more;
        items.extend(slice.items);
    }
    // Of each source the nearest to the cursor; of those together the nearest again.
    items.sort_by(|a, b| b.id.as_str().cmp(a.id.as_str()));
    let limit = usize::try_from(query.page.limit()).unwrap_or(usize::MAX);
    if items.len() > limit {
        has_more = true;
        if query.page.is_backwards() {
            items.drain(..items.len().saturating_sub(limit)).for_each(drop);
        } else {
            items.truncate(limit);
        }
    }
    Ok(envelope("/v1/reconciliation/runs", Slice { items, has_more }, |run| run_view(run, tenant.mode)))
}

/// One run, with its totals; as JSON, or as CSV for who accepts that.
pub async fn show_run(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("run");
    let id = RunId::parse(&id).map_err(|_| missing())?;
    let run = own_run(&app, &principal.tenant, &id).await?.ok_or_else(missing)?;
    if files::wanted(&headers) {
        return Ok(([(CONTENT_TYPE, CSV)], run_csv(&run, principal.tenant.mode)).into_response());
    }
    Ok(Json(run_view(&run, principal.tenant.mode)).into_response())
}

/// A page of the differences in the merchant's books, newest first.
pub async fn list_breaks(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    headers: HeaderMap,
    query: PageQuery<OfBreaks>,
) -> Result<Response, Problem> {
    let tenant = &principal.tenant;
    if let Some(id) = query.cursor(BreakId::parse)? {
        own_break(&app, tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = breaks::list(&app.db, Some(tenant), &narrowed(&query.filters)?, &query.page).await?;
    if files::wanted(&headers) {
        return Ok(([(CONTENT_TYPE, CSV)], breaks_csv(&slice.items)).into_response());
    }
    Ok(envelope("/v1/reconciliation/breaks", slice, |it| break_view(it, None)).into_response())
}

/// One difference, with everything known about it.
pub async fn show_break(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id = BreakId::parse(&id).map_err(|_| missing())?;
    let found = own_break(&app, &principal.tenant, &id).await?.ok_or_else(missing)?;
    let notes = breaks::notes(&app.db, &id).await?;
    Ok(Json(break_view(&found, Some(&notes))))
}

/// Why nothing more is to be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    reason: String,
}

/// Closes a difference of which nothing stands in suspense.
pub async fn resolve(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    Strict(wanted): Strict<Resolve>,
) -> Result<Json<Value>, Problem> {
    fields::text("reason", &wanted.reason, breaks::REASON)?;
    let id = BreakId::parse(&id).map_err(|_| missing())?;
    let (by, now) = (principal.key.as_str(), app.now());
    let mut tx = app.db.begin().await?;
    breaks::find(&mut tx, &id).await?.filter(|it| it.tenant == principal.tenant).ok_or_else(missing)?;
    let closed = breaks::resolve(&mut tx, &id, &wanted.reason, by, now).await.map_err(refused)?;
    let note = format!("{by} of {}: {}", principal.tenant.merchant, wanted.reason);
    let entry = NewEntry::new("break.resolve", "API", now).about(id.as_str());
    record(&mut tx, &NewEntry { note: note.chars().take(500).collect(), ..entry }).await?;
    tx.commit().await?;
    app.wake.notify_one();
    let notes = breaks::notes(&app.db, &id).await?;
    Ok(Json(break_view(&closed, Some(&notes))))
}

fn refused(error: ActError) -> Problem {
    match error {
        ActError::NotFound => missing(),
        ActError::Reason => {
            Problem::invalid("reason", "`reason` must have 1 to 500 characters, without control characters.")
        }
        ActError::Parked => Problem::conflict(
            "break_parked",
            "Money of this break stands in suspense: two operators close it with a journal, in the console.",
        ),
        ActError::Db(error) => error.into(),
        other => Problem::conflict("break_not_open", format!("Nothing was done: {other}.")),
    }
}

fn narrowed(asked: &OfBreaks) -> Result<Filter, Problem> {
    let one_of = |param: &str, words: &str| Problem::invalid(param, format!("`{param}` is one of: {words}."));
    let resolved = match asked.status.as_deref() {
        None => None,
        Some("open") => Some(false),
        Some("resolved") => Some(true),
        Some(_) => return Err(one_of("status", "open, resolved")),
    };
    let class = asked
        .class
        .as_deref()
        .map(|class| Class::parse(class).ok_or_else(|| one_of("class", &Class::ALL.map(Class::as_str).join(", "))));
    let outcome = asked.r#type.as_deref().map(|word| {
        let known = Outcome::parse(word).filter(|outcome| *outcome != Outcome::Matched);
        known.ok_or_else(|| {
            one_of("type", &Outcome::ALL[1..].iter().map(|it| it.as_str()).collect::<Vec<_>>().join(", "))
        })
    });
    let (class, outcome) = (class.transpose()?, outcome.transpose()?);
    Ok(Filter { resolved, class, outcome, source: asked.source.clone(), ..Filter::default() })
}

/// The names of the sources whose owner this is.
fn sources<'a>(app: &'a App, tenant: &'a Tenant) -> impl Iterator<Item = &'a str> {
    let own = app
        .config
        .reconciliation
        .sources
        .iter()
        .filter(|source| source.merchant == tenant.merchant.as_str() && source.livemode == tenant.mode.is_live());
    own.map(|source| source.name.as_str())
}

async fn own_run(app: &App, tenant: &Tenant, id: &RunId) -> Result<Option<Run>, Problem> {
    let found = runs::find(&app.db, id).await?;
    Ok(found.filter(|run| sources(app, tenant).any(|source| source == run.source)))
}

async fn own_break(app: &App, tenant: &Tenant, id: &BreakId) -> Result<Option<Break>, Problem> {
    Ok(breaks::find(&app.db, id).await?.filter(|it| it.tenant == *tenant))
}

fn missing() -> Problem {
    Problem::not_found("break")
}
