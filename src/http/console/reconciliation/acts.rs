//! What operators do about a difference: propose, agree, turn down, close, note. Each is in the audit log.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::one::found;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::http::console::form::PostedWith;
use crate::http::console::refusal::Refusal;
use crate::http::console::session::SignedIn;
use crate::ledger::{Account, Transfer};
use crate::operators::{NewEntry, record};
use crate::reconciliation::breaks::{self, ActError, Break, Status};
use crate::reconciliation::landing::{self, Landed};
use crate::wallets::WalletError;
use crate::words::{Currency, Money};

/// What happened to the last click. The codes stand in an address, so the words do not.
pub(super) fn sentence(code: &str) -> Option<&'static str> {
    Some(match code {
        "proposed" => "Proposed. It is posted when somebody else agrees.",
        "approved" => "Posted. The difference is closed.",
        "left" => "The payouts have landed. What is left over stands in suspense.",
        "rejected" => "Turned down. The difference is open again.",
        "resolved" => "Closed, without a journal.",
        "noted" => "Written down.",
        "fields" => {
            "Nothing was done: accounts such as suspense, fees:psp or seller:sel_..:available, a currency, and an amount with exactly its decimals are needed in each line that is filled in."
        }
        "reason" => "Nothing was done: a reason has 1 to 500 characters.",
        "note" => "Nothing was done: a note has 1 to 2000 characters.",
        "transfers" => "Nothing was done: at least one line, each above zero and between two different accounts.",
        "leaves" => {
            "Nothing was done: the journal must take out of suspense exactly what of this difference stands there, and leave alone what the PSP owes."
        }
        "seller" => "Nothing was done: that seller is not one of this merchant's in this mode.",
        "same" => "Nothing was done: somebody else than who proposed it has to agree.",
        "held" => {
            "Nothing was done: money that is on its way, held or contested moves when its payout, refund or dispute ends."
        }
        "pending" => {
            "Nothing was done: what waits for delivery belongs to an order, and this payment has none that fits. Use what is available."
        }
        "changed" => "Nothing was done: another journal is proposed now than the one you were shown. Look at it first.",
        "asked" => "Nothing was done: the PSP is asked about it first, in the next run.",
        "parked" => "Nothing was done: money of it stands in suspense. Propose a journal that says what it is.",
        "landing" => "Nothing was done: choose payouts of one PSP, in one currency, that have not landed yet.",
        "landed" => "Proposed. The payouts have landed when somebody else agrees.",
        "status" => "Nothing was done: it does not stand where that can be done, or somebody was faster.",
        "flaw" => {
            "Nothing was done: the books do not take such a journal, or a seller does not have what would be taken."
        }
        _ => return None,
    })
}

/// A reason, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Why {
    reason: String,
}

/// A note, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Written {
    note: String,
}

/// Which proposed journal was shown to who agrees.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Seen {
    proposal: String,
}

/// A journal, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    reason: String,
    debit1: String,
    credit1: String,
    amount1: String,
    currency1: String,
    debit2: String,
    credit2: String,
    amount2: String,
    currency2: String,
    debit3: String,
    credit3: String,
    amount3: String,
    currency3: String,
    debit4: String,
    credit4: String,
    amount4: String,
    currency4: String,
}

impl Typed {
    fn transfers(&self) -> Option<Vec<Transfer>> {
        let lines = [
            [&self.debit1, &self.credit1, &self.amount1, &self.currency1],
            [&self.debit2, &self.credit2, &self.amount2, &self.currency2],
            [&self.debit3, &self.credit3, &self.amount3, &self.currency3],
            [&self.debit4, &self.credit4, &self.amount4, &self.currency4],
        ];
        let lines = lines.map(|line| line.map(|cell| cell.trim()));
        // The currency is filled in beforehand and says nothing by itself.
        let filled = lines.into_iter().filter(|line| line[..3].concat() != "");
        let transfer = |[debit, credit, amount, currency]: [&str; 4]| {
            let currency = Currency::parse(currency).ok()?;
            let account = |text: &str| text.parse::<Account>().ok();
            let amount = Money::parse(amount, currency).ok()?;
            Some(Transfer { debit: account(debit)?, credit: account(credit)?, amount })
        };
        filled.map(transfer).collect()
    }
}

/// `POST /console/reconciliation/breaks/{id}/propose`
pub async fn propose(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let Some(transfers) = typed.transfers() else { return Ok(to(&it, "fields")) };
    let mut tx = app.db.begin().await?;
    let by = &who.operator.email;
    if let Err(error) = breaks::propose(&mut tx, &it.id, &typed.reason, &transfers, by, app.now()).await {
        return refused(&it, error);
    }
    audit(&app, &mut tx, &who, "break.propose", &it, &typed.reason).await?;
    tx.commit().await?;
    Ok(to(&it, "proposed"))
}

/// Payouts that have landed, as chosen.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Chosen {
    reason: String,
    batch1: String,
    batch2: String,
    batch3: String,
}

/// `POST /console/reconciliation/breaks/{id}/land`
pub async fn land(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, chosen): PostedWith<Chosen>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let names = [&chosen.batch1, &chosen.batch2, &chosen.batch3];
    let mut landed = landing::candidates(&app, &it).await?;
    landed.retain(|of| names.into_iter().any(|name| *name == choice(of)));
    let mut tx = app.db.begin().await?;
    let by = &who.operator.email;
    if let Err(error) = landing::propose(&mut tx, &it, &chosen.reason, &landed, by, app.now()).await {
        return refused(&it, error);
    }
    audit(&app, &mut tx, &who, "break.propose", &it, &chosen.reason).await?;
    tx.commit().await?;
    Ok(to(&it, "landed"))
}

/// How the form names a payout.
pub(super) fn choice(of: &Landed) -> String {
    format!("{}:{}", of.source, of.name)
}

/// `POST /console/reconciliation/breaks/{id}/approve`
pub async fn approve(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, seen): PostedWith<Seen>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let mut tx = app.db.begin().await?;
    // The audit entry goes first: what moves money is the last thing in its transaction.
    audit(&app, &mut tx, &who, "break.approve", &it, "").await?;
    let agreed = match breaks::approve(&mut tx, &it.id, &seen.proposal, &who.operator.email, app.now()).await {
        Ok(agreed) => agreed,
        Err(error) => return refused(&it, error),
    };
    tx.commit().await?;
    app.wake.notify_one();
    Ok(to(&it, if agreed.status == Status::Open { "left" } else { "approved" }))
}

/// `POST /console/reconciliation/breaks/{id}/reject`
pub async fn reject(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, why): PostedWith<Why>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let mut tx = app.db.begin().await?;
    if let Err(error) = breaks::reject(&mut tx, &it.id, &why.reason, &who.operator.email, app.now()).await {
        return refused(&it, error);
    }
    audit(&app, &mut tx, &who, "break.reject", &it, &why.reason).await?;
    tx.commit().await?;
    Ok(to(&it, "rejected"))
}

/// `POST /console/reconciliation/breaks/{id}/resolve`
pub async fn resolve(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, why): PostedWith<Why>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let mut tx = app.db.begin().await?;
    if let Err(error) = breaks::resolve(&mut tx, &it.id, &why.reason, &who.operator.email, app.now()).await {
        return refused(&it, error);
    }
    audit(&app, &mut tx, &who, "break.resolve", &it, &why.reason).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(to(&it, "resolved"))
}

/// `POST /console/reconciliation/breaks/{id}/notes`
pub async fn note(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, written): PostedWith<Written>,
) -> Result<Response, Refusal> {
    let it = found(&app, &id).await?;
    let mut tx = app.db.begin().await?;
    if let Err(error) = breaks::note(&mut tx, &it.id, &written.note, &who.operator.email, app.now()).await {
        return refused(&it, error);
    }
    audit(&app, &mut tx, &who, "break.note", &it, "").await?;
    tx.commit().await?;
    Ok(to(&it, "noted"))
}

async fn audit(
    app: &App,
    tx: &mut Tx,
    who: &SignedIn,
    action: &'static str,
    it: &Break,
    reason: &str,
) -> Result<(), DbError> {
    let entry = NewEntry::new(action, &who.address, app.now()).by(&who.operator.id).about(it.id.as_str());
    record(tx, &NewEntry { note: reason.trim().chars().take(500).collect(), ..entry }).await
}

fn to(it: &Break, code: &str) -> Response {
    Redirect::to(&format!("/console/reconciliation/breaks/{}?said={code}", it.id)).into_response()
}

fn refused(it: &Break, error: ActError) -> Result<Response, Refusal> {
    Ok(to(
        it,
        match error {
            ActError::NotFound => return Err(Refusal::NotFound("difference")),
            ActError::Reason => "reason",
            ActError::Note => "note",
            ActError::Transfers => "transfers",
            ActError::Leaves(..) => "leaves",
            ActError::NoSuchSeller(_) => "seller",
            ActError::SamePerson => "same",
            ActError::Held(_) => "held",
            ActError::NothingPending => "pending",
            ActError::Changed => "changed",
            ActError::NotAsked => "asked",
            ActError::Landing => "landing",
            ActError::Parked => "parked",
            ActError::Status(_) => "status",
            ActError::Db(error) | ActError::Wallet(WalletError::Db(error)) => return Err(error.into()),
            ActError::Wallet(_) => "flaw",
        },
    ))
}
