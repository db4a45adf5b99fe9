//! The trial balance of one merchant in one mode, now or at an instant.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Choice, choices, grouped};
use super::frame::{self, Frame, Place};
use super::payments::{MODES, mode};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::store;
use crate::app::App;
use crate::db::DbError;
use crate::http::files;
use crate::ledger::balances::totals;
use crate::ledger::{self, BalanceFilter};
use crate::words::{MerchantId, Mode, Tenant, Timestamp};

/// Accounts of one page; the file has all.
const ROWS: u32 = 200;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    merchant: String,
    mode: String,
    /// A day, at its end; or an instant.
    at: String,
}

impl Asked {
    /// The first merchant, in live mode, unless told.
    async fn tenant(&self, app: &App) -> Result<(Vec<(String, String)>, Option<Tenant>), DbError> {
        let merchants = store::merchants(&app.db).await?;
        let chosen =
            if self.merchant.is_empty() { merchants.first().map(|(id, _)| id.as_str()) } else { Some(&*self.merchant) };
        let chosen = chosen.and_then(|id| MerchantId::parse(id).ok());
        let mode = mode(&self.mode).unwrap_or(Mode::Test);
        Ok((merchants, chosen.map(|merchant| Tenant::new(merchant, mode))))
    }

    fn instant(&self, now: Timestamp) -> Result<Timestamp, String> {
        if self.at.is_empty() {
            return Ok(now);
        }
        let typed: String = self.at.chars().take(40).collect();
        let end = Timestamp::parse(&format!("{typed}T23:59:59.999999Z"));
        end.or_else(|| Timestamp::parse(&typed)).ok_or(format!("\"{typed}\" is not a date; write it as 2026-12-31."))
    }
}

/// `GET /console/trial-balance`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let now = app.now();
    let (merchants, tenant) = asked.tenant(&app).await?;
    let mut view = TrialBalance {
        frame: who.frame("Trial balance", Place::TrialBalance, now),
        chosen: tenant.as_ref().map(|tenant| tenant.merchant.to_string()).unwrap_or_default(),
        merchants: Vec::new(),
        modes: choices(&MODES, tenant.as_ref().map_or("", |tenant| tenant.mode.as_str())),
        at: asked.at.clone(),
        problem: None,
        rows: Vec::new(),
        totals: Vec::new(),
        more: false,
        file: String::new(),
    };
    view.merchants = choices(&merchants, &view.chosen);
    match (asked.instant(now), &tenant) {
        (Err(problem), _) => view.problem = Some(problem),
        (Ok(at), Some(tenant)) => fill(&app, tenant, at, &mut view).await?,
        (Ok(_), None) => {}
    }
    Ok(frame::show(StatusCode::OK, &view))
}

async fn fill(app: &App, tenant: &Tenant, at: Timestamp, view: &mut TrialBalance) -> Result<(), DbError> {
    let filter = BalanceFilter { at: Some(at), ..BalanceFilter::default() };
    let mut snapshot = app.db.snapshot().await?;
    let slice = ledger::balances(&mut snapshot, tenant, &filter, ROWS).await?;
    view.more = slice.has_more;
    view.rows = slice
        .items
        .iter()
        .map(|balance| {
            let columns = ledger::columns(balance);
            let shown = |amount: String, other: &str| if amount == other { String::new() } else { grouped(&amount) };
            let nothing = ledger::minor_text(0, balance.currency);
            Row {
                account: balance.account.clone(),
                currency: balance.currency.code().to_owned(),
                debit: shown(columns.debit, &nothing),
                credit: shown(columns.credit, &nothing),
            }
        })
        .collect();
    view.totals = totals(&mut snapshot, tenant, Some(at))
        .await?
        .into_iter()
        .map(|total| Total {
            currency: total.currency.code().to_owned(),
            debit: grouped(&ledger::minor_text(total.debit, total.currency)),
            credit: grouped(&ledger::minor_text(total.credit, total.currency)),
            balanced: total.debit == total.credit,
        })
        .collect();
    let mut query = url::form_urlencoded::Serializer::new(String::from("/console/trial-balance.csv?"));
    query.append_pair("merchant", tenant.merchant.as_str()).append_pair("mode", tenant.mode.as_str());
    query.append_pair("at", &at.to_string());
    view.file = query.finish();
    Ok(())
}

/// `GET /console/trial-balance.csv`
pub async fn file(State(app): State<App>, _who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let (_, tenant) = asked.tenant(&app).await?;
    let tenant = tenant.ok_or(Refusal::NotFound("merchant"))?;
    let at = asked.instant(app.now()).map_err(|_| Refusal::NotFound("instant"))?;
    Ok(files::trial_balance(&app, &tenant, at).await?)
}

/// The page.
#[derive(Template)]
#[template(path = "console/trial_balance.html")]
pub struct TrialBalance {
    frame: Frame,
    chosen: String,
    merchants: Vec<Choice>,
    modes: Vec<Choice>,
    at: String,
    problem: Option<String>,
    rows: Vec<Row>,
    totals: Vec<Total>,
    more: bool,
    file: String,
}

struct Row {
    account: String,
    currency: String,
    debit: String,
    credit: String,
}

struct Total {
    currency: String,
    debit: String,
    credit: String,
    balanced: bool,
}

impl TrialBalance {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let row = |account: &str, debit: &str, credit: &str| Row {
            account: account.into(),
            currency: "KRW".into(),
            debit: debit.into(),
            credit: credit.into(),
        };
        Self {
            frame: Frame::sample("Trial balance", Place::TrialBalance),
            chosen: "mrc_1".into(),
            merchants: choices(&[("mrc_1", "Hangang Market"), ("mrc_2", "Second & Sons <Ltd>")], "mrc_1"),
            modes: choices(&MODES, "test"),
            at: "2026-10-31".into(),
            problem: Some("\"<b>\" is not a date; write it as 2026-12-31.".into()),
            rows: vec![
                row("fees:platform", "", "30"),
                row("psp:simulator", "1,000", ""),
                row("suspense<script>alert(1)</script>", "", "970"),
            ],
            totals: vec![Total {
                currency: "KRW".into(),
                debit: "1,000".into(),
                credit: "1,000".into(),
                balanced: true,
            }],
            more: true,
            file: "/console/trial-balance.csv?merchant=mrc_1".into(),
        }
    }
}
