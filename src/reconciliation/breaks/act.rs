//! What people do about a break: propose a journal, agree to another's, turn it down, close it without one, write about it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::landing::{self, BATCHES};
use super::super::postings::{CLOSED, is_bank};
use super::super::words::{Class, ObjectKind, Outcome};
use super::open::close;
use super::{Break, Status, parked, store};
use crate::corrections::{CorrectionError, pending};
use crate::db::{DbError, MayRetry, Tx};
use crate::ledger::{Account, Posting, Transfer};
use crate::merchants::sellers;
use crate::wallets::{self, WalletError};
use crate::words::{BreakId, Currency, JournalId, Money, PaymentId, Timestamp};

/// Characters of a reason or a resolution.
pub const REASON: usize = 500;
/// Characters of a note.
pub const NOTE: usize = 2_000;
/// Transfers of one proposal.
pub const TRANSFERS: usize = 20;

/// Why nothing was done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such break.
    #[error("there is no such break")]
    NotFound,
    /// Nobody could tell later why it was done.
    #[error("a reason has 1 to {REASON} characters and no control characters")]
    Reason,
    /// Too short, too long, or not to be shown.
    #[error("a note has 1 to {NOTE} characters")]
    Note,
    /// Too few or too many transfers, nothing to move, or an account against itself.
    #[error("a journal has 1 to {TRANSFERS} transfers, each above zero and between two different accounts")]
    Transfers,
    /// The account belongs to payouts, refunds or disputes, which have ends of their own.
    #[error("{0} is money on its way, held or contested: it moves when its payout, refund or dispute ends")]
    Held(String),
    /// What waits for delivery belongs to an order.
    #[error("what a seller has pending is an order's, and this journal cannot take it from one: use what is available")]
    NothingPending,
    /// What was agreed to is not what is proposed now.
    #[error("another journal is proposed now than the one that was shown")]
    Changed,
    /// Reconciliation has not put it into suspense yet: it asks the PSP first.
    #[error("the PSP is to be asked about it first: the next run does, and puts into suspense what is left over")]
    NotAsked,
    /// There is nothing of the entry that could be a payout, or the payouts are not in its currency.
    #[error(
        "1 to {BATCHES} payouts in the currency of a bank's entry, all of which stands in suspense, may have landed with it"
    )]
    Landing,
    /// The journal would leave something in suspense, or take out what is not this break's.
    #[error("the journal must move exactly {0} of {1}, so that nothing of this break is left there")]
    Leaves(String, String),
    /// The seller is not this merchant's.
    #[error("{0} is not a seller of this merchant")]
    NoSuchSeller(String),
    /// One person alone may not move money by hand.
    #[error("a journal must be agreed to by somebody else than who proposed it")]
    SamePerson,
    /// Something of it stands in suspense: only a journal takes it out.
    #[error("money of this break stands in suspense: propose a journal that says what it is")]
    Parked,
    /// Its status does not allow that, or somebody was faster.
    #[error("the break is {0}: that cannot be done now")]
    Status(&'static str),
    /// The books or the wallets refuse it.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for ActError {
    fn may_retry(&self) -> bool {
        match self {
            Self::Wallet(error) => error.may_retry(),
            Self::Db(error) => error.may_retry(),
            _ => false,
        }
    }
}

/// A proposed journal as it is kept: a reason, and transfers as `[debit, credit, amount, currency]`.
#[must_use]
pub fn proposal(reason: &str, transfers: &[Transfer]) -> Value {
    let rows: Vec<Value> = transfers
        .iter()
        .map(|it| json!([it.debit.to_string(), it.credit.to_string(), it.amount, it.amount.currency()]))
        .collect();
    json!({ "reason": reason, "transfers": rows })
}

/// Reads what [`proposal`] has written.
#[must_use]
pub fn read_proposal(kept: &Value) -> Option<(String, Vec<Transfer>)> {
    let rows: Vec<[String; 4]> = serde_json::from_value(kept.get("transfers")?.clone()).ok()?;
    let transfer = |[debit, credit, amount, currency]: [String; 4]| {
        let currency = Currency::parse(&currency).ok()?;
        let amount = Money::parse(&amount, currency).ok()?;
        Some(Transfer { debit: debit.parse().ok()?, credit: credit.parse().ok()?, amount })
    };
    let transfers = rows.into_iter().map(transfer).collect::<Option<Vec<_>>>()?;
    Some((kept.get("reason")?.as_str()?.to_owned(), transfers))
}

/// Proposes the journal that closes a break; it waits for a second person.
///
/// # Errors
/// [`ActError`], and then nothing was written.
pub async fn propose(
    tx: &mut Tx,
    id: &BreakId,
    reason: &str,
    transfers: &[Transfer],
    by: &str,
    now: Timestamp,
) -> Result<Break, ActError> {
    let it = store::lock(&mut *tx, id).await?.ok_or(ActError::NotFound)?;
    check(tx, &it, transfers).await?;
    propose_as(tx, id, reason, &proposal(reason_of(reason)?, transfers), by, now).await
}

/// Writes down what somebody proposes, that was found to be sound.
pub(in crate::reconciliation) async fn propose_as(
    tx: &mut Tx,
    id: &BreakId,
    reason: &str,
    proposal: &Value,
    by: &str,
    now: Timestamp,
) -> Result<Break, ActError> {
    let it = store::lock(&mut *tx, id).await?.ok_or(ActError::NotFound)?;
    let reason = reason_of(reason)?;
    let was = it.status;
    let it = Break {
        status: Status::Proposed,
        proposal: Some(proposal.clone()),
        proposed_by: Some(by.to_owned()),
        proposed_at: Some(now),
        ..it
    };
    if was == Status::Resolved || !store::propose(tx, was, &it).await? {
        return Err(ActError::Status(was.as_str()));
    }
    store::note(tx, id, by, "proposed", reason, now).await?;
    Ok(it)
}

/// What tells the journal that is proposed now from every other that was or will be: who agrees says which one was shown.
#[must_use]
pub fn fingerprint(it: &Break) -> String {
    let proposed = json!([it.id, it.proposal, it.proposed_by, it.proposed_at]);
    hex::encode(Sha256::digest(proposed.to_string()))
}

/// Posts the journal that somebody else proposed, and closes the break with it. `shown` is the [`fingerprint`] of what who agrees
/// has seen.
///
/// # Errors
/// [`ActError`], and then the transaction must not be committed.
pub async fn approve(tx: &mut Tx, id: &BreakId, shown: &str, by: &str, now: Timestamp) -> Result<Break, ActError> {
    let it = store::lock(&mut *tx, id).await?.ok_or(ActError::NotFound)?;
    if it.status != Status::Proposed {
        return Err(ActError::Status(it.status.as_str()));
    }
    if it.proposed_by.as_deref() == Some(by) {
        return Err(ActError::SamePerson);
    }
    if fingerprint(&it) != shown {
        return Err(ActError::Changed);
    }
    if let Some(landed) = it.proposal.as_ref().and_then(landing::read) {
        return landing::agree(tx, &it, &landed, by, now).await;
    }
    let (reason, transfers) = it.proposal.as_ref().and_then(read_proposal).ok_or(ActError::Transfers)?;
    // What was right when it was proposed need not be so now.
    check(tx, &it, &transfers).await?;
    store::release(tx, id).await?;
    let payment = payment_of(&it);
    pending::put_right(tx, payment.as_ref(), &transfers, now).await.map_err(not_pending)?;
    let posting =
        Posting { kind: CLOSED, source_id: id.to_string(), tenant: it.tenant.clone(), payment, transfers, now };
    let closed = Break {
        status: Status::Resolved,
        closed_at: Some(now),
        closed_by: Some(by.to_owned()),
        resolution: Some(reason.clone()),
        ..it
    };
    let entries = wallets::post(tx, &[posting]).await?;
    let journal = entries.into_iter().next().filter(|entry| entry.new).map(|entry| entry.journal);
    let closed = Break { journal, ..closed };
    if closed.journal.is_none() || !close(tx, &closed, "approved", &reason, now).await? {
        return Err(ActError::Status(Status::Resolved.as_str()));
    }
    Ok(closed)
}

/// Writes down that a proposed landing was agreed to: it closes the break when it came with a journal, else the break is open again
/// with what is left over.
pub(in crate::reconciliation) async fn landed(
    tx: &mut Tx,
    it: &Break,
    journal: Option<JournalId>,
    by: &str,
    now: Timestamp,
) -> Result<Break, ActError> {
    let reason = it.proposal.as_ref().and_then(|kept| kept.get("reason")?.as_str()).unwrap_or_default().to_owned();
    if journal.is_none() {
        let it = Break { status: Status::Open, proposal: None, proposed_by: None, proposed_at: None, ..it.clone() };
        store::propose(tx, Status::Proposed, &it).await?;
        store::note(tx, &it.id, by, "approved", &reason, now).await?;
        return Ok(it);
    }
    let (closed_at, closed_by) = (Some(now), Some(by.to_owned()));
    let resolution = Some(reason.clone());
    let closed = Break { status: Status::Resolved, closed_at, closed_by, resolution, journal, ..it.clone() };
    if !close(tx, &closed, "approved", &reason, now).await? {
        return Err(ActError::Status(Status::Resolved.as_str()));
    }
    Ok(closed)
}

/// Turns a proposed journal down; the break is open again.
///
/// # Errors
/// [`ActError`], and then nothing was written.
pub async fn reject(tx: &mut Tx, id: &BreakId, reason: &str, by: &str, now: Timestamp) -> Result<Break, ActError> {
    let it = store::lock(&mut *tx, id).await?.ok_or(ActError::NotFound)?;
    let reason = reason_of(reason)?;
    let it = Break { status: Status::Open, proposed_by: None, proposed_at: None, ..it };
    if !store::propose(tx, Status::Proposed, &it).await? {
        return Err(ActError::Status("not proposed"));
    }
    store::note(tx, id, by, "rejected", reason, now).await?;
    Ok(it)
}

/// Closes a break without a journal: only one of which nothing stands in suspense.
///
/// # Errors
/// [`ActError`], and then nothing was written.
pub async fn resolve(tx: &mut Tx, id: &BreakId, reason: &str, by: &str, now: Timestamp) -> Result<Break, ActError> {
    let it = store::lock(&mut *tx, id).await?.ok_or(ActError::NotFound)?;
    let reason = reason_of(reason)?;
    if it.status != Status::Open {
        return Err(ActError::Status(it.status.as_str()));
    }
    if !parked(&mut *tx, id).await?.is_empty() {
        return Err(ActError::Parked);
    }
    if is_to_be_asked(&it) {
        return Err(ActError::NotAsked);
    }
    let closed = Break {
        status: Status::Resolved,
        closed_at: Some(now),
        closed_by: Some(by.to_owned()),
        resolution: Some(reason.to_owned()),
        ..it
    };
    if !close(tx, &closed, "resolved", reason, now).await? {
        return Err(ActError::Status(Status::Resolved.as_str()));
    }
    Ok(closed)
}

/// Writes a note.
///
/// # Errors
/// [`ActError`], and then nothing was written.
pub async fn note(tx: &mut Tx, id: &BreakId, text: &str, by: &str, now: Timestamp) -> Result<(), ActError> {
    let text = text.trim();
    let shown = |c: char| !c.is_control() || c == '\n';
    if text.is_empty() || text.chars().count() > NOTE || !text.chars().all(shown) {
        return Err(ActError::Note);
    }
    store::find(&mut *tx, id).await?.ok_or(ActError::NotFound)?;
    store::note(tx, id, by, "noted", text, now).await?;
    Ok(())
}

fn reason_of(text: &str) -> Result<&str, ActError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REASON || text.chars().any(char::is_control) {
        return Err(ActError::Reason);
    }
    Ok(text)
}

/// What is asked of the PSP first has nothing in suspense before that, and is neither closed nor forgotten meanwhile.
fn is_to_be_asked(it: &Break) -> bool {
    it.class == Class::Automatic && it.line.is_some()
}

/// The payment that a break is about, when it is about one.
fn payment_of(it: &Break) -> Option<PaymentId> {
    let named = it.evidence.pointer("/ours/payment").and_then(Value::as_str);
    let object = it.object.as_ref().filter(|(kind, _)| *kind == ObjectKind::Charge).map(|(_, id)| id.as_str());
    object.or(named).and_then(|id| PaymentId::parse(id).ok())
}

fn not_pending(error: CorrectionError) -> ActError {
    match error {
        CorrectionError::Db(error) => error.into(),
        CorrectionError::Wallet(error) => error.into(),
        _ => ActError::NothingPending,
    }
}

/// A journal that closes a break takes out of suspense exactly what of it stands there, and touches what the PSP owes only by
/// what the PSP has never heard of. Money of orders, refunds, disputes and payouts is kept as corrections keep it.
async fn check(tx: &mut Tx, it: &Break, transfers: &[Transfer]) -> Result<(), ActError> {
    let sound = |transfer: &Transfer| !transfer.amount.is_zero() && transfer.debit != transfer.credit;
    if !(1..=TRANSFERS).contains(&transfers.len()) || !transfers.iter().all(sound) {
        return Err(ActError::Transfers);
    }
    for account in transfers.iter().flat_map(|transfer| [&transfer.debit, &transfer.credit]) {
        if matches!(account, Account::PayingOut(_) | Account::Reserved(_) | Account::Disputes) {
            return Err(ActError::Held(account.to_string()));
        }
        if let Some((seller, _)) = Account::pocket(account)
            && sellers::get(&mut *tx, &it.tenant, seller).await?.is_none()
        {
            return Err(ActError::NoSuchSeller(seller.to_string()));
        }
    }
    pending::check(tx, &it.tenant, payment_of(it).as_ref(), transfers).await.map_err(not_pending)?;
    let held = parked(&mut *tx, &it.id).await?;
    if held.is_empty() && is_to_be_asked(it) {
        return Err(ActError::NotAsked);
    }
    let owed = owed(tx, it).await?;
    let named = transfers.iter().flat_map(|it| [&it.debit, &it.credit]).filter(|it| matches!(it, Account::Psp(_)));
    let psps: BTreeSet<Account> = named.cloned().chain(owed.iter().map(|(psp, _)| psp.clone())).collect();
    for currency in transfers.iter().map(|it| it.amount.currency()).chain(held.iter().map(|(it, _)| *it)) {
        // Parked above zero was credited, so a debit takes it out.
        let wanted = held.iter().find(|(of, _)| *of == currency).map_or(0, |(_, minor)| *minor);
        exactly(transfers, currency, &Account::Suspense, wanted, "suspense")?;
        for psp in &psps {
            let owed = owed.iter().find(|(of, _)| of == psp && currency == it.currency).map_or(0, |(_, minor)| *minor);
            exactly(transfers, currency, psp, owed.saturating_neg(), "what the PSP owes")?;
        }
    }
    Ok(())
}

/// What the books say that a PSP owes for a movement that it has not told, with the fee that was booked with it.
async fn owed(tx: &mut Tx, it: &Break) -> Result<Option<(Account, i64)>, ActError> {
    let Some((kind, id)) = it.object.as_ref().filter(|(kind, _)| !is_bank(*kind)) else { return Ok(None) };
    if it.outcome != Outcome::MissingAtPsp {
        return Ok(None);
    }
    let Some((psp, fee)) = store::psp_of(tx, id).await? else { return Ok(None) };
    let fee = if *kind == ObjectKind::Dispute { fee } else { 0 };
    Ok(Some((Account::Psp(psp), it.expected.unwrap_or(0).saturating_sub(fee))))
}

fn exactly(transfers: &[Transfer], currency: Currency, of: &Account, wanted: i64, name: &str) -> Result<(), ActError> {
    let mut moved: i64 = 0;
    for it in transfers.iter().filter(|it| it.amount.currency() == currency) {
        let sign = i64::from(it.debit == *of).saturating_sub(i64::from(it.credit == *of));
        moved = moved.saturating_add(it.amount.minor().saturating_mul(sign));
    }
    if moved == wanted {
        return Ok(());
    }
    Err(ActError::Leaves(format!("{} {currency}", super::signed(wanted, currency)), name.to_owned()))
}
