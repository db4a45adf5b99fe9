//! One difference: the three sides beside each other, everything known about it, what was done, and what may be done.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::acts::{choice, sentence};
use super::breaks::{Row, chip};
use super::evidence;
use super::members::{self, Batch, Member};
use super::ours::Ours;
use crate::app::App;
use crate::http::console::components::{Chip, Fact, Moment, signed};
use crate::http::console::frame::{self, Frame, Place, sample_time};
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::http::console::story::{Happening, Lane, StoryMoment, in_order};
use crate::reconciliation::breaks::{self, Break, Note, Status, read_proposal};
use crate::reconciliation::causes::Causes;
use crate::reconciliation::landing::{self, Landed};
use crate::reconciliation::shown::{self, Told};
use crate::reconciliation::words::Outcome;
use crate::words::{BreakId, Currency};

/// Transfers that the form takes.
const LINES: usize = 4;

/// What the last click did or did not do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    said: String,
}

/// `GET /console/reconciliation/breaks/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Said>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let row = Row::of(&it);
    let mut frame = who.frame(format!("Difference: {}", row.outcome), Place::Reconciliation, app.now());
    frame.notice = sentence(&asked.said).map(ToOwned::to_owned);
    let causes = Causes::of(&app.config.reconciliation.causes);
    let lines = lines(&app, &it).await?;
    let ours = Ours::of(&app, &it).await?;
    let view = Page {
        batches: members::batches(&app, &it, &lines).await?,
        explanation: causes.named(&it.cause).map(|cause| cause.explanation.clone()).unwrap_or_default(),
        sides: sides(&it, &lines, &ours),
        links: ours.links,
        moments: ours.moments,
        parked: breaks::parked(&app.db, &it.id).await?.iter().map(|(of, minor)| money(*minor, *of)).collect(),
        evidence: evidence::rows(&it.evidence),
        proposed: it.proposal.as_ref().and_then(proposed),
        notes: breaks::notes(&app.db, &it.id).await?.iter().map(NoteRow::of).collect(),
        others: others(&app, &it).await?,
        open: it.status == Status::Open,
        waits: it.status == Status::Proposed,
        own: it.proposed_by.as_deref() == Some(who.operator.email.as_str()),
        by: it.proposed_by.clone().unwrap_or_default(),
        fingerprint: breaks::fingerprint(&it),
        payouts: payouts(&app, &it).await?,
        closed: closed(&it),
        status: chip(it.status),
        lines: form(&it),
        reason: it.proposal.as_ref().and_then(read_proposal).map(|(reason, _)| reason).unwrap_or_default(),
        row,
        frame,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

pub(super) async fn found(app: &App, id: &str) -> Result<Break, Refusal> {
    let id = BreakId::parse(id).map_err(|_| Refusal::NotFound("difference"))?;
    breaks::find(&app.db, &id).await?.ok_or(Refusal::NotFound("difference"))
}

pub(super) fn money(minor: i64, currency: Currency) -> String {
    format!("{} {currency}", signed(minor, currency))
}

/// Every line that has to do with it: its own, those about the same thing of ours, and those with which their money landed.
async fn lines(app: &App, it: &Break) -> Result<Vec<Told>, Refusal> {
    let mut lines = match &it.line {
        Some(id) => shown::line(&app.db, id).await?.into_iter().collect::<Vec<_>>(),
        None => Vec::new(),
    };
    if let Some((_, object)) = &it.object {
        for line in shown::lines_of(&app.db, object).await? {
            if lines.iter().all(|known| known.id != line.id) {
                lines.push(line);
            }
        }
    }
    let landed: Vec<_> = lines.iter().filter_map(|line| line.landed_by.clone()).collect();
    for id in landed {
        if lines.iter().all(|known| known.id != id) {
            lines.extend(shown::line(&app.db, &id).await?);
        }
    }
    Ok(lines)
}

/// Ours, the PSP's and the bank's, as far as each is known.
fn sides(it: &Break, lines: &[Told], ours: &Ours) -> Vec<Side> {
    // Where only the fee differs, fees are what is held against each other.
    let of_fee = it.outcome == Outcome::FeeDiffers;
    let shown = |minor: i64, of: Currency| money(minor, of) + if of_fee { " as a fee" } else { "" };
    let told_by = |line: &Told| match it.actual.filter(|_| of_fee && it.line.as_ref() == Some(&line.id)) {
        Some(kept) => shown(kept, line.currency),
        None => money(line.gross, line.currency),
    };
    let of = |name: &'static str, side: &str| {
        let told: Vec<&Told> = lines.iter().filter(|line| line.side == side).collect();
        let amount = told.first().map_or_else(|| "nothing".to_owned(), |line| told_by(line));
        Side { name, amount, lines: told.into_iter().map(LineRow::of).collect(), facts: Vec::new() }
    };
    // What is in another state here counts for nothing yet: how it stands says more than a zero.
    let stands = ours.stands.clone().filter(|_| it.outcome == Outcome::StateDiffers);
    let expected = || it.expected.map(|minor| shown(minor, it.currency));
    let amount = stands.or_else(expected).unwrap_or_else(|| "nothing".to_owned());
    let ours = Side { name: "Ours", amount, lines: Vec::new(), facts: ours.facts.clone() };
    vec![ours, of("The PSP", "psp"), of("The bank", "bank")]
}

/// Other differences about the same thing.
async fn others(app: &App, it: &Break) -> Result<Vec<(String, String)>, Refusal> {
    let Some((_, object)) = &it.object else { return Ok(Vec::new()) };
    let found = breaks::of_object(&app.db, object).await?;
    let others = found.into_iter().filter(|other| other.id != it.id);
    Ok(others.map(|other| (other.id.to_string(), other.outcome.as_str().replace('_', " "))).collect())
}

/// The PSP's payouts that may have come with a bank's entry: how the form names each, and what a person reads.
async fn payouts(app: &App, it: &Break) -> Result<Vec<(String, String)>, Refusal> {
    let found = landing::candidates(app, it).await?;
    Ok(found
        .iter()
        .map(|of| (choice(of), format!("{} of {}: {}", of.name, of.source, money(of.sum, of.currency))))
        .collect())
}

fn proposed(kept: &Value) -> Option<Proposed> {
    if let Some(landed) = landing::read(kept) {
        let line = |of: &Landed| format!("{} of {} has landed: {}", of.name, of.source, money(of.sum, of.currency));
        let reason = kept.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
        return Some(Proposed { reason, lines: landed.iter().map(line).collect() });
    }
    let (reason, transfers) = read_proposal(kept)?;
    let line = |it: &crate::ledger::Transfer| {
        format!("debit {}, credit {}: {}", it.debit, it.credit, money(it.amount.minor(), it.amount.currency()))
    };
    Some(Proposed { reason, lines: transfers.iter().map(line).collect() })
}

/// The journal that is suggested, or was turned down, to be proposed as it is or changed.
fn form(it: &Break) -> Vec<FormLine> {
    let (_, transfers) = it.proposal.as_ref().and_then(read_proposal).unwrap_or_default();
    let line = |at: usize| {
        let transfer = transfers.get(at);
        FormLine {
            number: at.saturating_add(1),
            debit: transfer.map(|it| it.debit.to_string()).unwrap_or_default(),
            credit: transfer.map(|it| it.credit.to_string()).unwrap_or_default(),
            amount: transfer.map(|it| it.amount.to_string()).unwrap_or_default(),
            currency: transfer.map_or(it.currency, |it| it.amount.currency()).code(),
        }
    };
    (0..LINES).map(line).collect()
}

fn closed(it: &Break) -> Vec<Fact> {
    let Some(at) = it.closed_at else { return Vec::new() };
    let mut facts = vec![
        Fact::words("Closed", Moment::of(at).text()),
        Fact::words("By", it.closed_by.clone().unwrap_or_default()),
        Fact::words("How", it.resolution.clone().unwrap_or_default()),
    ];
    if let Some(journal) = &it.journal {
        facts.push(Fact::id("Journal", journal.as_str()));
    }
    facts
}

/// The page.
#[derive(Template)]
#[template(path = "console/reconciliation/break.html")]
pub struct Page {
    frame: Frame,
    row: Row,
    status: Chip,
    explanation: String,
    sides: Vec<Side>,
    parked: Vec<String>,
    evidence: Vec<(String, String)>,
    proposed: Option<Proposed>,
    notes: Vec<NoteRow>,
    others: Vec<(String, String)>,
    open: bool,
    waits: bool,
    own: bool,
    by: String,
    fingerprint: String,
    closed: Vec<Fact>,
    /// The PSP's payouts that may have come with it.
    payouts: Vec<(String, String)>,
    /// The lines of the form, filled in with the journal that would close it.
    lines: Vec<FormLine>,
    /// What that journal says that it is.
    reason: String,
    links: Vec<(&'static str, String)>,
    moments: Vec<StoryMoment>,
    batches: Vec<Batch>,
}

/// One line of the form for a journal.
struct FormLine {
    number: usize,
    debit: String,
    credit: String,
    amount: String,
    currency: &'static str,
}

struct Side {
    name: &'static str,
    amount: String,
    facts: Vec<Fact>,
    lines: Vec<LineRow>,
}

struct LineRow {
    facts: Vec<Fact>,
    raw: String,
}

impl LineRow {
    fn of(line: &Told) -> Self {
        let mut facts = vec![
            Fact::words("What", format!("{} ({})", line.kind, line.result.as_deref().unwrap_or("not looked at yet"))),
            Fact::words("Gross", money(line.gross, line.currency)),
            Fact::words("Fee", money(line.fee, line.currency)),
            Fact::words("Net", money(line.net, line.currency)),
            Fact::words("Business day", line.business_date.as_str()),
        ];
        if let Some(at) = line.occurred_at {
            facts.push(Fact::words("Happened", Moment::of(at).text()));
        }
        let ids = [
            ("Payment", &line.psp_payment),
            ("Movement", &line.psp_movement),
            ("Our key", &line.our_key),
            ("Batch", &line.batch),
        ];
        facts.extend(ids.into_iter().filter_map(|(name, id)| Some(Fact::id(name, id.as_deref()?))));
        facts.push(Fact::words("Where", format!("{}, row {} of {}", line.source, line.number, line.file)));
        Self { facts, raw: line.raw.clone() }
    }
}

struct Proposed {
    reason: String,
    lines: Vec<String>,
}

struct NoteRow {
    at: Moment,
    by: String,
    what: String,
    note: String,
}

impl NoteRow {
    fn of(note: &Note) -> Self {
        Self { at: Moment::of(note.at), by: note.by.clone(), what: note.what.clone(), note: note.note.clone() }
    }
}

impl Page {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let line = || LineRow {
            facts: vec![Fact::words("Gross", "14,000 KRW"), Fact::id("Batch", "sba_2026-11-21_KRW")],
            raw: "{\"type\":\"sale <b>\",\"gross\":14000}".into(),
        };
        let side = |name, lines| Side { name, amount: "15,000 KRW".into(), facts: Vec::new(), lines };
        let form = |number| FormLine {
            number,
            debit: "suspense".into(),
            credit: "fees:psp".into(),
            amount: "1000".into(),
            currency: "KRW",
        };
        Self {
            frame: Frame::sample("Difference: amount differs", Place::Reconciliation),
            row: Row::sample(),
            status: chip(Status::Open),
            explanation: "The PSP settled another amount than was taken here.".into(),
            sides: vec![
                Side { facts: vec![Fact::id("Id", "pay_01jq8w3k5n7p9r2t4v6x8z0a1b")], ..side("Ours", Vec::new()) },
                side("The PSP", vec![line()]),
                side("The bank", vec![line()]),
            ],
            parked: vec!["\u{2212}1,000 KRW".into()],
            evidence: vec![("why".into(), "<img src=x onerror=alert(1)>".into())],
            proposed: Some(Proposed {
                reason: "the PSP took a fee of its own".into(),
                lines: vec!["debit suspense, credit fees:psp: 1,000 KRW".into()],
            }),
            notes: vec![NoteRow {
                at: Moment::of(sample_time(0)),
                by: "kim@example.com".into(),
                what: "noted".into(),
                note: "asked the PSP".into(),
            }],
            others: vec![("brk_01jq8w3k5n7p9r2t4v6x8z0a1c".into(), "fee differs".into())],
            open: true,
            waits: true,
            own: false,
            by: "lee@example.com".into(),
            fingerprint: "5f2c".into(),
            payouts: vec![("simulator:sba_1".into(), "sba_1 of simulator: 14,565 KRW".into())],
            closed: vec![Fact::words("Closed", "2026-11-22 10:12:04")],
            lines: (1..=LINES).map(form).collect(),
            reason: "the PSP took a fee of its own \"as agreed\"".into(),
            links: vec![(
                "The payment and everything about it",
                "/console/payments/pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            )],
            moments: in_order(vec![Happening::new(sample_time(0), Lane::Call, "look up").detail("simulator, key <i>")]),
            batches: vec![Batch {
                name: "sba_2026-11-21_KRW".into(),
                source: "simulator".into(),
                sums: vec!["1 lines, 14,565 KRW in all".into()],
                lines: vec![Member::sample()],
                more: true,
            }],
        }
    }
}
