//! The list of disputes: what is contested, until when it may be answered, and how it ended.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Chip, Choice, ModeTag, Moment, Pager, Sum, choices};
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::{chips, paging};
use crate::app::App;
use crate::payments::disputes::{self, Dispute, Filter};
use crate::psp::DisputeStatus;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    status: String,
    older: String,
    newer: String,
}

/// `GET /console/disputes`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let page = paging::page(&asked.older, &asked.newer);
    let filter = Filter { payment: None, status: DisputeStatus::parse(&asked.status) };
    let slice = disputes::list(&app.db, None, &filter, &page).await?;
    let view = Disputes {
        frame: who.frame("Disputes", Place::Disputes, app.now()),
        statuses: choices(&STATUSES, &asked.status),
        narrowed: filter.status.is_some(),
        pager: paging::pager("/console/disputes", &[("status", &asked.status)], &page, &slice, |row| {
            row.id.to_string()
        }),
        rows: slice.items.iter().map(row).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

const STATUSES: [(&str, &str); 4] =
    [("needs_response", "Needs an answer"), ("under_review", "Under review"), ("won", "Won"), ("lost", "Lost")];

fn row(dispute: &Dispute) -> Row {
    Row {
        id: dispute.id.to_string(),
        payment: dispute.payment.to_string(),
        mode: dispute.tenant.mode.into(),
        status: chips::dispute(dispute.status.as_str()),
        reason: reason(dispute.reason.as_str()),
        due: dispute.evidence_due_by.filter(|_| dispute.status == DisputeStatus::NeedsResponse).map(Moment::of),
        opened: Moment::of(dispute.opened_at),
        amount: Sum::of(dispute.amount),
    }
}

/// `product_not_received` for people.
pub(super) fn reason(code: &str) -> String {
    code.replace('_', " ")
}

/// The page.
#[derive(Template)]
#[template(path = "console/disputes.html")]
pub struct Disputes {
    frame: Frame,
    statuses: Vec<Choice>,
    narrowed: bool,
    rows: Vec<Row>,
    pager: Pager,
}

struct Row {
    id: String,
    payment: String,
    mode: ModeTag,
    status: Chip,
    reason: String,
    due: Option<Moment>,
    opened: Moment,
    amount: Sum,
}

impl Disputes {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Disputes", Place::Disputes),
            statuses: choices(&STATUSES, ""),
            narrowed: false,
            rows: vec![Row {
                id: "dp_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                payment: "pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                mode: ModeTag { live: false },
                status: chips::dispute("needs_response"),
                reason: reason("product_not_received"),
                due: Some(Moment::of(sample_time(600_000_000))),
                opened: Moment::of(sample_time(0)),
                amount: Sum::text("15000", "KRW"),
            }],
            pager: Pager::default(),
        }
    }
}
