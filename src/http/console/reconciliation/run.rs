//! One run: what it was about, what it came to, and the differences that it was the first to find.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use super::breaks::Row;
use super::chip_of;
use super::evidence::instant;
use crate::app::App;
use crate::http::console::components::{Chip, Fact, Moment, Sum, Tone, grouped};
use crate::http::console::frame::{self, Frame, Place};
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::reconciliation::breaks::{self, Filter};
use crate::reconciliation::report::is_nothing;
use crate::reconciliation::runs::{self, Run};
use crate::reconciliation::shown::run_csv;
use crate::reconciliation::words::Outcome;
use crate::words::{self, Mode, RunId};

/// Differences that its page shows.
const SHOWN: u32 = 50;

/// `GET /console/reconciliation/runs/{id}`
pub async fn show(State(app): State<App>, who: SignedIn, Path(id): Path<String>) -> Result<Response, Refusal> {
    let run = found(&app, &id).await?;
    let name = run.business_date.map_or_else(|| run.source.clone(), |day| format!("{} of {day}", run.source));
    let filter = Filter { run: Some(run.id.clone()), ..Filter::default() };
    let found = breaks::list(&app.db, None, &filter, &words::Page::newest(SHOWN)).await?;
    let view = Page {
        more: found.has_more,
        frame: who.frame(format!("Reconciliation: {name}"), Place::Reconciliation, app.now()),
        id: run.id.to_string(),
        name,
        status: chip_of(&run),
        facts: facts(&run),
        types: types(&run.totals),
        accounts: accounts(&run.totals),
        breaks: found.items.iter().map(Row::of).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// `GET /console/reconciliation/runs/{id}/report.csv`
pub async fn file(State(app): State<App>, _who: SignedIn, Path(id): Path<String>) -> Result<Response, Refusal> {
    let run = found(&app, &id).await?;
    let live = app.config.reconciliation.sources.iter().any(|source| source.name == run.source && source.livemode);
    let mode = if live { Mode::Live } else { Mode::Test };
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"reconciliation.csv\""),
    ];
    Ok((headers, run_csv(&run, mode)).into_response())
}

async fn found(app: &App, id: &str) -> Result<Run, Refusal> {
    let id = RunId::parse(id).map_err(|_| Refusal::NotFound("run"))?;
    runs::find(&app.db, &id).await?.ok_or(Refusal::NotFound("run"))
}

fn facts(run: &Run) -> Vec<Fact> {
    let mut facts = vec![
        Fact::words("Begun", format!("{} ({})", Moment::of(run.started_at).text(), run.trigger.as_str())),
        Fact::words(
            "Ended",
            run.finished_at.map_or_else(|| "not yet".to_owned(), |at| Moment::of(at).text().to_owned()),
        ),
    ];
    if let Some(file) = &run.file {
        facts.push(Fact::id("File", file.as_str()));
    }
    if let Some(failure) = &run.failure {
        facts.push(Fact::words("Why it failed", failure.as_str()));
    }
    if let Some(oldest) = run.totals.get("oldest_open_break").and_then(Value::as_str) {
        facts.push(Fact::words("Oldest open difference", instant(oldest)));
    }
    for (currency, amount) in run.totals.get("value_at_risk").and_then(Value::as_object).into_iter().flatten() {
        facts.push(Fact::words("Value at risk", sum(currency, amount)));
    }
    facts
}

/// An amount of the report, for people.
fn sum(currency: &str, amount: &Value) -> String {
    Sum::text(amount.as_str().unwrap_or_default(), currency).plain()
}

fn types(totals: &Value) -> Vec<TypeRow> {
    let row = |outcome: Outcome| {
        let of = totals.get("types")?.get(outcome.as_str())?;
        let amounts = of.get("amounts").and_then(Value::as_object).into_iter().flatten();
        let amounts: Vec<String> = amounts.map(|(currency, amount)| sum(currency, amount)).collect();
        Some(TypeRow {
            name: outcome.as_str().replace('_', " "),
            count: of.get("count").and_then(Value::as_i64).unwrap_or(0),
            amounts: amounts.join(", "),
        })
    };
    Outcome::ALL.into_iter().filter_map(row).collect()
}

fn accounts(totals: &Value) -> Vec<Account> {
    let rows = totals.get("psp_account").and_then(Value::as_array).into_iter().flatten();
    rows.map(|row| {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let difference = text("difference");
        let even = is_nothing(&difference);
        Account {
            psp: text("psp"),
            currency: text("currency"),
            balance: grouped(&text("balance")),
            not_in_a_file: grouped(&text("not_in_a_file")),
            not_landed: grouped(&text("not_landed")),
            parked: grouped(&text("parked")),
            state: if even { Chip::new(Tone::Good, "explained") } else { Chip::new(Tone::Bad, "not explained") },
            difference: grouped(&difference),
        }
    })
    .collect()
}

/// The page.
#[derive(Template)]
#[template(path = "console/reconciliation/run.html")]
pub struct Page {
    frame: Frame,
    id: String,
    name: String,
    status: Chip,
    facts: Vec<Fact>,
    types: Vec<TypeRow>,
    accounts: Vec<Account>,
    breaks: Vec<Row>,
    /// Whether it found more than are shown.
    more: bool,
}

struct TypeRow {
    name: String,
    count: i64,
    amounts: String,
}

struct Account {
    /// None in reports that were made when a source had one PSP.
    psp: String,
    currency: String,
    balance: String,
    not_in_a_file: String,
    not_landed: String,
    parked: String,
    difference: String,
    state: Chip,
}

impl Page {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let totals = serde_json::json!({
            "types": {"matched": {"count": 1987, "amounts": {"KRW": "29805000"}}, "late": {"count": 0, "amounts": {}}},
            "psp_account": [{"psp": "simulator", "currency": "KRW", "balance": "30000", "not_in_a_file": "15000", "not_landed": "15000",
                             "parked": "0", "difference": "0"}],
        });
        Self {
            frame: Frame::sample("Reconciliation: simulator of 2026-11-21", Place::Reconciliation),
            id: "rcr_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            name: "simulator of 2026-11-21".into(),
            status: Chip::new(Tone::Good, "completed"),
            facts: vec![Fact::words("Begun", "2026-11-22 05:00:00 (nightly)"), Fact::words("Value at risk", "<b>")],
            types: types(&totals),
            accounts: accounts(&totals),
            breaks: vec![Row::sample()],
            more: true,
        }
    }
}
