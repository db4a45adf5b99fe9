//! Mistakes in the books put right by another journal: asked for by one person, posted when another agrees.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::components::{Chip, Choice, ModeTag, Moment, Tone, choices, grouped};
use super::form::{Posted, PostedWith};
use super::frame::{self, Frame, Place, sample_time};
use super::once::Once;
use super::payments::{MODES, mode};
use super::refusal::Refusal;
use super::session::SignedIn;
use super::store;
use crate::app::App;
use crate::corrections::{self, Asked, Correction, CorrectionError, Status};
use crate::ledger::{Account, Transfer};
use crate::operators::{NewEntry, record};
use crate::words::{CorrectionId, Currency, JournalId, MerchantId, Mode, Money, PaymentId, Tenant};

/// Corrections of the list.
const ROWS: i64 = 50;

/// What the last click did or did not do.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    said: String,
}

/// `GET /console/corrections`
pub async fn show(State(app): State<App>, who: SignedIn, Query(said): Query<Said>) -> Result<Response, Refusal> {
    let mut frame = who.frame("Corrections", Place::Corrections, app.now());
    frame.notice = sentence(&said.said).map(ToOwned::to_owned);
    let merchants = store::merchants(&app.db).await?;
    let name =
        |id: &str| merchants.iter().find(|(of, _)| of == id).map_or_else(|| id.to_owned(), |(_, name)| name.clone());
    let rows = corrections::list(&app.db, ROWS).await?;
    let view = Corrections {
        rows: rows.iter().map(|it| row(it, name(it.tenant.merchant.as_str()), &who.operator.email)).collect(),
        merchants: choices(&merchants, ""),
        modes: choices(&MODES, "test"),
        lines: vec![1, 2, 3],
        once: Once::word(),
        frame,
    };
    Ok(frame::show(StatusCode::OK, &view))
}

/// What happened to the last click. The codes stand in an address, so the words do not.
fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "asked" => "Asked for. It is posted when somebody else agrees.",
        "again" => "Nothing was done: this form was sent before. What it asked for stands below.",
        "posted" => "Posted.",
        "refused" => "Turned down. Nothing was posted.",
        "fields" => {
            "Nothing was done: a merchant, accounts such as psp:simulator or seller:sel_..:pending, an amount with exactly the currency's decimals, and a currency are needed in each line that is filled in."
        }
        "reason" => "Nothing was done: a reason has 1 to 500 characters.",
        "transfers" => "Nothing was done: at least one line, each above zero and between two different accounts.",
        "journal" => "Nothing was done: that journal or payment is not one of this merchant's in this mode.",
        "held" => {
            "Nothing was done: what is on its way, reserved or contested moves when its payout, refund or dispute ends."
        }
        "pending" => {
            "Nothing was done: what a seller has pending belongs to an order. Name its payment; it must wait for delivery and have so much pending. What is delivered is corrected in available."
        }
        "seller" => "Nothing was done: that seller is not one of this merchant's in this mode.",
        "same" => "Nothing was done: somebody else than who asked has to agree.",
        "decided" => "Nothing was done: it is decided already.",
        "enough" => "Nothing was done: a seller does not have what would be taken.",
        "flaw" => "Nothing was done: the books do not take such a journal.",
        _ => return None,
    })
}

/// The form, as typed.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Typed {
    /// Of the form as it was shown, so that a second click asks for nothing more.
    once: String,
    merchant: String,
    mode: String,
    reason: String,
    corrects: String,
    payment: String,
    currency: String,
    debit1: String,
    credit1: String,
    amount1: String,
    debit2: String,
    credit2: String,
    amount2: String,
    debit3: String,
    credit3: String,
    amount3: String,
}

impl Typed {
    fn read(&self, by: &str) -> Option<(Tenant, Asked)> {
        let merchant = MerchantId::parse(self.merchant.trim()).ok()?;
        let tenant = Tenant::new(merchant, mode(&self.mode)?);
        let currency = Currency::parse(self.currency.trim()).ok()?;
        let lines = [
            [&self.debit1, &self.credit1, &self.amount1],
            [&self.debit2, &self.credit2, &self.amount2],
            [&self.debit3, &self.credit3, &self.amount3],
        ];
        let filled = lines.into_iter().map(|line| line.map(|cell| cell.trim())).filter(|line| line.concat() != "");
        let transfers = filled.map(|[debit, credit, amount]| {
            let account = |text: &str| text.parse::<Account>().ok();
            Some(Transfer {
                debit: account(debit)?,
                credit: account(credit)?,
                amount: Money::parse(amount, currency).ok()?,
            })
        });
        let optional = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let asked = Asked {
            reason: self.reason.clone(),
            corrects: optional(&self.corrects).map(|id| JournalId::parse(&id)).transpose().ok()?,
            payment: optional(&self.payment).map(|id| PaymentId::parse(&id)).transpose().ok()?,
            transfers: transfers.collect::<Option<_>>()?,
            by: by.to_owned(),
        };
        Some((tenant, asked))
    }
}

/// `POST /console/corrections`
pub async fn ask(State(app): State<App>, PostedWith(who, typed): PostedWith<Typed>) -> Result<Response, Refusal> {
    let Some((tenant, asked)) = typed.read(&who.operator.email) else { return Ok(said("fields")) };
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let path = "/console/corrections";
    let Some(once) = Once::begin(&mut tx, &tenant, &typed.once, path, &json!(typed), now).await? else {
        return Ok(said("again"));
    };
    let correction = match corrections::ask(&mut tx, &tenant, &asked, now).await {
        Ok(correction) => correction,
        Err(error) => return refusal(error),
    };
    let entry = NewEntry::new("correction.ask", &who.address, now).by(&who.operator.id).about(correction.id.as_str());
    record(&mut tx, &NewEntry { note: correction.reason.clone(), ..entry }).await?;
    once.end(&mut tx, &tenant, correction.id.as_str()).await?;
    tx.commit().await?;
    Ok(said("asked"))
}

/// `POST /console/corrections/{id}/agree`
pub async fn agree(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    let correction = found(&app, &id).await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    if let Err(error) = corrections::agree(&mut tx, &correction, &who.operator.email, now).await {
        return refusal(error);
    }
    let entry = NewEntry::new("correction.agree", &who.address, now).by(&who.operator.id).about(correction.id.as_str());
    record(&mut tx, &NewEntry { note: correction.reason.clone(), ..entry }).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(said("posted"))
}

/// `POST /console/corrections/{id}/refuse`
pub async fn refuse(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    let correction = found(&app, &id).await?;
    let now = app.now();
    let mut tx = app.db.begin().await?;
    if let Err(error) = corrections::refuse(&mut tx, &correction, &who.operator.email, now).await {
        return refusal(error);
    }
    let entry =
        NewEntry::new("correction.refuse", &who.address, now).by(&who.operator.id).about(correction.id.as_str());
    record(&mut tx, &NewEntry { note: correction.reason.clone(), ..entry }).await?;
    tx.commit().await?;
    Ok(said("refused"))
}

fn said(code: &str) -> Response {
    Redirect::to(&format!("/console/corrections?said={code}")).into_response()
}

fn refusal(error: CorrectionError) -> Result<Response, Refusal> {
    use crate::wallets::WalletError;
    Ok(said(match error {
        CorrectionError::Reason => "reason",
        CorrectionError::Transfers => "transfers",
        CorrectionError::NoSuchJournal | CorrectionError::NoSuchPayment => "journal",
        CorrectionError::Held(_) => "held",
        CorrectionError::PendingOfNoPayment(_) | CorrectionError::NothingPending(_) => "pending",
        CorrectionError::NoSuchSeller(_) => "seller",
        CorrectionError::SamePerson => "same",
        CorrectionError::Decided => "decided",
        CorrectionError::Db(error) | CorrectionError::Wallet(WalletError::Db(error)) => return Err(error.into()),
        CorrectionError::Wallet(WalletError::NotEnough { .. }) => "enough",
        CorrectionError::Wallet(_) => "flaw",
    }))
}

async fn found(app: &App, id: &str) -> Result<Correction, Refusal> {
    let id = CorrectionId::parse(id).map_err(|_| Refusal::NotFound("correction"))?;
    corrections::find(&app.db, &id).await?.ok_or(Refusal::NotFound("correction"))
}

fn row(correction: &Correction, merchant: String, reader: &str) -> Row {
    let (tone, label) = match correction.status {
        Status::Asked => (Tone::Wait, "waits for a second person"),
        Status::Posted => (Tone::Good, "posted"),
        Status::Refused => (Tone::Idle, "turned down"),
    };
    Row {
        id: correction.id.to_string(),
        status: Chip::new(tone, label),
        merchant,
        mode: correction.tenant.mode.into(),
        reason: correction.reason.clone(),
        corrects: correction.corrects.as_ref().map(ToString::to_string),
        asked_by: correction.asked_by.clone(),
        asked_at: Moment::of(correction.asked_at),
        decided_by: correction.decided_by.clone(),
        open: correction.status == Status::Asked,
        own: correction.asked_by == reader,
        lines: correction
            .transfers
            .iter()
            .map(|it| Line {
                debit: it.debit.to_string(),
                credit: it.credit.to_string(),
                amount: format!("{} {}", grouped(&it.amount.to_string()), it.amount.currency()),
            })
            .collect(),
    }
}

/// The page.
#[derive(Template)]
#[template(path = "console/corrections.html")]
pub struct Corrections {
    frame: Frame,
    merchants: Vec<Choice>,
    modes: Vec<Choice>,
    lines: Vec<u8>,
    once: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    status: Chip,
    merchant: String,
    mode: ModeTag,
    reason: String,
    corrects: Option<String>,
    asked_by: String,
    asked_at: Moment,
    decided_by: Option<String>,
    open: bool,
    own: bool,
    lines: Vec<Line>,
}

struct Line {
    debit: String,
    credit: String,
    amount: String,
}

impl Corrections {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let row = |open: bool, own: bool| Row {
            id: "cor_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            status: if open {
                Chip::new(Tone::Wait, "waits for a second person")
            } else {
                Chip::new(Tone::Good, "posted")
            },
            merchant: "Second & Sons <Ltd>".into(),
            mode: Mode::Test.into(),
            reason: "the fee was taken twice <script>alert(1)</script>".into(),
            corrects: Some("jrn_01jq8w3k5n7p9r2t4v6x8z0a1b".into()),
            asked_by: "kim@example.com".into(),
            asked_at: Moment::of(sample_time(0)),
            decided_by: (!open).then(|| "lee@example.com".into()),
            open,
            own,
            lines: vec![Line {
                debit: "fees:platform".into(),
                credit: "seller:sel_01jq8w3k5n7p9r2t4v6x8z0a1b:pending".into(),
                amount: "30 KRW".into(),
            }],
        };
        Self {
            frame: Frame::sample("Corrections", Place::Corrections),
            merchants: choices(&[("mrc_1", "Hangang Market")], ""),
            modes: choices(&MODES, "test"),
            lines: vec![1, 2, 3],
            once: "sample".into(),
            rows: vec![row(true, false), row(true, true), row(false, false)],
        }
    }
}
