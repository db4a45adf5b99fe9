//! One payout's whole story on one page, and the second person's word where one is needed.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::components::{Chip, Fact, ModeTag, Moment, Sum, Tone, signed};
use super::form::Posted;
use super::frame::{self, Frame, Place, sample_time};
use super::payment::Journal;
use super::refusal::Refusal;
use super::session::SignedIn;
use super::story::{Happening, Lane, StoryMoment, in_order};
use super::{chips, store, telling};
use crate::app::App;
use crate::merchants::{self, sellers};
use crate::operators::{NewEntry, known_as, record};
use crate::payouts::calls::{self, PayoutCall};
use crate::payouts::{self, DecideError, PayoutStatus};
use crate::wallets::{self, Wallet};
use crate::words::{Currency, PayoutId, Timestamp};
use crate::{db, events, ledger};

/// What the last click did not do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    refused: String,
}

/// `GET /console/payouts/{id}`
pub async fn show(
    State(app): State<App>,
    who: SignedIn,
    Path(id): Path<String>,
    Query(refused): Query<Refused>,
) -> Result<Response, Refusal> {
    let payout = found(&app.db, &id).await?;
    let tenant = &payout.tenant;
    let seller = sellers::get(&app.db, tenant, &payout.seller).await?;
    let seller = seller.map_or_else(|| payout.seller.to_string(), |seller| seller.name);
    let merchant = merchants::get(&app.db, &tenant.merchant).await?.map_or_else(String::new, |merchant| merchant.name);
    let (happenings, journals) = told(&app, &payout).await?;
    let names = HashMap::from([(payout.seller.to_string(), seller.clone())]);
    let amount = Sum::of(payout.amount);
    let mut frame = who.frame(format!("Payout of {}", amount.plain()), Place::Payouts, app.now());
    frame.notice = match refused.refused.as_str() {
        "person" => Some("Nothing was done: whoever asked for a payout may not approve it.".to_owned()),
        "ordered" => Some(format!("Nothing was done: {}.", DecideError::TooLate(payout.status.as_str()))),
        "late" => Some("Nothing was done: it no longer waits for approval.".to_owned()),
        _ => None,
    };
    let mut facts = facts(&payout, &merchant, &known_as(&app.db, &payout.asked_by).await?);
    if payout.status.is_open() {
        facts.extend(debt(&wallets::of_seller(&app.db, tenant, &payout.seller).await?, payout.amount.currency()));
    }
    let view = Payout {
        frame,
        id: payout.id.to_string(),
        seller_id: payout.seller.to_string(),
        status: chips::payout(payout.status.as_str()),
        mode: tenant.mode.into(),
        waits: payout.status == PayoutStatus::NeedsApproval,
        may_be_canceled: matches!(payout.status, PayoutStatus::NeedsApproval | PayoutStatus::Pending),
        own: payout.asked_by == who.operator.id.as_str(),
        facts,
        journals: journals.iter().map(|journal| telling::journal(journal, &names)).collect(),
        moments: in_order(happenings),
        seller,
        amount,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// Everything that happened to a payout, and the journals that it made.
pub(super) async fn told(
    app: &App,
    payout: &payouts::Payout,
) -> Result<(Vec<Happening>, Vec<ledger::Journal>), Refusal> {
    let tenant = &payout.tenant;
    let calls = calls::of_payout(&app.db, &payout.id).await?;
    let told = events::of_object(&app.db, tenant, payout.id.as_str()).await?;
    let journals = store::journals_of_payout(&app.db, tenant, &payout.id).await?;
    let mut happenings: Vec<Happening> = calls.iter().flat_map(call).collect();
    happenings.extend(told.iter().map(|event| Happening::new(event.created_at, Lane::Event, event.kind.as_str())));
    happenings
        .extend(journals.iter().map(|journal| Happening::new(journal.created_at, Lane::Ledger, journal.kind.as_str())));
    if let (Some(at), Some(by)) = (payout.decided_at, &payout.decided_by) {
        let word = if payout.status == PayoutStatus::Canceled { "Refused by a person" } else { "Approved by a person" };
        let who = known_as(&app.db, by.as_str()).await?;
        happenings.push(Happening::new(at, Lane::Payment, word).detail(who));
    }
    Ok((happenings, journals))
}

/// What people copy and read out.
pub(super) fn facts(payout: &payouts::Payout, merchant: &str, asked_by: &str) -> Vec<Fact> {
    let to = [payout.bank_name.as_deref(), payout.last4.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut facts = vec![
        Fact::words("Merchant", merchant),
        Fact::words("To", if to.is_empty() { "a token without a name" } else { to.as_str() }),
        Fact::words("Provider", payout.provider.as_str()),
        Fact::words("Asked by", asked_by),
        Fact::words("Asked", Moment::of(payout.created_at).text()),
    ];
    let moments = [
        ("Ordered", payout.sent_at),
        ("Last word of the provider", payout.seen_at),
        ("Ended", payout.settled_at),
        ("Came back", payout.returned_at),
    ];
    facts.extend(moments.into_iter().filter_map(|(name, at)| Some(Fact::words(name, Moment::of(at?).text()))));
    let texts = [
        ("Schedule of", &payout.period),
        ("Provider's reference", &payout.provider_reference),
        ("Why", &payout.failure_code),
    ];
    facts.extend(texts.into_iter().filter_map(|(name, text)| Some(Fact::words(name, text.as_deref()?))));
    facts
}

/// What the seller owes in this currency: a payout that is not ordered yet fails for it.
fn debt(wallets: &[Wallet], currency: Currency) -> Option<Fact> {
    let wallet = wallets.iter().find(|wallet| wallet.currency == currency && wallet.available < 0)?;
    Some(Fact::words("Seller's balance", signed(wallet.available, currency)))
}

fn call(call: &PayoutCall) -> Vec<Happening> {
    let title = match call.operation.as_str() {
        "payout" => "Order to pay out",
        _ => "Look-up",
    };
    let sent = Happening::new(call.sent_at, Lane::Call, title).detail(format!("{}, key {}", call.provider, call.key));
    let (Some(at), Some(result)) = (call.answered_at, &call.result) else {
        return vec![sent.chip(Chip::new(Tone::Warn, "no answer written down"))];
    };
    let tone = match result.as_str() {
        "paid" => Tone::Good,
        "processing" => Tone::Wait,
        "failed" | "returned" => Tone::Bad,
        _ => Tone::Warn,
    };
    vec![sent, Happening::new(at, Lane::Call, format!("Answer to: {title}")).chip(Chip::new(tone, result.as_str()))]
}

/// `POST /console/payouts/{id}/approve`
pub async fn approve(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    decide(&app, &who, &id, true).await
}

/// `POST /console/payouts/{id}/reject`
pub async fn reject(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    decide(&app, &who, &id, false).await
}

/// `POST /console/payouts/{id}/cancel`
pub async fn cancel(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    let payout = found(&app.db, &id).await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    match payouts::cancel(&mut tx, &payout.tenant, &payout.id, now).await {
        Ok(_) => {}
        Err(DecideError::TooLate(_)) => return Ok(back(&payout.id, "?refused=ordered")),
        Err(DecideError::NotFound) => return Err(Refusal::NotFound("payout")),
        Err(error) => return Err(Refusal::broken(&error)),
    }
    noted(&mut tx, "payout.cancel", &who, &payout, now).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(back(&payout.id, ""))
}

async fn noted(
    tx: &mut db::Tx,
    action: &'static str,
    who: &SignedIn,
    payout: &payouts::Payout,
    now: Timestamp,
) -> Result<(), db::DbError> {
    let entry = NewEntry::new(action, &who.address, now).by(&who.operator.id).about(payout.id.as_str());
    let note = format!("{} to {}", Sum::of(payout.amount).plain(), payout.seller);
    record(tx, &NewEntry { note, ..entry }).await
}

async fn decide(app: &App, who: &SignedIn, id: &str, lets_go: bool) -> Result<Response, Refusal> {
    let payout = found(&app.db, id).await?;
    let (now, by) = (app.now(), &who.operator.id);
    let mut tx = app.db.begin().await?;
    let decided = if lets_go {
        payouts::approve(&mut tx, &payout.id, by, now).await
    } else {
        payouts::reject(&mut tx, &payout.id, by, now).await
    };
    match decided {
        Ok(_) => {}
        Err(DecideError::SamePerson) => return Ok(back(&payout.id, "?refused=person")),
        Err(DecideError::TooLate(_)) => return Ok(back(&payout.id, "?refused=late")),
        Err(DecideError::NotFound) => return Err(Refusal::NotFound("payout")),
        Err(error) => return Err(Refusal::broken(&error)),
    }
    let action = if lets_go { "payout.approve" } else { "payout.reject" };
    noted(&mut tx, action, who, &payout, now).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(back(&payout.id, ""))
}

fn back(id: &PayoutId, query: &str) -> Response {
    Redirect::to(&format!("/console/payouts/{id}{query}")).into_response()
}

async fn found(db: &db::Db, id: &str) -> Result<payouts::Payout, Refusal> {
    let id = PayoutId::parse(id).map_err(|_| Refusal::NotFound("payout"))?;
    payouts::find(db, &id).await?.ok_or(Refusal::NotFound("payout"))
}

/// The page.
#[derive(Template)]
#[template(path = "console/payout.html")]
pub struct Payout {
    frame: Frame,
    id: String,
    seller_id: String,
    seller: String,
    amount: Sum,
    status: Chip,
    mode: ModeTag,
    /// For a second person.
    waits: bool,
    /// It is not ordered yet.
    may_be_canceled: bool,
    /// The reader is the first one.
    own: bool,
    facts: Vec<Fact>,
    moments: Vec<StoryMoment>,
    journals: Vec<Journal>,
}

impl Payout {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let happenings = vec![
            Happening::new(sample_time(0), Lane::Event, "payout.created"),
            Happening::new(sample_time(900), Lane::Call, "Order to pay out").chip(Chip::new(Tone::Wait, "processing")),
        ];
        Self {
            frame: Frame::sample("Payout of 1,204,400 KRW", Place::Payouts),
            id: "out_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            seller_id: "sel_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            seller: "Namsan Books <script>alert(1)</script>".into(),
            amount: Sum::text("1204400", "KRW"),
            status: chips::payout("needs_approval"),
            mode: ModeTag { live: false },
            waits: true,
            may_be_canceled: true,
            own: false,
            facts: vec![Fact::words("To", "Hangang Bank 6789"), Fact::words("Asked by", "key_1 <b>")],
            moments: in_order(happenings),
            journals: Vec::new(),
        }
    }
}
