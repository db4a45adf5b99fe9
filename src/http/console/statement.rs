//! What happened to one seller's money in a stretch of time.

use std::time::Duration;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Choice, ModeTag, Moment, choices, signed};
use super::frame::{self, Frame, Place, sample_time};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::store;
use crate::app::App;
use crate::http::files;
use crate::ledger::statements::{self, Period, Pockets};
use crate::wallets;
use crate::words::{Currency, JournalId, SellerId, Tenant, Timestamp};

/// Lines of one page; the file has all.
const LINES: u32 = 200;
const DAY: Duration = Duration::from_hours(24);
/// The stretch when nothing is said, and the longest.
const USUAL: Duration = Duration::from_hours(24 * 30);
const LONGEST: Duration = Duration::from_hours(24 * 400);

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    currency: String,
    from: String,
    to: String,
    /// The journal of the last line of the page before.
    after: String,
}

/// Whose statement, and what can be chosen.
struct Found {
    tenant: Tenant,
    name: String,
    period: Period,
    currencies: Vec<String>,
    problem: Option<String>,
}

async fn found(app: &App, id: &str, asked: &Asked) -> Result<Found, Refusal> {
    let seller = SellerId::parse(id).map_err(|_| Refusal::NotFound("seller"))?;
    let (tenant, name) = store::seller(&app.db, &seller).await?.ok_or(Refusal::NotFound("seller"))?;
    let wallets = wallets::of_seller(&app.db, &tenant, &seller).await?;
    let first = wallets.first().map(|wallet| wallet.currency);
    let currency = Currency::parse(&asked.currency).ok().or(first).or_else(|| Currency::parse("USD").ok());
    let currency = currency.ok_or(Refusal::NotFound("currency"))?;
    let day = |text: &str| Timestamp::parse(&format!("{}T00:00:00Z", text.chars().take(20).collect::<String>()));
    let to = day(&asked.to).map_or_else(|| app.now().plus(Duration::from_micros(1)), |day| day.plus(DAY));
    let from = day(&asked.from).unwrap_or_else(|| to.minus(USUAL));
    let fits = from < to && to.since(from) <= LONGEST;
    let problem =
        (!fits).then(|| "A statement begins before it ends and covers at most 400 days; this one is cut.".to_owned());
    let from = if fits { from } else { to.minus(USUAL) };
    let period = Period { seller, currency, from, to };
    let currencies = wallets.iter().map(|wallet| wallet.currency.code().to_owned()).collect();
    Ok(Found { tenant, name, period, currencies, problem })
}

/// `GET /console/sellers/{id}/statement`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let Found { tenant, name, period, currencies, problem } = found(&app, &id, &asked).await?;
    let after = JournalId::parse(&asked.after).ok();
    let mut snapshot = app.db.snapshot().await?;
    let summary = statements::summary(&mut snapshot, &tenant, &period).await?;
    let slice = statements::entries(&mut snapshot, &tenant, &period, after.as_ref(), LINES).await?;
    let currency = period.currency;
    let pairs: Vec<_> = currencies.iter().map(|code| (code, code)).collect();
    let next = slice.onward().map(|last| link(&period, &asked, "statement", Some(&last.journal)));
    let view = Statement {
        frame: who.frame(format!("Statement of {name}"), Place::Wallets, app.now()),
        seller: name,
        seller_id: period.seller.to_string(),
        mode: tenant.mode.into(),
        currencies: choices(&pairs, currency.code()),
        currency: currency.code().to_owned(),
        from: asked.from.clone(),
        to: asked.to.clone(),
        problem,
        begins: Moment::of(period.from),
        ends: Moment::of(period.to),
        opening: columns(summary.opening, currency),
        closing: columns(summary.closing, currency),
        unexplained: (!summary.unexplained.is_nothing()).then(|| columns(summary.unexplained, currency)),
        rows: slice
            .items
            .iter()
            .map(|entry| Row {
                at: Moment::of(entry.created_at),
                kind: entry.kind.clone(),
                source: entry.source_id.clone(),
                payment: entry.payment.as_ref().map(ToString::to_string),
                columns: columns(entry.change, currency),
            })
            .collect(),
        payouts: summary
            .payouts
            .iter()
            .map(|payout| Payout {
                id: payout.source_id.clone(),
                at: Moment::of(payout.asked_at),
                carried: signed(payout.carried, currency),
                lines: signed(payout.lines, currency),
                amount: signed(payout.amount, currency),
                remainder: signed(payout.remainder, currency),
            })
            .collect(),
        next,
        file: link(&period, &asked, "statement.csv", None),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// `GET /console/sellers/{id}/statement.csv`
pub async fn file(
    State(app): State<App>,
    _who: SignedIn,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Refusal> {
    let found = found(&app, &id, &asked).await?;
    Ok(files::statement(&app, &found.tenant, &found.period).await?)
}

fn link(period: &Period, asked: &Asked, page: &str, after: Option<&JournalId>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(format!("/console/sellers/{}/{page}?", period.seller));
    query.append_pair("currency", period.currency.code()).append_pair("from", &asked.from).append_pair("to", &asked.to);
    if let Some(after) = after {
        query.append_pair("after", after.as_str());
    }
    query.finish()
}

fn columns(pockets: Pockets, currency: Currency) -> [String; 5] {
    let text = |minor| signed(minor, currency);
    let total = pockets.total().map(text).unwrap_or_default();
    [text(pockets.pending), text(pockets.available), text(pockets.paying_out), text(pockets.reserved), total]
}

/// The page.
#[derive(Template)]
#[template(path = "console/statement.html")]
pub struct Statement {
    frame: Frame,
    seller: String,
    seller_id: String,
    mode: ModeTag,
    currencies: Vec<Choice>,
    currency: String,
    from: String,
    to: String,
    problem: Option<String>,
    begins: Moment,
    ends: Moment,
    opening: [String; 5],
    closing: [String; 5],
    unexplained: Option<[String; 5]>,
    rows: Vec<Row>,
    payouts: Vec<Payout>,
    next: Option<String>,
    file: String,
}

struct Row {
    at: Moment,
    kind: String,
    source: String,
    payment: Option<String>,
    columns: [String; 5],
}

struct Payout {
    id: String,
    at: Moment,
    carried: String,
    lines: String,
    amount: String,
    remainder: String,
}

impl Statement {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let columns = |pending: &str, total: &str| [pending, "0", "0", "0", total].map(ToOwned::to_owned);
        Self {
            frame: Frame::sample("Statement of Hangang Tea", Place::Wallets),
            seller: "Hangang Tea <script>alert(1)</script>".into(),
            seller_id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            mode: ModeTag { live: false },
            currencies: choices(&[("KRW", "KRW"), ("USD", "USD")], "KRW"),
            currency: "KRW".into(),
            from: "2026-10-01".into(),
            to: "2026-10-31".into(),
            problem: Some("A statement begins before it ends.".into()),
            begins: Moment::of(sample_time(0)),
            ends: Moment::of(sample_time(86_400_000)),
            opening: columns("970", "970"),
            closing: columns("1,470", "1,470"),
            unexplained: Some(columns("1", "1")),
            rows: vec![Row {
                at: Moment::of(sample_time(500)),
                kind: "sale".into(),
                source: "po_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                payment: Some("pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into()),
                columns: columns("500", "500"),
            }],
            payouts: vec![Payout {
                id: "out_1".into(),
                at: Moment::of(sample_time(900)),
                carried: "0".into(),
                lines: "970".into(),
                amount: "900".into(),
                remainder: "70".into(),
            }],
            next: Some("/console/sellers/sel_1/statement?after=jrn_1".into()),
            file: "/console/sellers/sel_1/statement.csv".into(),
        }
    }
}
