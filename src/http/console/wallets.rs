//! What each seller is owed.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::components::{Choice, ModeTag, Pager, choices, signed};
use super::frame::{self, Frame, Place};
use super::payments::{MODES, mode};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::{search, store};
use crate::app::App;

/// Rows of one page.
const ROWS: usize = 50;

/// What the reader asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    mode: String,
    /// The last row of the page before: a seller and a currency.
    seller: String,
    currency: String,
}

/// `GET /console/wallets`
pub async fn show(State(app): State<App>, who: SignedIn, Query(asked): Query<Asked>) -> Result<Response, Refusal> {
    let terms = search::read(&asked.q);
    let words = terms.as_ref().map_or(("", ""), |terms| (terms.words.as_str(), terms.id.as_str()));
    let after = Some((asked.seller.as_str(), asked.currency.as_str())).filter(|(seller, _)| !seller.is_empty());
    let mut rows = store::wallets(&app.db, words, mode(&asked.mode), after, 51).await?;
    let more = rows.len() > ROWS;
    rows.truncate(ROWS);
    let older = rows.last().filter(|_| more).map(|last| {
        let mut query = url::form_urlencoded::Serializer::new(String::from("/console/wallets?"));
        query.append_pair("q", &asked.q).append_pair("mode", &asked.mode);
        query.append_pair("seller", &last.seller_id).append_pair("currency", last.currency.code());
        query.finish()
    });
    let newer = after.is_some().then(|| "/console/wallets".to_owned());
    let view = Wallets {
        frame: who.frame("Wallets", Place::Wallets, app.now()),
        modes: choices(&MODES, &asked.mode),
        rows: rows.into_iter().map(row).collect(),
        pager: Pager { newer, older },
        q: asked.q,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

fn row(row: store::WalletRow) -> WalletRow {
    WalletRow {
        seller: row.seller,
        seller_id: row.seller_id,
        mode: row.mode.into(),
        merchant: row.merchant,
        currency: row.currency.code().to_owned(),
        pending: signed(row.pending, row.currency),
        available: signed(row.available, row.currency),
        paying_out: signed(row.paying_out, row.currency),
        reserved: signed(row.reserved, row.currency),
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/wallets.html")]
pub struct Wallets {
    frame: Frame,
    q: String,
    modes: Vec<Choice>,
    rows: Vec<WalletRow>,
    pager: Pager,
}

struct WalletRow {
    seller: String,
    seller_id: String,
    mode: ModeTag,
    merchant: String,
    currency: String,
    pending: String,
    available: String,
    paying_out: String,
    reserved: String,
}

impl Wallets {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let row = |seller: &str, currency: &str, live, pending: &str, available: &str| WalletRow {
            seller: seller.into(),
            seller_id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            mode: ModeTag { live },
            merchant: "Hangang Market".into(),
            currency: currency.into(),
            pending: pending.into(),
            available: available.into(),
            paying_out: "0".into(),
            reserved: "0".into(),
        };
        Self {
            frame: Frame::sample("Wallets", Place::Wallets),
            q: String::new(),
            modes: choices(&MODES, ""),
            rows: vec![
                row("Hangang Tea", "KRW", true, "8,730", "1,204,400"),
                row("Hangang Tea", "USD", true, "120.00", "\u{2212}12.50"),
                row("Namsan Books <script>alert(1)</script>", "KRW", false, "6,000", "0"),
            ],
            pager: Pager::default(),
        }
    }
}
