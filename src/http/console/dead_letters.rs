//! Work that was given up: what waits for a person, and what was dealt with.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::components::Moment;
use super::form::PostedWith;
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::dead_letters;
use crate::operators::{NewEntry, record};
use crate::queue::DeadJob;
use crate::words::pan;

/// The oldest so many: more than that is an incident, not a list.
const ROWS: i64 = 200;

/// Which letters, and what the last click did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    status: String,
    retried: Option<u32>,
}

/// `GET /console/dead-letters`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let resolved = asked.status == "resolved";
    let letters =
        if resolved { dead_letters::resolved(&app.db, ROWS).await? } else { dead_letters::dead(&app.db, ROWS).await? };
    let mut frame = who.frame("Dead letters", Place::DeadLetters, app.now());
    frame.notice = asked.retried.map(|count| match count {
        0 => "Nothing was left to be tried again.".to_owned(),
        1 => "It is tried again now, with a fresh round of tries.".to_owned(),
        _ => format!("{count} are tried again now, each with a fresh round of tries."),
    });
    let kinds = if resolved { Vec::new() } else { dead_letters::kinds(&app.db).await? };
    let kinds = kinds.into_iter().map(|of| (of.kind, of.letters)).collect();
    let rows = letters.into_iter().map(row).collect();
    Ok(frame::show(StatusCode::OK, &DeadLetters { frame, resolved, kinds, rows }))
}

/// The kind of a button.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Kind {
    kind: String,
}

/// `POST /console/dead-letters/retry-all`
pub async fn retry_all(State(app): State<App>, PostedWith(who, asked): PostedWith<Kind>) -> Result<Response, Refusal> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let retried = match dead_letters::retry_all(&mut tx, &asked.kind, None, now).await {
        // Somebody asked for the same work at this very moment: nothing was done, another click will do the rest.
        Err(error) if error.is_unique_violation() => return Ok(list(0)),
        other => other?,
    };
    if retried > 0 {
        let entry = NewEntry::new("dead_letter.retry_all", &who.address, now).by(&who.operator.id);
        let note = format!("{retried} of {}", asked.kind);
        record(&mut tx, &NewEntry { note, ..entry }).await?;
        tx.commit().await?;
        app.wake.notify_one();
    }
    Ok(list(retried))
}

fn list(retried: usize) -> Response {
    Redirect::to(&format!("/console/dead-letters?retried={retried}")).into_response()
}

/// The page of what a job was about, if there is one: its key is an id.
pub(super) fn about(key: &str) -> Option<String> {
    match key.split_once('_')?.0 {
        "pay" => Some(format!("/console/payments/{key}")),
        "cs" | "po" | "att" | "re" => Some(format!("/console/payments?q={key}")),
        "out" => Some(format!("/console/payouts/{key}")),
        "sel" => Some(format!("/console/sellers/{}", key.split(':').next()?)),
        "dp" => Some(format!("/console/disputes/{key}")),
        "dlv" => Some(format!("/console/deliveries/{key}")),
        _ => None,
    }
}

fn row(letter: DeadJob) -> DeadRow {
    DeadRow {
        id: letter.id.to_string(),
        about: about(&letter.key),
        key: letter.key,
        kind: letter.kind,
        tries: letter.tries,
        error: pan::scrub(&letter.last_error.unwrap_or_default()),
        at: Moment::of(letter.died_at),
        resolved: letter.resolved.map(|it| format!("{}: {}", it.by, it.reason)),
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/dead_letters.html")]
pub struct DeadLetters {
    frame: Frame,
    resolved: bool,
    /// Kinds of the open ones, and how many there are of each.
    kinds: Vec<(String, i64)>,
    rows: Vec<DeadRow>,
}

struct DeadRow {
    id: String,
    key: String,
    about: Option<String>,
    kind: String,
    tries: i64,
    error: String,
    at: Moment,
    resolved: Option<String>,
}

impl DeadLetters {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Dead letters", Place::DeadLetters),
            resolved: false,
            kinds: vec![("payments.recover".into(), 1)],
            rows: vec![DeadRow {
                id: "job_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                key: "att_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                about: None,
                kind: "payments.recover".into(),
                tries: 3,
                error: "the PSP answered 404 to a look-up by our key <b>po_1</b>".into(),
                at: Moment::of(sample_time(0)),
                resolved: Some("kim@example.com: paid by bank transfer <b>".into()),
            }],
        }
    }
}
