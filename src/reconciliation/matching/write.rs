//! Writes down what was decided about a batch of lines: books, lines and breaks in one transaction.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::super::breaks::{self, Break, NewBreak, proposal};
use super::super::causes::{Cause, Difference, Repair};
use super::super::line::{LineKind, Side};
use super::super::postings;
use super::super::reconcile::ReconcileError;
use super::super::runs;
use super::super::words::{Class, ObjectKind, Outcome};
use super::context::Context;
use super::entry::{Entry, summed};
use super::fee;
use super::store::{self, Mark};
use super::waiting;
use crate::db::{DbError, Tx, retrying};
use crate::ledger::{Account, Posting};
use crate::payments;
use crate::wallets;
use crate::words::{Currency, LineId, Tenant, Timestamp};

/// Journals in one statement.
const AT_ONCE: usize = 500;

/// How a movement of ours is named where there is no line.
pub fn subject(kind: ObjectKind, id: &str) -> String {
    format!("{}:{id}", kind.as_str())
}

/// Writes down everything about these lines, or nothing.
pub async fn write(context: &Context<'_>, entries: &[Entry]) -> Result<(), ReconcileError> {
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        // A process that slept past its lease must not write over the work of who took over.
        if !runs::still_there_in(&mut tx, context.run, now).await? {
            return Err(ReconcileError::Overtaken);
        }
        in_one(context, &mut tx, entries, now).await?;
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

async fn in_one(context: &Context<'_>, tx: &mut Tx, entries: &[Entry], now: Timestamp) -> Result<(), ReconcileError> {
    let causes: Vec<Option<Cause>> = causes(context, tx, entries).await?;
    // What is asked of the PSP first is not booked before it has answered.
    let now_booked = |cause: &Option<Cause>| cause.as_ref().is_none_or(|it| it.repair != Repair::AskPsp);
    let booked: Vec<&Entry> = entries.iter().zip(&causes).filter(|(_, it)| now_booked(it)).map(|(it, _)| it).collect();
    let journals = book(context, tx, &booked, now).await?;
    let subjects: Vec<String> = entries.iter().flat_map(|entry| told_of(context, entry)).collect();
    let waiting = waiting(context, &mut *tx, &subjects).await?;
    let mut marks = Vec::with_capacity(entries.len());
    for (entry, cause) in entries.iter().zip(&causes) {
        let standing = match cause {
            None => "matched",
            Some(cause) if cause.booked_to().is_some() => "closed",
            Some(_) => "open",
        };
        marks.push(mark(entry, standing, entry.decided.outcome, &journals));
        if let Some(cause) = cause {
            differ(context, tx, entry, cause, now).await?;
        }
        let told = if waiting.is_empty() { Vec::new() } else { told_of(context, entry) };
        for it in waiting.iter().filter(|it| told.contains(&it.subject)) {
            if !breaks::close_itself(tx, it, "it was told after all", now).await?
                && !entry.ours.as_ref().is_some_and(|ours| ours.written_off)
                && breaks::find(&mut *tx, &it.id).await?.is_some_and(|it| it.journal.is_some())
            {
                // Written off since this line was decided about.
                return Err(ReconcileError::Meanwhile);
            }
        }
    }
    if store::mark(tx, "new", &marks).await? { Ok(()) } else { Err(ReconcileError::Overtaken) }
}

/// Of which movements a line tells.
fn told_of(context: &Context<'_>, entry: &Entry) -> Vec<String> {
    // The PSP's own word of its payout is not the bank's.
    if entry.side() == Side::Psp && entry.told.kind == LineKind::Payout {
        return Vec::new();
    }
    if entry.side() == Side::Bank && !entry.land.is_empty() {
        return entry.land.iter().map(|batch| context.batch_subject(batch)).collect();
    }
    if !entry.taken_back.is_empty() || entry.names.is_some() {
        return Vec::new();
    }
    if !entry.members.is_empty() {
        return entry.members.iter().map(|ours| subject(ours.kind, &ours.id)).collect();
    }
    entry.object().map(|(kind, id)| subject(kind, &id)).into_iter().collect()
}

/// What is written with one line.
pub fn mark(entry: &Entry, standing: &'static str, outcome: Outcome, journals: &Journals) -> Mark {
    Mark {
        id: entry.told.id.clone(),
        standing,
        result: outcome.as_str(),
        tenant: entry.tenant.clone(),
        object: entry.object(),
        stands_for: entry.stands_for(),
        fee_known: entry.fee_known,
        members: entry.members.iter().map(|ours| (ours.kind, ours.id.clone(), ours.amount)).collect(),
        fee_journal: (entry.fee != 0)
            .then(|| journals.get(&(entry.tenant.clone(), entry.told.currency)).cloned())
            .flatten(),
    }
}

async fn causes(context: &Context<'_>, tx: &mut Tx, entries: &[Entry]) -> Result<Vec<Option<Cause>>, DbError> {
    let mut found = Vec::with_capacity(entries.len());
    for entry in entries {
        if entry.decided.outcome == Outcome::Matched {
            found.push(None);
            continue;
        }
        let raw = store::raw(&mut *tx, &entry.told.id).await?;
        found.push(cause_of(context, entry, &raw).cloned());
    }
    Ok(found)
}

/// The row of the table of known causes that fits.
pub fn cause_of<'c>(context: &'c Context<'_>, entry: &Entry, raw: &str) -> Option<&'c Cause> {
    let amount = entry.differs.first().map_or(entry.told.net, |(_, minor)| *minor).unsigned_abs();
    context.causes.find(&Difference {
        side: entry.side(),
        source: &context.source.name,
        kind: Some(&entry.told.kind),
        outcome: entry.decided.outcome,
        circumstance: entry.decided.circumstance,
        raw,
        amount,
        currency: entry.told.currency,
        days: 0,
    })
}

/// The journals of fees, by tenant and currency.
pub type Journals = HashMap<(Tenant, Currency), String>;

/// Books fees, what was exchanged, and landings. None of these accounts belongs to a seller, so that no payment waits for it.
pub async fn book(
    context: &Context<'_>,
    tx: &mut Tx,
    entries: &[&Entry],
    now: Timestamp,
) -> Result<Journals, ReconcileError> {
    let psp = context.source.psp.as_str();
    let mut fees: BTreeMap<(Tenant, &'static str), (LineId, Currency, i64)> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.fee != 0) {
        let currency = entry.told.currency;
        let sum =
            fees.entry((entry.tenant.clone(), currency.code())).or_insert_with(|| (entry.told.id.clone(), currency, 0));
        sum.2 = sum.2.checked_add(entry.fee).ok_or(ReconcileError::TooLarge)?;
    }
    let mut posted: Vec<Posting> = Vec::new();
    let mut keys = Vec::new();
    for ((tenant, _), (line, currency, minor)) in fees {
        if let Some(posting) = postings::fee(&tenant, psp, &line, minor, currency, now) {
            posted.push(posting);
            keys.push((tenant, currency));
        }
    }
    for entry in entries.iter().filter(|entry| !entry.exchanged.is_empty() && entry.land.is_empty()) {
        posted.extend(postings::exchanged(&entry.tenant, &entry.asset, &entry.told.id, &entry.exchanged, now));
    }
    for entry in entries.iter().filter(|entry| entry.batches().next().is_some()) {
        posted.extend(land(context, tx, entry, now).await?);
    }
    let mut journals = Vec::with_capacity(posted.len());
    // A batch may be of thousands of merchants, and a statement takes so many parameters and no more.
    for some in posted.chunks(AT_ONCE) {
        journals.extend(wallets::post(tx, some).await?);
    }
    Ok(keys.into_iter().zip(journals).map(|(key, journal)| (key, journal.journal.to_string())).collect())
}

async fn land(
    context: &Context<'_>,
    tx: &mut Tx,
    entry: &Entry,
    now: Timestamp,
) -> Result<Vec<Posting>, ReconcileError> {
    let mut shares: BTreeMap<Tenant, i64> = BTreeMap::new();
    for batch in &entry.land {
        // Whoever marks the lines first lands them; what is posted is what was marked.
        store::land(tx, batch, &entry.told.id).await?;
        let mut sum: i64 = 0;
        for (tenant, minor) in store::shares(tx, batch, &entry.told.id).await? {
            let share = shares.entry(tenant).or_default();
            *share = share.checked_add(minor).ok_or(ReconcileError::TooLarge)?;
            sum = sum.checked_add(minor).ok_or(ReconcileError::TooLarge)?;
        }
        if sum != batch.sum {
            return Err(ReconcileError::Meanwhile);
        }
    }
    for (batch, by) in &entry.taken_back {
        store::take_back(tx, batch, by, &entry.told.id).await?;
        let mut sum: i64 = 0;
        for (tenant, minor) in store::shares(tx, batch, &entry.told.id).await? {
            let share = shares.entry(tenant).or_default();
            *share = share.checked_sub(minor).ok_or(ReconcileError::TooLarge)?;
            sum = sum.checked_add(minor).ok_or(ReconcileError::TooLarge)?;
        }
        if sum != batch.sum {
            return Err(ReconcileError::Meanwhile);
        }
        store::float(tx, batch, &entry.told.id).await?;
    }
    let line = &entry.told.id;
    let Some(batch) = entry.land.first().or(entry.taken_back.first().map(|(batch, _)| batch)) else {
        return Ok(Vec::new());
    };
    let (psp, currency) = (context.psp_of(batch), batch.currency);
    let landed = |(tenant, minor): (&Tenant, &i64)| postings::landed(tenant, psp, line, &[(currency, *minor)], now);
    let mut posted: Vec<Posting> = shares.iter().filter_map(landed).collect();
    if !entry.exchanged.is_empty() {
        let shares: Vec<(Tenant, i64)> = shares.into_iter().collect();
        let arrived = (entry.told.currency, entry.told.net);
        let exchanged = postings::exchanged_payout(&shares, currency, arrived, line, now);
        posted.extend(exchanged.ok_or(ReconcileError::TooLarge)?);
    }
    Ok(posted)
}

/// Opens the break, and books or parks what is left over.
pub async fn differ(
    context: &Context<'_>,
    tx: &mut Tx,
    entry: &Entry,
    cause: &Cause,
    now: Timestamp,
) -> Result<(), ReconcileError> {
    let suggestion = if cause.class == Class::Manual { suggestion(tx, entry, cause).await? } else { None };
    let found = NewBreak { suggestion, ..new_break(context, entry, cause) };
    let (it, new) = breaks::open(tx, found, now).await?;
    if !new {
        return Ok(());
    }
    match cause.booked_to() {
        _ if cause.repair == Repair::AskPsp => {}
        Some(to) => {
            let postings = postings::booked(&entry.tenant, &to, &entry.asset, &entry.told.id, &entry.differs, now);
            let journal = match postings {
                Some(posting) => wallets::post(tx, &[posting]).await?.into_iter().next().map(|it| it.journal),
                None => None,
            };
            breaks::close_itself(tx, &Break { journal, ..it }, &cause.explanation, now).await?;
        }
        None => park(tx, &it, entry, now).await?,
    }
    Ok(())
}

/// Puts what is left over into suspense, where it stays until the break is closed; what of the break stands there already is changed
/// to that. The caller must hold the break.
pub async fn park(tx: &mut Tx, it: &Break, entry: &Entry, now: Timestamp) -> Result<(), ReconcileError> {
    let held = breaks::parked(&mut *tx, &it.id).await?;
    let out = held.iter().map(|(currency, minor)| (*currency, minor.saturating_neg()));
    let amounts = summed(entry.differs.iter().copied().chain(out));
    if amounts.is_empty() {
        return Ok(());
    }
    let change = if breaks::store::was_posted(&mut *tx, it).await? {
        let said = "what is left over has changed with what is known";
        Some(breaks::store::note(tx, &it.id, breaks::ITSELF, "parked", said, now).await?)
    } else {
        None
    };
    if let Some(posting) = postings::parked(&it.tenant, &entry.asset, &it.id, change, &amounts, now) {
        let entries = wallets::post(tx, &[posting]).await?;
        if let Some(entry_of) = entries.first() {
            breaks::store::park(tx, it, &entry.differs, &entry_of.journal).await?;
        }
    }
    Ok(())
}

/// The break of an entry that differs.
pub fn new_break(context: &Context<'_>, entry: &Entry, cause: &Cause) -> NewBreak {
    let told = &entry.told;
    let known = entry.ours.as_ref().filter(|_| entry.decided.outcome != Outcome::Duplicate);
    let (expected, actual) = match entry.decided.outcome {
        Outcome::FeeDiffers => (fee::allowed(context.source, told).map(|(most, _)| most), fee::kept(told)),
        Outcome::StateDiffers => (Some(0), told.gross),
        _ => (known.map(|_| entry.decided.expected), if known.is_some() { told.gross } else { told.net }),
    };
    let expected = expected.or_else(|| entry.land.first().map(|_| entry.decided.expected));
    // An amount of another currency is not subtracted from this one.
    let expected = expected.filter(|_| entry.decided.outcome != Outcome::CurrencyDiffers);
    NewBreak {
        tenant: entry.tenant.clone(),
        source: context.source.name.clone(),
        run: Some(context.run.id.clone()),
        outcome: entry.decided.outcome,
        class: cause.class,
        cause: cause.name.clone(),
        subject: told.id.to_string(),
        line: Some(told.id.clone()),
        object: entry.about(),
        currency: told.currency,
        expected,
        actual: Some(actual),
        evidence: evidence(entry, cause),
        suggestion: None,
        expected_by: None,
    }
}

fn evidence(entry: &Entry, cause: &Cause) -> Value {
    let told = &entry.told;
    let signed = |minor: i64| breaks::signed(minor, told.currency);
    json!({
        "explanation": cause.explanation,
        "circumstance": entry.decided.circumstance,
        "business_date": told.business_date.to_string(),
        "line": { "kind": told.kind.to_text(), "currency": told.currency, "gross": signed(told.gross),
            "fee": signed(told.fee), "net": signed(told.net), "psp_payment": told.psp_payment,
            "psp_movement": told.psp_movement, "our_key": told.our_key, "ours": told.ours, "batch": told.batch },
        "ours": entry.ours.as_ref().or(entry.payment.as_ref()).map(|ours| json!({
            "kind": ours.kind.as_str(), "id": ours.id, "payment": ours.payment, "currency": ours.currency,
            "amount": breaks::signed(ours.amount, ours.currency), "told_before": breaks::signed(ours.told, ours.currency),
        })),
        "batches": entry.land.iter().map(|batch| json!({ "source": batch.source, "batch": batch.name,
            "sum": breaks::signed(batch.sum, batch.currency) })).collect::<Vec<_>>(),
    })
}

/// The journal that mostly closes a break of such a cause, where there is one. A person may propose something else.
async fn suggestion(tx: &mut Tx, entry: &Entry, cause: &Cause) -> Result<Option<Value>, ReconcileError> {
    let [(currency, minor)] = entry.differs[..] else { return Ok(None) };
    let other = match cause.name.as_str() {
        // A charge of the bank's.
        "bank_received_another_amount" => Some(Account::PspFees),
        "refund_made_elsewhere" => whose(tx, entry).await?,
        _ => None,
    };
    let transfer = other.and_then(|other| postings::shift(Account::Suspense, other, minor, currency));
    Ok(transfer.map(|transfer| proposal(&cause.explanation, &[transfer])))
}

/// Where the money of the payment that a line names is, when it is one seller's.
async fn whose(tx: &mut Tx, entry: &Entry) -> Result<Option<Account>, DbError> {
    let Some(payment) = entry.payment.as_ref().and_then(|ours| ours.payment.as_ref()) else { return Ok(None) };
    let orders = payments::store::orders(&mut *tx, payment).await?;
    let [order] = &orders[..] else { return Ok(None) };
    let seller = order.seller.clone();
    Ok(Some(if order.fulfilled_at.is_some() { Account::Available(seller) } else { Account::Pending(seller) }))
}
