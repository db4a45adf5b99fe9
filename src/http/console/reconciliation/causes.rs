//! The table of known causes, as it is asked: what operators added, then what is built in.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::http::console::frame::{self, Frame, Place};
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::reconciliation::causes::{Cause, Causes, Repair};

/// `GET /console/reconciliation/causes`
pub async fn show(State(app): State<App>, who: SignedIn) -> Result<Response, Refusal> {
    let view = Page {
        frame: who.frame("Known causes", Place::Reconciliation, app.now()),
        rows: rows(&Causes::of(&app.config.reconciliation.causes)),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn rows(causes: &Causes) -> Vec<Row> {
    let row = |cause: &Cause| Row {
        name: cause.name.clone(),
        outcome: cause.outcome.as_str().replace('_', " "),
        only: only(cause),
        class: cause.class.as_str(),
        repair: done(cause.repair),
        explanation: cause.explanation.clone(),
        added: cause.added,
    };
    causes.all().iter().map(row).collect()
}

/// For what alone a cause is.
fn only(cause: &Cause) -> String {
    let kinds = cause.kinds.iter().map(|kind| kind.to_text().replace('_', " "));
    let of = |name: &str, words: &[String]| (!words.is_empty()).then(|| format!("{name} {}", words.join(", ")));
    let rest = [
        of("of", &cause.sources),
        of("in", &cause.currencies),
        cause.text.as_ref().map(|text| format!("with \u{201c}{text}\u{201d}")),
        cause.at_most.map(|most| format!("at most {most} minor units")),
        cause.older_than_days.map(|days| format!("open for more than {days} days")),
    ];
    kinds.chain(rest.into_iter().flatten()).collect::<Vec<_>>().join(", ")
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
    only: String,
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
