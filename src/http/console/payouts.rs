//! The list of payouts: what waits for somebody, what is on its way, what came back.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Chip, Choice, ModeTag, Moment, Pager, Sum, choices};
use super::frame::{self, Frame, Place, sample_time};
use super::payments::{MODES, mode};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::{chips, paging, search, store};
use crate::app::App;
use crate::payouts::PayoutStatus;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    status: String,
    mode: String,
    older: String,
    newer: String,
}

/// `GET /console/payouts`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let page = paging::page(&asked.older, &asked.newer);
    let terms = search::read(&asked.q);
    let words = terms.as_ref().map_or(("", ""), |terms| (terms.words.as_str(), terms.id.as_str()));
    let status = PayoutStatus::parse(&asked.status).map(PayoutStatus::as_str);
    let slice = store::payouts(&app.db, status, mode(&asked.mode), words, &page).await?;
    let kept = [("q", asked.q.as_str()), ("status", &asked.status), ("mode", &asked.mode)];
    let view = Payouts {
        frame: who.frame("Payouts", Place::Payouts, app.now()),
        statuses: choices(&statuses(), &asked.status),
        modes: choices(&MODES, &asked.mode),
        pager: paging::pager("/console/payouts", &kept, &page, &slice, |row| row.id.to_string()),
        rows: slice.items.into_iter().map(row).collect(),
        q: asked.q,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn statuses() -> Vec<(&'static str, String)> {
    let word = |status: PayoutStatus| chips::payout(status.as_str()).label().to_owned();
    PayoutStatus::ALL.into_iter().map(|status| (status.as_str(), word(status))).collect()
}

pub(super) fn row(row: store::PayoutRow) -> PayoutLine {
    PayoutLine {
        id: row.id.to_string(),
        seller_id: row.seller_id.to_string(),
        seller: row.seller,
        merchant: row.merchant,
        mode: row.mode.into(),
        status: chips::payout(&row.status),
        why: row.failure_code.or(row.period.map(|period| format!("schedule of {period}"))).unwrap_or_default(),
        asked: Moment::of(row.asked_at),
        amount: Sum::of(row.amount),
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/payouts.html")]
pub struct Payouts {
    frame: Frame,
    q: String,
    statuses: Vec<Choice>,
    modes: Vec<Choice>,
    rows: Vec<PayoutLine>,
    pager: Pager,
}

/// One payout in a list.
pub(super) struct PayoutLine {
    pub id: String,
    pub seller_id: String,
    pub seller: String,
    pub merchant: String,
    pub mode: ModeTag,
    pub status: Chip,
    pub why: String,
    pub asked: Moment,
    pub amount: Sum,
}

impl PayoutLine {
    pub(super) fn sample() -> Self {
        Self {
            id: "out_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            seller_id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            seller: "Namsan Books <script>alert(1)</script>".into(),
            merchant: "Hangang Market".into(),
            mode: ModeTag { live: true },
            status: chips::payout("needs_approval"),
            why: "schedule of 2026-02-28".into(),
            asked: Moment::of(sample_time(0)),
            amount: Sum::text("1204400", "KRW"),
        }
    }
}

impl Payouts {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Payouts", Place::Payouts),
            q: String::new(),
            statuses: choices(&statuses(), "needs_approval"),
            modes: choices(&MODES, ""),
            rows: vec![PayoutLine::sample()],
            pager: Pager::default(),
        }
    }
}
