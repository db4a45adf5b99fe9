//! One piece of work that was given up: what it was, what went wrong, and what a person can do about it.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::attestations::{self, Statement};
use super::components::{Fact, Moment};
use super::dead_letters::about;
use super::form::{Posted, PostedWith};
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::attestations::is_about_an_outcome;
use crate::db::{Db, DbError, Tx};
use crate::operators::{NewEntry, record};
use crate::queue::{self, DeadJob, Failure};
use crate::words::{CaptureId, JobId, PspEventId, RefundId, pan};
use crate::{dead_letters, merchants, payments};

/// Characters of a reason.
const REASON: usize = 500;

/// What the last click did not do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    refused: String,
    said: String,
}

/// `GET /console/dead-letters/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(refused): Query<Refused>,
) -> Result<Response, Refusal> {
    let letter = found(&app.db, &id).await?;
    let mut frame = who.frame(format!("Dead letter: {}", letter.kind), Place::DeadLetters, app.now());
    frame.notice = match refused.refused.as_str() {
        "reason" => Some(format!("Nothing was done: a reason has 1 to {REASON} characters and no control characters.")),
        "state" => Some("Nothing was done: it is resolved, or the same work was asked for anew.".to_owned()),
        _ => attestations::sentence(&refused.said).map(ToOwned::to_owned),
    };
    let merchant = match &letter.merchant {
        Some(id) => merchants::get(&app.db, id).await?.map_or_else(|| id.to_string(), |merchant| merchant.name),
        None => "the gateway itself".to_owned(),
    };
    let mut facts = vec![
        Fact::words("Whose", merchant),
        Fact::words("Mode", letter.tenant.as_ref().map_or("not known", |tenant| tenant.mode.as_str())),
        Fact::words("Tries", letter.tries.to_string()),
        Fact::words("Given up", Moment::of(letter.died_at).text()),
    ];
    if let Some(resolved) = &letter.resolved {
        facts.push(Fact::words("Resolved", Moment::of(resolved.at).text()));
        facts.push(Fact::words("By", resolved.by.as_str()));
        facts.push(Fact::words("Reason", resolved.reason.as_str()));
    }
    let statements = attestations::statements(&app.db, &letter, &who.operator.email).await?;
    let open = letter.resolved.is_none();
    let view = DeadLetter {
        may_attest: open
            && letter.tenant.is_some()
            && is_about_an_outcome(&letter.kind)
            && !statements.iter().any(|it| it.waits),
        statements,
        failures: queue::failures(&app.db, &letter.id).await?.iter().map(Failed::of).collect(),
        id: letter.id.to_string(),
        about: story(&app.db, &letter.key).await?,
        open,
        error: pan::scrub(&letter.last_error.unwrap_or_default()),
        kind: letter.kind,
        key: letter.key,
        facts,
        frame,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// The page that tells the story of what the job was about.
async fn story(db: &Db, key: &str) -> Result<Option<String>, DbError> {
    let payment = if let Ok(id) = RefundId::parse(key) {
        payments::refunds::find(db, &id).await?.map(|refund| refund.payment)
    } else if let Ok(id) = CaptureId::parse(key) {
        payments::captures::find(db, &id).await?.map(|capture| capture.payment)
    } else if let Ok(id) = PspEventId::parse(key) {
        payments::notices::get(db, &id).await?.and_then(|notice| notice.payment)
    } else {
        return Ok(about(key));
    };
    Ok(payment.map(|payment| format!("/console/payments/{payment}")))
}

/// `POST /console/dead-letters/{id}/retry`
pub async fn retry(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    let letter = found(&app.db, &id).await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let retried = match dead_letters::retry(&mut tx, &letter, now).await {
        // Somebody asked for the same work at this very moment.
        Err(error) if error.is_unique_violation() => false,
        other => other?,
    };
    if !retried {
        return Ok(refused(&letter, "state"));
    }
    noted(&mut tx, &app, &who, "dead_letter.retry", &letter, "").await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(Redirect::to("/console/dead-letters?retried=1").into_response())
}

/// A reason, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    reason: String,
}

/// `POST /console/dead-letters/{id}/resolve`
pub async fn resolve(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Reason>,
) -> Result<Response, Refusal> {
    let letter = found(&app.db, &id).await?;
    let reason = typed.reason.trim();
    if reason.is_empty() || reason.chars().count() > REASON || reason.chars().any(char::is_control) {
        return Ok(refused(&letter, "reason"));
    }
    let mut tx = app.db.begin().await?;
    if !dead_letters::resolve(&mut tx, &letter.id, &who.operator.email, reason, app.now()).await? {
        return Ok(refused(&letter, "state"));
    }
    noted(&mut tx, &app, &who, "dead_letter.resolve", &letter, reason).await?;
    tx.commit().await?;
    Ok(Redirect::to(&format!("/console/dead-letters/{}", letter.id)).into_response())
}

async fn noted(
    tx: &mut Tx,
    app: &App,
    who: &SignedIn,
    action: &'static str,
    letter: &DeadJob,
    reason: &str,
) -> Result<(), DbError> {
    let entry = NewEntry::new(action, &who.address, app.now()).by(&who.operator.id).about(letter.id.as_str());
    // The whole reason stands with the letter.
    let note = format!("{} {} {reason}", letter.kind, letter.key).trim_end().chars().take(500).collect();
    record(tx, &NewEntry { note, ..entry }).await
}

fn refused(letter: &DeadJob, why: &str) -> Response {
    Redirect::to(&format!("/console/dead-letters/{}?refused={why}", letter.id)).into_response()
}

pub(super) async fn found(db: &Db, id: &str) -> Result<DeadJob, Refusal> {
    let id = JobId::parse(id).map_err(|_| Refusal::NotFound("dead letter"))?;
    dead_letters::find(db, &id).await?.ok_or(Refusal::NotFound("dead letter"))
}

/// The page.
#[derive(Template)]
#[template(path = "console/dead_letter.html")]
pub struct DeadLetter {
    frame: Frame,
    id: String,
    kind: String,
    key: String,
    about: Option<String>,
    open: bool,
    error: String,
    facts: Vec<Fact>,
    /// The latest failures, in order.
    failures: Vec<Failed>,
    statements: Vec<Statement>,
    may_attest: bool,
}

/// One time it failed.
struct Failed {
    number: i64,
    at: Moment,
    error: String,
}

impl Failed {
    fn of(failure: &Failure) -> Self {
        Self { number: failure.number, at: Moment::of(failure.at), error: pan::scrub(&failure.error) }
    }
}

impl DeadLetter {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Dead letter: payments.recover", Place::DeadLetters),
            id: "job_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            kind: "payments.recover".into(),
            key: "att_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            about: Some("/console/payments?q=att_01jq8w3k5n7p9r2t4v6x8z0a1b".into()),
            open: true,
            error: "sent to simulator, still unknown past its deadline <b>".into(),
            failures: vec![Failed { number: 1, at: Moment::of(sample_time(0)), error: "no answer <b>".into() }],
            statements: vec![Statement::sample()],
            may_attest: true,
            facts: vec![
                Fact::words("Whose", "Hangang Market"),
                Fact::words("Tries", "3"),
                Fact::words("Given up", Moment::of(sample_time(0)).text()),
            ],
        }
    }
}
