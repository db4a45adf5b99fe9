//! One seller: what they have, where they are paid out to, whether somebody has checked it, and what their schedule did.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::components::{Chip, Choice, Fact, ModeTag, Moment, choices, signed};
use super::form::PostedWith;
use super::frame::{self, Frame, Place};
use super::once::Once;
use super::payouts::{PayoutLine, row};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::{chips, store};
use crate::app::App;
use crate::db::Db;
use crate::merchants::{self, sellers, sellers::Verification};
use crate::operators::{NewEntry, record};
use crate::payouts::{self, AskError, NewPayout};
use crate::wallets::{self, Wallet, WalletError};
use crate::words::{Currency, Page, SellerId};

const REASON: usize = 200;

/// What the last click did not do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    refused: String,
}

/// `GET /console/sellers/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(refused): Query<Refused>,
) -> Result<Response, Refusal> {
    let seller = found(&app.db, &id).await?;
    let tenant = &seller.tenant;
    let merchant = merchants::get(&app.db, &tenant.merchant).await?.map_or_else(String::new, |merchant| merchant.name);
    let wallets = wallets::of_seller(&app.db, tenant, &seller.id).await?;
    let latest = store::payouts(&app.db, None, None, ("\u{1}", seller.id.as_str()), &Page::newest(20)).await?;
    let turns = store::turns(&app.db, tenant, &seller.id).await?;
    let mut frame = who.frame(seller.name.as_str(), Place::Sellers, app.now());
    frame.notice = said(&refused.refused).map(|why| format!("Nothing was done: {why}"));
    let view = Seller {
        frame,
        id: seller.id.to_string(),
        name: seller.name.clone(),
        mode: tenant.mode.into(),
        verification: chips::verification(seller.verification.as_str()),
        states: choices(&states(), seller.verification.as_str()),
        version: seller.destination.as_ref().map_or(0, |to| to.version),
        failure: seller.destination.as_ref().and_then(|to| to.failure.as_ref()).map(failed),
        facts: facts(&seller, &merchant),
        schedule: schedule(&seller.payout_schedule),
        wallets: wallets.iter().map(wallet).collect(),
        currencies: currencies(&wallets),
        verify_once: Once::word(),
        payout_once: Once::word(),
        payouts: latest.items.into_iter().map(row).collect(),
        turns: turns.into_iter().map(turn).collect(),
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// The words for a refusal that a redirect names.
fn said(code: &str) -> Option<&'static str> {
    Some(match code {
        "reason" => "a reason has at most 200 characters and no control characters.",
        "changed" => "the destination has changed since the page was made, or there is none. Look again.",
        "amount" => "write the amount with exactly the decimals of its currency, above zero.",
        "balance" => "the seller has less than that available.",
        "closed" => "this seller may not be paid out now: see the verification and the destination.",
        "again" => "this form was sent before. What it asked for stands below.",
        "provider" => "no payout provider is configured for this mode.",
        _ => return None,
    })
}

fn states() -> Vec<(&'static str, String)> {
    let word = |state: Verification| chips::verification(state.as_str()).label().to_owned();
    Verification::ALL.into_iter().map(|state| (state.as_str(), word(state))).collect()
}

fn facts(seller: &sellers::Seller, merchant: &str) -> Vec<Fact> {
    let to = match &seller.destination {
        None => "none".to_owned(),
        Some(to) => {
            let told =
                [to.bank_name.as_deref(), to.last4.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            if told.is_empty() { "a token without a name".to_owned() } else { told }
        }
    };
    let mut facts = vec![Fact::words("Merchant", merchant), Fact::words("Payout destination", to)];
    if let Some(at) = seller.verified_at {
        facts.push(Fact::words("Verified", Moment::of(at).text()));
    }
    if let Some(until) = seller.destination.as_ref().and_then(|to| to.held_until) {
        facts.push(Fact::words("Payouts wait until", Moment::of(until).text()));
    }
    facts
}

fn failed(failure: &sellers::DestinationFailure) -> String {
    format!("{}, since {}", failure.code, Moment::of(failure.at).text())
}

/// A schedule as named values, as it is stored.
fn schedule(value: &serde_json::Value) -> Vec<(String, String)> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.replace('_', " "), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

fn currencies(wallets: &[Wallet]) -> Vec<Choice> {
    let codes: Vec<(&str, &str)> =
        wallets.iter().map(|wallet| (wallet.currency.code(), wallet.currency.code())).collect();
    choices(&codes, "")
}

fn wallet(wallet: &Wallet) -> Balances {
    let shown = |minor| signed(minor, wallet.currency);
    Balances {
        currency: wallet.currency.code(),
        pending: shown(wallet.pending),
        available: shown(wallet.available),
        paying_out: shown(wallet.paying_out),
        reserved: shown(wallet.reserved),
    }
}

fn turn(row: store::TurnRow) -> TurnLine {
    TurnLine {
        period: row.period,
        currency: row.currency.code(),
        available: signed(row.available, row.currency),
        payable: signed(row.payable, row.currency),
        outcome: row.outcome.replace('_', " "),
        payout: row.payout,
    }
}

/// What was checked, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Checked {
    state: String,
    version: String,
    reason: String,
    /// Of the form as it was shown: what was said since is not said back by a second click.
    once: String,
}

/// `POST /console/sellers/{id}/verification`
pub async fn verify(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Checked>,
) -> Result<Response, Refusal> {
    let seller = found(&app.db, &id).await?;
    let (Some(state), Ok(version)) = (Verification::parse(&typed.state), typed.version.parse::<i64>()) else {
        return Ok(back(&seller.id, "?refused=changed"));
    };
    let reason = typed.reason.trim();
    if reason.chars().count() > REASON || reason.chars().any(char::is_control) {
        return Ok(back(&seller.id, "?refused=reason"));
    }
    let now = app.now();
    // Without a destination there is no version to hold the click against.
    let version = seller.destination.as_ref().map(|_| version);
    let mut tx = app.db.begin().await?;
    let (path, asked) = (format!("/console/sellers/{}/verification", seller.id), json!([typed.state, version, reason]));
    let Some(once) = Once::begin(&mut tx, &seller.tenant, &typed.once, &path, &asked, now).await? else {
        return Ok(back(&seller.id, "?refused=again"));
    };
    if !sellers::set_verification(&mut tx, &seller.tenant, &seller.id, state, version, now).await? {
        return Ok(back(&seller.id, "?refused=changed"));
    }
    let entry = NewEntry::new("seller.verification", &who.address, now).by(&who.operator.id).about(seller.id.as_str());
    let note = format!("{} {reason}", state.as_str()).trim_end().to_owned();
    record(&mut tx, &NewEntry { note, ..entry }).await?;
    once.end(&mut tx, &seller.tenant, seller.id.as_str()).await?;
    tx.commit().await?;
    Ok(back(&seller.id, ""))
}

/// A payout, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    amount: String,
    currency: String,
    /// Of the form as it was shown, so that a second click is not a second payout.
    once: String,
}

/// `POST /console/sellers/{id}/payouts`
pub async fn pay_out(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Wanted>,
) -> Result<Response, Refusal> {
    let seller = found(&app.db, &id).await?;
    let Ok(currency) = Currency::parse(&typed.currency) else { return Ok(back(&seller.id, "?refused=amount")) };
    let now = app.now();
    let new = NewPayout {
        seller: seller.id.clone(),
        amount: typed.amount.trim().to_owned(),
        currency,
        metadata: json!({}),
        period: None,
        asked_by: who.operator.id.to_string(),
    };
    let mut tx = app.db.begin().await?;
    let (path, asked) = (format!("/console/sellers/{}/payouts", seller.id), json!([typed.amount, typed.currency]));
    let Some(once) = Once::begin(&mut tx, &seller.tenant, &typed.once, &path, &asked, now).await? else {
        return Ok(back(&seller.id, "?refused=again"));
    };
    let payout = match payouts::ask(&app, &mut tx, &seller.tenant, new, now).await {
        Ok(payout) => payout,
        Err(AskError::BadAmount(_)) => return Ok(back(&seller.id, "?refused=amount")),
        Err(AskError::Closed(_)) => return Ok(back(&seller.id, "?refused=closed")),
        Err(AskError::NoProvider(_)) => return Ok(back(&seller.id, "?refused=provider")),
        Err(AskError::Books(WalletError::NotEnough { .. })) => return Ok(back(&seller.id, "?refused=balance")),
        Err(error) => return Err(Refusal::broken(&error)),
    };
    let entry = NewEntry::new("payout.create", &who.address, now).by(&who.operator.id).about(payout.id.as_str());
    let note = format!("{} {} to {}", payout.amount, currency.code(), seller.id);
    record(&mut tx, &NewEntry { note, ..entry }).await?;
    once.end(&mut tx, &seller.tenant, payout.id.as_str()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(Redirect::to(&format!("/console/payouts/{}", payout.id)).into_response())
}

fn back(id: &SellerId, query: &str) -> Response {
    Redirect::to(&format!("/console/sellers/{id}{query}")).into_response()
}

pub(super) async fn found(db: &Db, id: &str) -> Result<sellers::Seller, Refusal> {
    let id = SellerId::parse(id).map_err(|_| Refusal::NotFound("seller"))?;
    sellers::find(db, &id).await?.ok_or(Refusal::NotFound("seller"))
}

/// The page.
#[derive(Template)]
#[template(path = "console/seller.html")]
pub struct Seller {
    frame: Frame,
    id: String,
    name: String,
    mode: ModeTag,
    verification: Chip,
    states: Vec<Choice>,
    version: i64,
    /// Why nothing is paid out to the destination.
    failure: Option<String>,
    facts: Vec<Fact>,
    schedule: Vec<(String, String)>,
    wallets: Vec<Balances>,
    currencies: Vec<Choice>,
    /// Each form acts once.
    verify_once: String,
    payout_once: String,
    payouts: Vec<PayoutLine>,
    turns: Vec<TurnLine>,
}

struct Balances {
    currency: &'static str,
    pending: String,
    available: String,
    paying_out: String,
    reserved: String,
}

struct TurnLine {
    period: String,
    currency: &'static str,
    available: String,
    payable: String,
    outcome: String,
    payout: Option<String>,
}

impl Seller {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            frame: Frame::sample("Namsan Books", Place::Sellers),
            id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            name: "Namsan Books <script>alert(1)</script>".into(),
            mode: ModeTag { live: true },
            verification: chips::verification("pending"),
            states: choices(&states(), "pending"),
            version: 2,
            failure: Some("account_closed <b>".into()),
            facts: vec![Fact::words("Payout destination", "Hangang Bank <b> 6789")],
            schedule: vec![("interval".into(), "weekly".into()), ("weekday".into(), "friday".into())],
            wallets: vec![Balances {
                currency: "KRW",
                pending: "8,730".into(),
                available: "1,204,400".into(),
                paying_out: "0".into(),
                reserved: "0".into(),
            }],
            currencies: choices(&[("KRW", "KRW")], ""),
            verify_once: "sample".into(),
            payout_once: "sample".into(),
            payouts: vec![PayoutLine::sample()],
            turns: vec![TurnLine {
                period: "2026-02-28".into(),
                currency: "KRW",
                available: "900".into(),
                payable: "0".into(),
                outcome: "below minimum".into(),
                payout: Some("out_01jq8w3k5n7p9r2t4v6x8z0a1b".into()),
            }],
        }
    }
}
