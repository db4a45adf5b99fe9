//! One dispute: what is contested, until when it may be answered, what was said, and the form to say it.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::chips;
use super::components::{Chip, Fact, ModeTag, Moment, Sum};
use super::disputes::reason;
use super::form::PostedWith;
use super::frame::{self, Frame, Place, sample_time, span};
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::db::Db;
use crate::operators::{NewEntry, record};
use crate::payments::disputes::{self, Answered, Dispute, Evidence, EvidenceStatus, LONGEST, Texts};
use crate::psp::DisputeStatus;
use crate::words::{DisputeId, Timestamp};

/// What the last click did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Done {
    done: String,
}

/// `GET /console/disputes/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, Refusal> {
    let dispute = found(&app.db, &id).await?;
    let evidence = disputes::evidence_of(&app.db, &dispute.id).await?;
    let (amount, now) = (Sum::of(dispute.amount), app.now());
    let mut frame = who.frame(format!("Dispute of {}", amount.plain()), Place::Disputes, now);
    frame.notice = match done.done.as_str() {
        "sent" => Some("The evidence is on its way to the PSP.".to_owned()),
        "text" => {
            Some(format!("Nothing was done: evidence needs at least one text, each of at most {LONGEST} characters."))
        }
        "late" => Some("Nothing was done: the time for evidence is over.".to_owned()),
        "accepted" => Some("The PSP is told that the loss is accepted.".to_owned()),
        "sure" => Some("Nothing was done: tick the box to accept the loss.".to_owned()),
        "state" => {
            Some("Nothing was done: it is decided, or evidence was handed in, or the loss accepted, before.".to_owned())
        }
        _ => None,
    };
    let view = Page {
        id: dispute.id.to_string(),
        payment: dispute.payment.to_string(),
        status: chips::dispute(dispute.status.as_str()),
        mode: dispute.tenant.mode.into(),
        facts: facts(&dispute, now),
        told: evidence.as_ref().map(told),
        open: may_accept(&dispute, evidence.as_ref()) && dispute.evidence_due_by.is_none_or(|due| due > now),
        may_accept: may_accept(&dispute, evidence.as_ref()),
        amount,
        frame,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// What people copy and read out.
pub(super) fn facts(dispute: &Dispute, now: Timestamp) -> Vec<Fact> {
    let mut facts = vec![
        Fact::words("Reason", reason(dispute.reason.as_str())),
        Fact::words("PSP", dispute.psp.as_str()),
        Fact::id("PSP reference", dispute.psp_reference.as_str()),
        Fact::words("PSP's fee", Sum::of(dispute.fee).plain()),
        Fact::words("Opened", Moment::of(dispute.opened_at).text()),
    ];
    if let Some(due) = dispute.evidence_due_by {
        let left = if dispute.status != DisputeStatus::NeedsResponse {
            String::new()
        } else if due > now {
            format!(" (in {})", span(due.since(now)))
        } else {
            " (over)".to_owned()
        };
        facts.push(Fact::words("Evidence due by", format!("{}{left}", Moment::of(due).text())));
    }
    if let Some(closed) = dispute.closed_at {
        facts.push(Fact::words("Decided", Moment::of(closed).text()));
    }
    for part in &dispute.parts {
        facts.push(Fact::words("Borne by", format!("{}: {}", part.seller, Sum::of(part.amount).plain())));
    }
    facts
}

fn told(evidence: &Evidence) -> Told {
    Told {
        name: if evidence.gives_in { "The loss was accepted" } else { "Evidence" },
        status: chips::evidence(evidence.status.as_str()),
        code: evidence.failure_code.clone().unwrap_or_default(),
        at: Moment::of(evidence.created_at),
        texts: evidence.texts.0.iter().map(|(name, text)| (reason(name), text.clone())).collect(),
    }
}

/// Whether nothing was said to it that stands. Evidence has a deadline as well.
fn may_accept(dispute: &Dispute, evidence: Option<&Evidence>) -> bool {
    dispute.status == DisputeStatus::NeedsResponse
        && evidence.is_none_or(|evidence| evidence.status == EvidenceStatus::Refused)
}

/// Evidence, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    explanation: String,
    product_description: String,
    shipping_carrier: String,
    shipping_tracking_number: String,
    customer_communication: String,
    refund_policy: String,
}

/// `POST /console/disputes/{id}/evidence`
pub async fn answer(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let dispute = found(&app.db, &id).await?;
    let done = |what: &str| Redirect::to(&format!("/console/disputes/{}?done={what}", dispute.id)).into_response();
    let Some(texts) = texts(typed) else { return Ok(done("text")) };
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let evidence = match disputes::answer(&mut tx, &dispute.tenant, &dispute.id, texts, now).await {
        Ok((_, evidence)) => evidence,
        Err(error) => return refused(error).map(done),
    };
    let entry = NewEntry::new("dispute.answer", &who.address, now).by(&who.operator.id).about(dispute.id.as_str());
    let names: Vec<&str> = evidence.texts.0.iter().map(|(name, _)| *name).collect();
    // What was said stands with the dispute.
    record(&mut tx, &NewEntry { note: format!("{}: {}", evidence.id, names.join(", ")), ..entry }).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(done("sent"))
}

/// The box that says that it is meant.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Sure {
    sure: String,
}

/// `POST /console/disputes/{id}/accept`
pub async fn accept(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Sure>,
) -> Result<Response, Refusal> {
    let dispute = found(&app.db, &id).await?;
    let done = |what: &str| Redirect::to(&format!("/console/disputes/{}?done={what}", dispute.id)).into_response();
    if typed.sure.is_empty() {
        return Ok(done("sure"));
    }
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let acceptance = match disputes::accept(&mut tx, &dispute.tenant, &dispute.id, now).await {
        Ok((_, acceptance)) => acceptance,
        Err(error) => return refused(error).map(done),
    };
    let entry = NewEntry::new("dispute.accept", &who.address, now).by(&who.operator.id).about(dispute.id.as_str());
    record(&mut tx, &NewEntry { note: format!("{} of {}", acceptance.id, Sum::of(dispute.amount).plain()), ..entry })
        .await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(done("accepted"))
}

/// What the page says of a click that did nothing.
fn refused(error: Answered) -> Result<&'static str, Refusal> {
    match error {
        Answered::TooLate(_) => Ok("late"),
        Answered::Closed(_) | Answered::Already | Answered::GivenIn => Ok("state"),
        Answered::NoDispute => Err(Refusal::NotFound("dispute")),
        Answered::Db(error) => Err(error.into()),
    }
}

/// The fields that were filled in; `None` when none was, or one is not what the API would take.
fn texts(typed: Typed) -> Option<Texts> {
    let given: Vec<(&'static str, String)> = [
        ("product_description", typed.product_description),
        ("shipping_carrier", typed.shipping_carrier),
        ("shipping_tracking_number", typed.shipping_tracking_number),
        ("customer_communication", typed.customer_communication),
        ("refund_policy", typed.refund_policy),
        ("explanation", typed.explanation),
    ]
    .into_iter()
    .map(|(name, text)| (name, text.replace("\r\n", "\n").trim().to_owned()))
    .filter(|(_, text)| !text.is_empty())
    .collect();
    let odd =
        |text: &str| text.chars().count() > LONGEST || text.chars().any(|c| c.is_control() && !"\n\t".contains(c));
    (!given.is_empty() && !given.iter().any(|(_, text)| odd(text))).then_some(Texts(given))
}

async fn found(db: &Db, id: &str) -> Result<Dispute, Refusal> {
    let id = DisputeId::parse(id).map_err(|_| Refusal::NotFound("dispute"))?;
    disputes::find(db, &id).await?.ok_or(Refusal::NotFound("dispute"))
}

/// The page.
#[derive(Template)]
#[template(path = "console/dispute.html")]
pub struct Page {
    frame: Frame,
    id: String,
    payment: String,
    amount: Sum,
    status: Chip,
    mode: ModeTag,
    facts: Vec<Fact>,
    told: Option<Told>,
    open: bool,
    may_accept: bool,
}

/// What was said to it.
struct Told {
    name: &'static str,
    status: Chip,
    code: String,
    at: Moment,
    texts: Vec<(String, String)>,
}

impl Page {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Dispute of 15,000 KRW", Place::Disputes),
            id: "dp_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            payment: "pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            amount: Sum::text("15000", "KRW"),
            status: chips::dispute("needs_response"),
            mode: ModeTag { live: false },
            facts: vec![
                Fact::words("Reason", reason("product_not_received")),
                Fact::words("Evidence due by", "2026-11-29 10:12:04 (in 6 d 2 h)"),
            ],
            told: Some(Told {
                name: "Evidence",
                status: chips::evidence("refused"),
                code: "too_short".into(),
                at: Moment::of(sample_time(0)),
                texts: vec![("explanation".into(), "It was delivered. <b>".into())],
            }),
            open: true,
            may_accept: true,
        }
    }
}
