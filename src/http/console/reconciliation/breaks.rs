//! The list of differences, by class, type, status and source.

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
use crate::reconciliation::breaks::{self, Break, Filter, Status};
use crate::reconciliation::words::{Class, Outcome};

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    class: String,
    status: String,
    r#type: String,
    older: String,
    newer: String,
}

const STATUSES: [(&str, &str); 2] = [("open", "Open"), ("resolved", "Closed")];

/// `GET /console/reconciliation/breaks`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let filter = Filter {
        resolved: match asked.status.as_str() {
            "open" => Some(false),
            "resolved" => Some(true),
            _ => None,
        },
        class: Class::parse(&asked.class),
        outcome: Outcome::parse(&asked.r#type),
        source: None,
    };
    let page = paging::page(&asked.older, &asked.newer);
    let slice = breaks::list(&app.db, None, &filter, &page).await?;
    let kept = [("class", &*asked.class), ("status", &*asked.status), ("type", &*asked.r#type)];
    let view = Differences {
        frame: who.frame("Differences", Place::Reconciliation, app.now()),
        classes: choices(&Class::ALL.map(|it| (it.as_str(), it.as_str())), &asked.class),
        types: choices(&types(), &asked.r#type),
        statuses: choices(&STATUSES, &asked.status),
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
            breaks: vec![Row::sample(), Row { waits: "2026-11-25".into(), ..Row::sample() }],
            pager: Pager::default(),
        }
    }
}
