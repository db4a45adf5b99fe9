//! The list of differences, by class, type, status and source.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use crate::app::App;
use crate::http::console::components::{Chip, Choice, ModeTag, Moment, Pager, Tone, choices, signed};
use crate::http::console::frame::{self, Frame, Place, sample_time};
use crate::http::console::paging;
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::http::files;
use crate::reconciliation::breaks::{self, Break, Filter, Status};
use crate::reconciliation::words::{Class, Outcome};
use crate::words::{RunId, Timestamp};

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    class: String,
    status: String,
    r#type: String,
    source: String,
    age: String,
    run: String,
    older: String,
    newer: String,
}

const STATUSES: [(&str, &str); 2] = [("open", "Open"), ("resolved", "Closed")];
/// Days since they were found.
const AGES: [(&str, &str); 3] = [("1", "Over 1 day"), ("7", "Over 7 days"), ("30", "Over 30 days")];

impl Asked {
    fn filter(&self, now: Timestamp) -> Filter {
        let days: Option<u64> = AGES.iter().find(|(days, _)| *days == self.age).and_then(|(days, _)| days.parse().ok());
        Filter {
            resolved: match self.status.as_str() {
                "open" => Some(false),
                "resolved" => Some(true),
                _ => None,
            },
            class: Class::parse(&self.class),
            outcome: Outcome::parse(&self.r#type),
            source: Some(self.source.clone()).filter(|source| !source.is_empty()),
            run: RunId::parse(&self.run).ok(),
            before: days.map(|days| now.minus(Duration::from_hours(days.saturating_mul(24)))),
        }
    }

    /// What is asked for, as a link keeps it.
    fn kept(&self) -> [(&'static str, &str); 6] {
        [
            ("class", &self.class),
            ("status", &self.status),
            ("type", &self.r#type),
            ("source", &self.source),
            ("age", &self.age),
            ("run", &self.run),
        ]
    }
}

/// `GET /console/reconciliation/differences.csv`: the same list, whole, as a file.
pub async fn file(State(app): State<App>, _who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    Ok(files::differences(&app, asked.filter(app.now())).await?)
}

/// `GET /console/reconciliation/breaks`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let filter = asked.filter(app.now());
    let page = paging::page(&asked.older, &asked.newer);
    let slice = breaks::list(&app.db, None, &filter, &page).await?;
    let kept = asked.kept();
    let same = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    let sources = app.config.reconciliation.sources.iter().map(|it| (it.name.clone(), it.name.clone()));
    let view = Differences {
        frame: who.frame("Differences", Place::Reconciliation, app.now()),
        classes: choices(&Class::ALL.map(|it| (it.as_str(), it.as_str())), &asked.class),
        types: choices(&types(), &asked.r#type),
        statuses: choices(&STATUSES, &asked.status),
        sources: choices(&sources.collect::<Vec<_>>(), &asked.source),
        ages: choices(&AGES, &asked.age),
        run: filter.run.as_ref().map(ToString::to_string).unwrap_or_default(),
        csv: format!("/console/reconciliation/differences.csv?{same}"),
        pager: paging::pager("/console/reconciliation/breaks", &kept, &page, &slice, |it| it.id.to_string()),
        breaks: slice.items.iter().map(Row::of).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn types() -> Vec<(String, String)> {
    let differing = Outcome::ALL.into_iter().filter(|it| *it != Outcome::Matched);
    differing.map(|it| (it.as_str().to_owned(), it.as_str().replace('_', " "))).collect()
}

pub(super) fn chip(status: Status) -> Chip {
    match status {
        Status::Open => Chip::new(Tone::Warn, "open"),
        Status::Proposed => Chip::new(Tone::Wait, "waits for a second person"),
        Status::Resolved => Chip::new(Tone::Good, "closed"),
    }
}

/// A difference in a list.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) mode: ModeTag,
    pub(super) source: String,
    pub(super) about: String,
    pub(super) outcome: String,
    pub(super) cause: String,
    pub(super) class: &'static str,
    pub(super) status: Chip,
    pub(super) waits: String,
    pub(super) expected: String,
    pub(super) actual: String,
    pub(super) opened: Moment,
}

impl Row {
    pub(super) fn of(it: &Break) -> Self {
        let amount = |minor: Option<i64>| minor.map(|minor| format!("{} {}", signed(minor, it.currency), it.currency));
        Self {
            id: it.id.to_string(),
            mode: it.tenant.mode.into(),
            source: it.source.clone(),
            about: it.object.as_ref().map(|(kind, id)| format!("{} {id}", kind.as_str())).unwrap_or_default(),
            outcome: it.outcome.as_str().replace('_', " "),
            cause: it.cause.replace('_', " "),
            class: it.class.as_str(),
            status: chip(it.status),
            waits: it.expected_by.filter(|_| it.status == Status::Open).map(|day| day.to_string()).unwrap_or_default(),
            expected: amount(it.expected).unwrap_or_default(),
            actual: amount(it.actual).unwrap_or_default(),
            opened: Moment::of(it.opened_at),
        }
    }

    pub(super) fn sample() -> Self {
        Self {
            id: "brk_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            mode: ModeTag { live: false },
            source: "simulator".into(),
            about: "charge pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            outcome: "amount differs".into(),
            cause: "amount differs".into(),
            class: "investigate",
            status: chip(Status::Open),
            waits: String::new(),
            expected: "15,000 KRW".into(),
            actual: "14,000 KRW".into(),
            opened: Moment::of(sample_time(0)),
        }
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/reconciliation/breaks.html")]
pub struct Differences {
    frame: Frame,
    classes: Vec<Choice>,
    types: Vec<Choice>,
    statuses: Vec<Choice>,
    sources: Vec<Choice>,
    ages: Vec<Choice>,
    /// The run that found them first, when only its own are shown.
    run: String,
    /// Where the same list is as a file.
    csv: String,
    breaks: Vec<Row>,
    pager: Pager,
}

impl Differences {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Differences", Place::Reconciliation),
            classes: choices(&Class::ALL.map(|it| (it.as_str(), it.as_str())), "investigate"),
            types: choices(&types(), ""),
            statuses: choices(&STATUSES, "open"),
            sources: choices(&[("simulator", "simulator")], "simulator"),
            ages: choices(&AGES, "7"),
            run: "rcr_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            csv: "/console/reconciliation/differences.csv?class=&status=open".into(),
            breaks: vec![Row::sample(), Row { waits: "2026-11-25".into(), ..Row::sample() }],
            pager: Pager::default(),
        }
    }
}
