//! What the PSP has confirmed of something whose outcome nobody could find out: stated by one person on its dead letter,
//! settled when another agrees.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::components::{Chip, Moment, Tone};
use super::dead_letter::found;
use super::form::{Posted, PostedWith};
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::attestations::{self, Attestation, AttestationError, Confirmed, Stated, Status};
use crate::db::{Db, DbError, Tx};
use crate::operators::{NewEntry, record};
use crate::queue::DeadJob;
use crate::words::{AttestationId, Timestamp};

/// The form, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    confirmed: String,
    reference: String,
    reason: String,
}

/// `POST /console/dead-letters/{id}/attest`
pub async fn ask(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let letter = found(&app.db, &id).await?;
    let confirmed = match typed.confirmed.as_str() {
        "done" => Confirmed::Done(typed.reference.trim().to_owned()),
        "not_done" => Confirmed::NotDone,
        _ => return Ok(said(&letter, "words")),
    };
    let stated = Stated { confirmed, reason: typed.reason, by: who.operator.email.clone() };
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let attestation = match attestations::ask(&mut tx, &letter, &stated, now).await {
        Ok(attestation) => attestation,
        Err(error) => return refusal(&letter, error),
    };
    noted(&mut tx, &who, "attestation.ask", &attestation, now).await?;
    tx.commit().await?;
    Ok(said(&letter, "stated"))
}

/// One statement about a dead letter, by its address.
#[derive(Debug, Deserialize)]
pub struct At {
    id: String,
    attestation: String,
}

/// `POST /console/dead-letters/{id}/attestations/{attestation}/agree`
pub async fn agree(State(app): State<App>, Path(at): Path<At>, Posted(who): Posted) -> Result<Response, Refusal> {
    decide(&app, &who, &at, true).await
}

/// `POST /console/dead-letters/{id}/attestations/{attestation}/refuse`
pub async fn refuse(State(app): State<App>, Path(at): Path<At>, Posted(who): Posted) -> Result<Response, Refusal> {
    decide(&app, &who, &at, false).await
}

async fn decide(app: &App, who: &SignedIn, at: &At, agrees: bool) -> Result<Response, Refusal> {
    let letter = found(&app.db, &at.id).await?;
    let attestation = stated_of(&app.db, &letter, &at.attestation).await?;
    let (now, by) = (app.now(), who.operator.email.as_str());
    let mut tx = app.db.begin().await?;
    let decided = if agrees {
        attestations::agree(app, &mut tx, &attestation, by, now).await
    } else {
        attestations::refuse(&mut tx, &attestation, by, now).await
    };
    if let Err(error) = decided {
        return refusal(&letter, error);
    }
    let (action, code) = if agrees { ("attestation.agree", "settled") } else { ("attestation.refuse", "refused") };
    noted(&mut tx, who, action, &attestation, now).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(said(&letter, code))
}

/// What happened to the last click. The codes stand in an address, so the words do not.
pub(super) fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "stated" => "Stated. It is settled when somebody else agrees.",
        "settled" => "Settled as the PSP confirmed, and the dead letter is resolved.",
        "refused" => "Turned down. Nothing was settled.",
        "words" => {
            "Nothing was done: say whether it was done, with the PSP's reference of 1 to 200 characters if it was, and a reason of 1 to 500."
        }
        "waits" => "Nothing was done: a statement about it waits for a second person.",
        "same" => "Nothing was done: somebody else than who stated it has to agree.",
        "decided" => "Nothing was done: it is decided already.",
        "known" => "Nothing was done: its outcome is known by now, or this dead letter is not open.",
        "twice" => {
            "Nothing was done: another attempt has paid this payment. Give this one's money back at the PSP, then resolve the letter."
        }
        "flaw" => "Nothing was done: it cannot be settled like this. The gateway's log says why.",
        _ => return None,
    })
}

fn refusal(letter: &DeadJob, error: AttestationError) -> Result<Response, Refusal> {
    Ok(said(
        letter,
        match error {
            AttestationError::NothingUnknown => "known",
            AttestationError::Words => "words",
            AttestationError::Waits => "waits",
            AttestationError::SamePerson => "same",
            AttestationError::Decided => "decided",
            AttestationError::PaidTwice => "twice",
            AttestationError::Db(error) => return Err(error.into()),
            AttestationError::Payment(_) | AttestationError::Payout(_) => {
                tracing::error!(error = &error as &dyn std::error::Error, job = %letter.id, "an attestation cannot be settled");
                "flaw"
            }
        },
    ))
}

fn said(letter: &DeadJob, code: &str) -> Response {
    Redirect::to(&format!("/console/dead-letters/{}?said={code}", letter.id)).into_response()
}

async fn stated_of(db: &Db, letter: &DeadJob, id: &str) -> Result<Attestation, Refusal> {
    let missing = || Refusal::NotFound("statement");
    let id = AttestationId::parse(id).map_err(|_| missing())?;
    let found = attestations::find(db, &id).await?.filter(|it| it.object == letter.key && it.kind == letter.kind);
    found.ok_or_else(missing)
}

async fn noted(
    tx: &mut Tx,
    who: &SignedIn,
    action: &'static str,
    attestation: &Attestation,
    now: Timestamp,
) -> Result<(), DbError> {
    let entry = NewEntry::new(action, &who.address, now).by(&who.operator.id).about(&attestation.object);
    let note = format!("{}: {}", words(&attestation.confirmed), attestation.reason).chars().take(500).collect();
    record(tx, &NewEntry { note, ..entry }).await
}

fn words(confirmed: &Confirmed) -> String {
    match confirmed {
        Confirmed::Done(reference) => format!("done, as {reference}"),
        Confirmed::NotDone => "not done".to_owned(),
    }
}

/// One statement, for its dead letter's page.
pub(super) struct Statement {
    pub id: String,
    pub status: Chip,
    pub words: String,
    pub reason: String,
    pub by: String,
    pub at: Moment,
    pub decided_by: Option<String>,
    /// Whether it waits, and the reader did not make it.
    pub may_agree: bool,
    pub waits: bool,
}

/// What was stated about the letter's object, as `reader` sees it.
pub(super) async fn statements(db: &Db, letter: &DeadJob, reader: &str) -> Result<Vec<Statement>, DbError> {
    Ok(attestations::of_object(db, &letter.key).await?.iter().map(|it| statement(it, reader)).collect())
}

fn statement(attestation: &Attestation, reader: &str) -> Statement {
    let (tone, label) = match attestation.status {
        Status::Asked => (Tone::Wait, "waits for a second person"),
        Status::Settled => (Tone::Good, "settled"),
        Status::Refused => (Tone::Idle, "turned down"),
    };
    let waits = attestation.status == Status::Asked;
    Statement {
        id: attestation.id.to_string(),
        status: Chip::new(tone, label),
        words: words(&attestation.confirmed),
        reason: attestation.reason.clone(),
        by: attestation.asked_by.clone(),
        at: Moment::of(attestation.asked_at),
        decided_by: attestation.decided_by.clone(),
        may_agree: waits && attestation.asked_by != reader,
        waits,
    }
}

impl Statement {
    /// One that waits, and that the reader may agree to.
    pub(super) fn sample() -> Self {
        Self {
            id: "ats_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            status: Chip::new(Tone::Wait, "waits for a second person"),
            words: "done, as ch_1 <b>".into(),
            reason: "seen in the PSP's own pages <b>".into(),
            by: "kim@example.com".into(),
            at: Moment::of(super::frame::sample_time(0)),
            decided_by: None,
            may_agree: true,
            waits: true,
        }
    }
}
