//! What merchants were told, or could not be told.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Chip, Choice, ModeTag, Moment, Pager, Resend, choices};
use super::frame::{self, Frame, Place, sample_time};
use super::payments::{MODES, mode};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::{chips, paging, store};
use crate::app::App;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    status: String,
    mode: String,
    older: String,
    newer: String,
}

/// `GET /console/deliveries`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let page = paging::page(&asked.older, &asked.newer);
    let retrying = asked.status == RETRYING;
    let status = if retrying { "pending" } else { asked.status.as_str() };
    let status = Some(status).filter(|status| !status.is_empty());
    let slice = store::deliveries(&app.db, status, retrying, mode(&asked.mode), &page).await?;
    let kept = [("status", asked.status.as_str()), ("mode", asked.mode.as_str())];
    let view = Deliveries {
        statuses: choices(&STATUSES, &asked.status),
        modes: choices(&MODES, &asked.mode),
        pager: paging::pager("/console/deliveries", &kept, &page, &slice, |row| row.id.to_string()),
        rows: slice.items.into_iter().map(|delivery| row(delivery, &who.csrf)).collect(),
        frame: who.frame("Webhook deliveries", Place::Deliveries, app.now()),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn row(row: store::DeliveryRow, csrf: &str) -> DeliveryRow {
    DeliveryRow {
        resend: Resend { delivery: row.id.to_string(), csrf: csrf.to_owned(), what: row.kind.clone() },
        id: row.id.to_string(),
        event: row.kind,
        mode: row.mode.into(),
        status: status(&row.status, row.attempts),
        url: row.url,
        merchant: row.merchant,
        tries: row.attempts,
        answer: answer(row.last_status, row.last_error.as_deref()),
        next: row.next_at.map(Moment::of),
        made: Moment::of(row.made_at),
    }
}

/// A delivery that waits after a failure is being retried: not the same as one that waits for its first try.
pub(super) fn status(status: &str, attempts: i64) -> Chip {
    chips::delivery(if status == "pending" && attempts > 0 { RETRYING } else { status })
}

/// What the last try brought.
pub(super) fn answer(status: Option<i64>, error: Option<&str>) -> String {
    match (status, error) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.to_owned(),
        (None, None) => String::new(),
    }
}

/// Not a status of its own in the database: pending, and tried before.
const RETRYING: &str = "retrying";

/// The page.
#[derive(Template)]
#[template(path = "console/deliveries.html")]
pub struct Deliveries {
    frame: Frame,
    statuses: Vec<Choice>,
    modes: Vec<Choice>,
    rows: Vec<DeliveryRow>,
    pager: Pager,
}

struct DeliveryRow {
    id: String,
    event: String,
    mode: ModeTag,
    status: Chip,
    url: String,
    merchant: String,
    tries: i64,
    answer: String,
    next: Option<Moment>,
    made: Moment,
    resend: Resend,
}

const STATUSES: [(&str, &str); 4] =
    [("pending", "Waiting or retrying"), (RETRYING, "Retrying"), ("succeeded", "Delivered"), ("failed", "Given up")];

impl Deliveries {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let frame = Frame::sample("Webhook deliveries", Place::Deliveries);
        let rows = [
            ("succeeded", 1, "204, 31 ms"),
            ("retrying", 4, "500, 80 ms"),
            ("failed", 12, "could not connect"),
            ("pending", 0, ""),
        ]
        .into_iter()
        .map(|(status, tries, answer)| DeliveryRow {
            id: "dlv_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            event: "checkout.session.completed".into(),
            mode: ModeTag { live: tries % 2 == 0 },
            status: chips::delivery(status),
            url: "https://shop.example/hooks/tollgate".into(),
            merchant: "Hangang Market".into(),
            tries,
            answer: answer.into(),
            next: (status == "retrying").then(|| Moment::of(sample_time(60_000))),
            made: Moment::of(sample_time(0)),
            resend: Resend {
                delivery: "dlv_1".into(),
                csrf: frame.csrf.clone(),
                what: "checkout.session.completed".into(),
            },
        })
        .collect();
        Self { frame, statuses: choices(&STATUSES, ""), modes: choices(&MODES, ""), rows, pager: Pager::default() }
    }
}
