//! The table of known causes, as it is asked: what operators added, then what is built in.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::http::console::frame::{self, Frame, Place};
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::reconciliation::causes::{Causes, Repair};

/// `GET /console/reconciliation/causes`
pub async fn show(State(app): State<App>, who: SignedIn) -> Result<Response, Refusal> {
    let view = Page {
        frame: who.frame("Known causes", Place::Reconciliation, app.now()),
        rows: rows(&Causes::of(&app.config.reconciliation.causes)),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn rows(causes: &Causes) -> Vec<Row> {
    let row = |cause: &crate::reconciliation::causes::Cause| Row {
        name: cause.name.clone(),
        outcome: cause.outcome.as_str().replace('_', " "),
        kinds: cause.kinds.iter().map(|kind| kind.to_text().replace('_', " ")).collect::<Vec<_>>().join(", "),
        class: cause.class.as_str(),
        repair: done(cause.repair),
        explanation: cause.explanation.clone(),
        added: cause.added,
    };
    causes.all().iter().map(row).collect()
}

fn done(repair: Repair) -> &'static str {
    match repair {
        Repair::None => "nothing",
        Repair::AskPsp => "the PSP is asked",
        Repair::Wait => "it is waited for",
        Repair::BookFee => "booked as a fee",
        Repair::BookRounding => "booked as rounding",
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/reconciliation/causes.html")]
pub struct Page {
    frame: Frame,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    outcome: String,
    kinds: String,
    class: &'static str,
    repair: &'static str,
    explanation: String,
    added: bool,
}

impl Page {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self { frame: Frame::sample("Known causes", Place::Reconciliation), rows: rows(&Causes::of(&[])) }
    }
}
