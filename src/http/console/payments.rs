//! The list of payments: found by anything that somebody on the phone may read out.

use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::components::{Chip, Choice, ModeTag, Moment, Pager, Sum, choices};
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::{chips, paging, search, store};
use crate::app::App;
use crate::payments::disputes;
use crate::payouts;
use crate::words::{
    AttemptId, DisputeId, Mode, PaymentId, PaymentOrderId, PayoutId, RefundId, SessionId, Slice, Timestamp,
};

/// The page.
#[derive(Template)]
#[template(path = "console/payments.html")]
pub struct Payments {
    frame: Frame,
    asked: Asked,
    statuses: Vec<Choice>,
    modes: Vec<Choice>,
    merchants: Vec<Choice>,
    problem: Option<String>,
    rows: Vec<PaymentRow>,
    pager: Pager,
}

/// What the reader asked for, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    status: String,
    mode: String,
    merchant: String,
    from: String,
    to: String,
    older: String,
    newer: String,
}

impl Asked {
    /// Whether anything was asked beyond "all of them".
    fn narrowed(&self) -> bool {
        self.kept().iter().any(|(_, value)| !value.is_empty())
    }

    /// What stays when the reader turns the page.
    fn kept(&self) -> [(&'static str, &str); 6] {
        [
            ("q", &self.q),
            ("status", &self.status),
            ("mode", &self.mode),
            ("merchant", &self.merchant),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    /// The same as values to compare with; a date that is none is told to the reader.
    fn read(&self, now: Timestamp) -> Result<store::Asked, String> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let unknown = self.status == UNKNOWN;
        Ok(store::Asked {
            terms: search::read(&self.q),
            status: given(&self.status).filter(|_| !unknown),
            unknown,
            mode: mode(&self.mode),
            merchant: given(&self.merchant),
            since: given(&self.from).map(|date| midnight(&date)).transpose()?,
            until: given(&self.to).map(|date| midnight(&date).map(|day| day.plus(DAY))).transpose()?,
            silent_since: now.minus(SILENCE),
        })
    }
}

/// The start of a day in UTC.
fn midnight(date: &str) -> Result<Timestamp, String> {
    let date: String = date.chars().take(20).collect();
    Timestamp::parse(&format!("{date}T00:00:00Z")).ok_or(format!("\"{date}\" is not a date; write it as 2026-12-31."))
}

/// `live` or `test`; anything else is both.
pub(super) fn mode(text: &str) -> Option<Mode> {
    [Mode::Live, Mode::Test].into_iter().find(|mode| mode.as_str() == text)
}

const DAY: Duration = Duration::from_hours(24);

/// An attempt that was sent this long ago and not heard of since counts as unknown.
pub(super) const SILENCE: Duration = Duration::from_mins(1);

/// Not a status of a payment, but what people look for most.
const UNKNOWN: &str = "unknown";

/// `GET /console/payments`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let now = app.now();
    if let Some(address) = elsewhere(&app, asked.q.trim()).await? {
        return Ok(Redirect::to(&address).into_response());
    }
    let page = paging::page(&asked.older, &asked.newer);
    let (slice, problem) = match asked.read(now) {
        Ok(wanted) => (store::payments(&app.db, &wanted, &page).await?, None),
        Err(problem) => (Slice { items: Vec::new(), has_more: false }, Some(problem)),
    };
    if let ([only], true) = (slice.items.as_slice(), is_id(&asked.q)) {
        return Ok(Redirect::to(&format!("/console/payments/{}", only.id)).into_response());
    }
    let view = Payments {
        frame: who.frame("Payments", Place::Payments, now),
        statuses: choices(&STATUSES, &asked.status),
        modes: choices(&MODES, &asked.mode),
        merchants: choices(&store::merchants(&app.db).await?, &asked.merchant),
        problem,
        pager: paging::pager("/console/payments", &asked.kept(), &page, &slice, |row| row.id.to_string()),
        rows: slice.items.into_iter().map(row).collect(),
        asked,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// Whoever types a whole id wants the payment, not a list of one.
fn is_id(typed: &str) -> bool {
    let typed = typed.trim();
    PaymentId::parse(typed).is_ok()
        || SessionId::parse(typed).is_ok()
        || PaymentOrderId::parse(typed).is_ok()
        || AttemptId::parse(typed).is_ok()
        || RefundId::parse(typed).is_ok()
}

/// Where what has a page of its own is shown; a payout belongs to no payment at all.
async fn elsewhere(app: &App, typed: &str) -> Result<Option<String>, Refusal> {
    if let Ok(id) = DisputeId::parse(typed) {
        let found = disputes::find(&app.db, &id).await?;
        return Ok(found.map(|dispute| format!("/console/disputes/{}", dispute.id)));
    }
    if let Ok(id) = PayoutId::parse(typed) {
        return Ok(payouts::find(&app.db, &id).await?.map(|payout| format!("/console/payouts/{}", payout.id)));
    }
    Ok(None)
}

fn row(row: store::PaymentRow) -> PaymentRow {
    let status = match row.attempt.as_deref() {
        Some(state @ ("unknown" | "action_required")) if row.status == "processing" => chips::payment(state),
        _ => chips::payment(&row.status),
    };
    let card = [row.card_brand, row.card_last4].into_iter().flatten().collect::<Vec<_>>().join(" ");
    PaymentRow {
        short: short(row.id.as_str()),
        id: row.id.to_string(),
        mode: row.mode.into(),
        status,
        amount: row.amount.map_or_else(|| Sum::text("?", ""), Sum::of),
        merchant: row.merchant,
        reference: row.reference.unwrap_or_default(),
        shopper: row.shopper.unwrap_or_default(),
        psp: row.psp.unwrap_or_default(),
        card,
        opened: Moment::of(row.opened_at),
    }
}

/// The kind and the last letters of an id: the first letters are the time, and nearly the same in neighbouring rows.
fn short(id: &str) -> String {
    match (id.split_once('_'), id.get(id.len().saturating_sub(8)..)) {
        (Some((kind, _)), Some(end)) => format!("{kind}_\u{2026}{end}"),
        _ => id.to_owned(),
    }
}

struct PaymentRow {
    id: String,
    short: String,
    mode: ModeTag,
    status: Chip,
    amount: Sum,
    merchant: String,
    reference: String,
    shopper: String,
    psp: String,
    card: String,
    opened: Moment,
}

const STATUSES: [(&str, &str); 8] = [
    ("requires_payment", "Not paid yet"),
    ("processing", "Processing"),
    ("unknown", "Outcome unknown"),
    ("authorized", "Authorized"),
    ("succeeded", "Paid"),
    ("failed", "Failed"),
    ("canceled", "Canceled"),
    ("expired", "Expired"),
];
/// The choice between live, test and both.
pub(super) const MODES: [(&str, &str); 2] = [("live", "Live only"), ("test", "Test only")];

impl Payments {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let rows = [
            ("succeeded", "15000", "KRW", false, "order-1042", "jiwoo@example.com", "simulator", "visa 4242"),
            ("processing", "1284500", "KRW", false, "order-1041", "min@example.com", "simulator", "mastercard 4444"),
            (
                "unknown",
                "249.90",
                "USD",
                true,
                "A-<script>alert(1)</script>",
                "\"><img src=x onerror=alert(1)>@example.com",
                "simulator",
                "visa 0077",
            ),
            (
                "failed",
                "12.50",
                "USD",
                true,
                "order-1039 with a very long reference of the merchant's own",
                "somebody.with.a.long.name@company.example.com",
                "simulator",
                "visa 0002",
            ),
            ("requires_payment", "1.234", "KWD", true, "", "", "", ""),
            ("expired", "99000", "JPY", false, "order-1037", "", "", ""),
        ];
        Self {
            frame: Frame::sample("Payments", Place::Payments),
            asked: Asked { q: "order-10".into(), ..Asked::default() },
            statuses: choices(&STATUSES, "succeeded"),
            modes: choices(&MODES, ""),
            merchants: choices(&[("mrc_1", "Hangang Market"), ("mrc_2", "Second & Sons <Ltd>")], ""),
            problem: Some("\"2026-13-01\" is not a date; write it as 2026-12-31.".into()),
            rows: rows
                .iter()
                .enumerate()
                .map(|(index, row)| PaymentRow {
                    id: format!("pay_01jq8w3k5n7p9r2t4v6x8z0a{index}c"),
                    short: format!("pay_…6x8z0a{index}c"),
                    mode: ModeTag { live: row.3 },
                    status: chips::payment(row.0),
                    amount: Sum::text(row.1, row.2),
                    merchant: "Hangang Market".into(),
                    reference: row.4.into(),
                    shopper: row.5.into(),
                    psp: row.6.into(),
                    card: row.7.into(),
                    opened: Moment::of(sample_time(i64::try_from(index).unwrap_or(0).saturating_mul(-271_000))),
                })
                .collect(),
            pager: Pager { newer: None, older: Some("/console/payments?older=pay_x".into()) },
        }
    }
}
