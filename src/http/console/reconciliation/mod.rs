//! Reconciliation for operators: when each source was held against the books, what differs, and what is done about it.

pub mod acts;
pub mod breaks;
pub mod causes;
mod evidence;
pub mod files;
mod members;
pub mod one;
mod ours;
pub mod run;

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::civil::Date;
use serde::Deserialize;

use super::components::{Chip, Choice, Moment, Pager, Tone, choices, signed};
use super::form::PostedWith;
use super::frame::{self, Frame, Place, sample_time, span};
use super::paging;
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::config::reconciliation::Source;
use crate::operators::{NewEntry, record};
use crate::reconciliation::breaks::{Standing, standing};
use crate::reconciliation::progress::Progress;
use crate::reconciliation::runs::{self, Run, Status, Trigger};
use crate::reconciliation::words::Class;
use crate::reconciliation::{ReconcileError, What, reconcile};
use crate::words::{Currency, Timestamp};

/// How long a click waits to hear that a run cannot begin.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What the reader asked for, and what the last click did.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    older: String,
    newer: String,
    said: String,
}

/// `GET /console/reconciliation`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let now = app.now();
    let mut frame = who.frame("Reconciliation", Place::Reconciliation, now);
    frame.notice = said(&asked.said).map(ToOwned::to_owned);
    let mut sources = Vec::new();
    for source in &app.config.reconciliation.sources {
        sources.push(told(source, runs::last_good(&app.db, &source.name).await?, now));
    }
    let page = paging::page(&asked.older, &asked.newer);
    let slice = runs::list(&app.db, None, &page).await?;
    let view = Overview {
        names: choices(&sources.iter().map(|it| (it.name.clone(), it.name.clone())).collect::<Vec<_>>(), ""),
        sources,
        ages: ages(&standing(&app.db, None, now).await?, now),
        pager: paging::pager("/console/reconciliation", &[], &page, &slice, |run| run.id.to_string()),
        runs: slice.items.iter().map(RunRow::of).collect(),
        frame,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn said(code: &str) -> Option<&'static str> {
    Some(match code {
        "begun" => "Begun. Its run stands below; reload the page to see how it ended.",
        "busy" => "Nothing was done: this source is being reconciled at this moment. Its run stands below.",
        "day" => "Nothing was done: a source and a day such as 2026-01-31 are needed.",
        _ => return None,
    })
}

fn told(source: &Source, last: Option<(Date, Timestamp)>, now: Timestamp) -> SourceRow {
    SourceRow {
        name: source.name.clone(),
        psp: source.psps().join(", "),
        when: format!("every day at {} {}", source.at, source.zone),
        last: last
            .map_or_else(|| "never".to_owned(), |(day, ended)| format!("{day}, done {} ago", span(now.since(ended)))),
    }
}

/// Open breaks by class and age.
fn ages(standing: &[Standing], now: Timestamp) -> Vec<AgeRow> {
    Class::ALL
        .into_iter()
        .map(|class| {
            let of: Vec<&Standing> = standing.iter().filter(|it| it.class == class).collect();
            let sum = |part: &dyn Fn(&Standing) -> i64| of.iter().fold(0_i64, |sum, it| sum.saturating_add(part(it)));
            let (all, week, month) = (sum(&|it| it.count), sum(&|it| it.old[0]), sum(&|it| it.old[1]));
            let mut risk: Vec<(Currency, i64)> = Vec::new();
            for it in &of {
                match risk.iter_mut().find(|(currency, _)| *currency == it.currency) {
                    Some((_, minor)) => *minor = minor.saturating_add(it.at_risk),
                    None => risk.push((it.currency, it.at_risk)),
                }
            }
            let risk: Vec<String> =
                risk.into_iter().map(|(currency, minor)| format!("{} {currency}", signed(minor, currency))).collect();
            AgeRow {
                class: class.as_str(),
                words: words(class),
                fresh: all.saturating_sub(week),
                week: week.saturating_sub(month),
                month,
                oldest: of.iter().map(|it| it.oldest).min().map_or_else(String::new, |at| span(now.since(at))),
                at_risk: risk.join(", "),
            }
        })
        .collect()
}

pub(super) fn words(class: Class) -> &'static str {
    match class {
        Class::Automatic => "comes right by itself",
        Class::Manual => "for a person, known",
        Class::Investigate => "to be found out",
    }
}

pub(super) fn chip_of(run: &Run) -> Chip {
    match run.status {
        Status::Running => Chip::new(Tone::Wait, "running"),
        Status::Completed if run.dry => Chip::new(Tone::Idle, "rehearsed"),
        Status::Completed => Chip::new(Tone::Good, "completed"),
        Status::Failed => Chip::new(Tone::Bad, "failed"),
    }
}

/// What is to be reconciled now.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    source: String,
    date: String,
    dry: String,
}

/// `POST /console/reconciliation/runs`: begins a run, which goes on when the page is left.
pub async fn begin(State(app): State<App>, PostedWith(who, wanted): PostedWith<Wanted>) -> Result<Response, Refusal> {
    let to = |code: &str| Redirect::to(&format!("/console/reconciliation?said={code}")).into_response();
    let source = app.config.reconciliation.sources.iter().find(|source| source.name == wanted.source).cloned();
    let (Some(source), Ok(day)) = (source, wanted.date.parse::<Date>()) else { return Ok(to("day")) };
    let (dry, now) = (!wanted.dry.is_empty(), app.now());
    let mut tx = app.db.begin().await?;
    let entry = NewEntry::new("reconciliation.run", &who.address, now).by(&who.operator.id).about(&source.name);
    record(&mut tx, &NewEntry { note: format!("{day}{}", if dry { ", a rehearsal" } else { "" }), ..entry }).await?;
    tx.commit().await?;
    let (working, by) = (app.clone(), who.operator.email.clone());
    let running = app.tasks.spawn(async move {
        let progress = Progress::nobody();
        let ran = reconcile(&working, &source, What::Day(day), Trigger::Console, dry, &by, &progress).await;
        if let Err(error) = ran {
            tracing::warn!(source = source.name, error = &error as &dyn std::error::Error, "nothing was reconciled");
            return matches!(error, ReconcileError::Busy(_));
        }
        false
    });
    // That somebody else is at it is known at once; whoever waits longer has begun.
    let ended = tokio::time::timeout(AT_ONCE, running).await;
    Ok(to(if matches!(ended, Ok(Ok(true))) { "busy" } else { "begun" }))
}

/// The page.
#[derive(Template)]
#[template(path = "console/reconciliation/overview.html")]
pub struct Overview {
    frame: Frame,
    sources: Vec<SourceRow>,
    names: Vec<Choice>,
    ages: Vec<AgeRow>,
    runs: Vec<RunRow>,
    pager: Pager,
}

struct SourceRow {
    name: String,
    psp: String,
    when: String,
    last: String,
}

struct AgeRow {
    class: &'static str,
    words: &'static str,
    fresh: i64,
    week: i64,
    month: i64,
    oldest: String,
    at_risk: String,
}

/// A run in a list.
struct RunRow {
    id: String,
    source: String,
    day: String,
    status: Chip,
    failure: String,
    trigger: &'static str,
    matched: String,
    open: String,
    started: Moment,
}

impl RunRow {
    fn of(run: &Run) -> Self {
        let figure = |path: &str| run.totals.pointer(path).map(ToString::to_string).unwrap_or_default();
        let classes = run.totals.get("open_breaks").and_then(serde_json::Value::as_object);
        let open = classes.map(|classes| {
            classes.values().filter_map(serde_json::Value::as_i64).fold(0_i64, i64::saturating_add).to_string()
        });
        Self {
            id: run.id.to_string(),
            source: run.source.clone(),
            day: run.business_date.map_or_else(|| "a file".to_owned(), |day| day.to_string()),
            status: chip_of(run),
            failure: run.failure.clone().unwrap_or_default(),
            trigger: run.trigger.as_str(),
            matched: figure("/types/matched/count"),
            open: open.unwrap_or_default(),
            started: Moment::of(run.started_at),
        }
    }
}

impl Overview {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let age = |class: Class, fresh, week, month| AgeRow {
            class: class.as_str(),
            words: words(class),
            fresh,
            week,
            month,
            oldest: "9 d 4 h".into(),
            at_risk: "15,000 KRW, 12.50 USD".into(),
        };
        let run = |status: Chip, failure: &str| RunRow {
            id: "rcr_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            source: "simulator".into(),
            day: "2026-11-21".into(),
            status,
            failure: failure.into(),
            trigger: "nightly",
            matched: "1987".into(),
            open: "6".into(),
            started: Moment::of(sample_time(0)),
        };
        Self {
            frame: Frame::sample("Reconciliation", Place::Reconciliation),
            sources: vec![SourceRow {
                name: "simulator".into(),
                psp: "simulator".into(),
                when: "every day at 05:00 Asia/Seoul".into(),
                last: "2026-11-21, done 3 h 2 min ago".into(),
            }],
            names: choices(&[("simulator", "simulator")], ""),
            ages: vec![age(Class::Automatic, 3, 0, 0), age(Class::Manual, 1, 1, 0), age(Class::Investigate, 0, 0, 1)],
            runs: vec![
                run(Chip::new(Tone::Good, "completed"), ""),
                run(Chip::new(Tone::Bad, "failed"), "row 7: net is not gross less fee <script>alert(1)</script>"),
            ],
            pager: Pager::default(),
        }
    }
}
