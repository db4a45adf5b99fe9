//! A landing by hand: an entry of the bank that reconciliation could not place is a PSP's payout all the same, and two people say so.
//!
//! Promises that the batches land as if the entry had named them, once; what the entry brought beyond them, or less, stays in
//! suspense as the same difference, until a journal says what it was.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::breaks::{self, ActError, Break, Status};
use super::line::Side;
use super::matching::{Batch, Told, psp_of, sources_of, store};
use super::postings;
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::ledger::Account;
use crate::wallets;
use crate::words::{Currency, LineId, Tenant, Timestamp};

/// Batches of one landing.
pub const BATCHES: usize = 3;

/// What two people say that has landed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The source whose lines the batch is made of.
    pub source: String,
    /// Its PSP's account in the books.
    pub psp: String,
    /// The PSP's name of it.
    pub name: String,
    /// Of the sum.
    pub currency: Currency,
    /// Minor units: the sum of the lines' net.
    pub sum: i64,
}

/// The batches that may have come with the entry of a break: none, unless it is a bank's, and all of it is in suspense.
///
/// # Errors
/// When the database fails.
pub async fn candidates(app: &App, it: &Break) -> Result<Vec<Landed>, DbError> {
    let sources = &app.config.reconciliation.sources;
    let Some(bank) = sources.iter().find(|source| source.name == it.source) else { return Ok(Vec::new()) };
    let told = store::lines(&app.db, it.line.as_slice()).await?;
    if it.status != Status::Open || unplaced(told, &breaks::parked(&app.db, &it.id).await?).is_none() {
        return Ok(Vec::new());
    }
    let names: Vec<String> = bank.psps().into_iter().flat_map(|psp| sources_of(sources, psp, bank.livemode)).collect();
    let mut pending = store::batches_to_land(&app.db, &names).await?;
    pending.retain(|batch| !batch.unread && batch.sum != 0);
    // Those of the entry's own currency first: the others were exchanged.
    pending.sort_by_key(|batch| batch.currency != it.currency);
    let landed = |batch: Batch| Landed {
        psp: psp_of(sources, &batch).unwrap_or(&bank.psp).to_owned(),
        source: batch.source,
        name: batch.name,
        currency: batch.currency,
        sum: batch.sum,
    };
    Ok(pending.into_iter().map(landed).collect())
}

/// The entry of a bank, when all that it brought is held in suspense.
fn unplaced(told: Vec<Told>, held: &[(Currency, i64)]) -> Option<(LineId, i64)> {
    let bank = told.into_iter().next().filter(|told| told.side == Side::Bank);
    bank.filter(|told| held == [(told.currency, told.net)]).map(|told| (told.id, told.net))
}

async fn of_break(tx: &mut Tx, it: &Break) -> Result<(LineId, i64), ActError> {
    let told = store::lines(&mut *tx, it.line.as_slice()).await?;
    unplaced(told, &breaks::parked(&mut *tx, &it.id).await?).ok_or(ActError::Landing)
}

/// Proposes that a break's entry has brought these batches; it waits for a second person.
///
/// # Errors
/// [`ActError`], and then nothing was written.
pub async fn propose(
    tx: &mut Tx,
    it: &Break,
    reason: &str,
    landed: &[Landed],
    by: &str,
    now: Timestamp,
) -> Result<Break, ActError> {
    let fits = |pair: &[Landed]| matches!(pair, [one, next] if (&one.psp, one.currency) == (&next.psp, next.currency));
    if !(1..=BATCHES).contains(&landed.len()) || !landed.windows(2).all(fits) {
        return Err(ActError::Landing);
    }
    let (_, net) = of_break(tx, it).await?;
    // Amounts of two currencies are not compared, yet what was sent does not leave the account.
    let sum = landed.iter().fold(0_i64, |sum, of| sum.saturating_add(of.sum));
    if landed.iter().any(|of| of.currency != it.currency) && sum.signum() != net.signum() {
        return Err(ActError::Landing);
    }
    let rows: Vec<Value> =
        landed.iter().map(|of| json!([of.source, of.psp, of.name, of.currency, of.sum.to_string()])).collect();
    breaks::propose_as(tx, &it.id, reason, &json!({ "reason": reason.trim(), "lands": rows }), by, now).await
}

/// What a proposal says that has landed; `None` when it is a journal.
#[must_use]
pub fn read(proposal: &Value) -> Option<Vec<Landed>> {
    let rows: Vec<[String; 5]> = serde_json::from_value(proposal.get("lands")?.clone()).ok()?;
    let landed = |[source, psp, name, currency, sum]: [String; 5]| {
        Some(Landed { source, psp, name, currency: Currency::parse(&currency).ok()?, sum: sum.parse().ok()? })
    };
    rows.into_iter().map(landed).collect()
}

/// Does what was proposed: the batches have landed with the entry, and leave suspense for what the PSP owed. Closes the break when
/// nothing is left over; else it is open again with what is. Of batches in another currency the entry is what they were exchanged for.
pub(super) async fn agree(
    tx: &mut Tx,
    it: &Break,
    landed: &[Landed],
    by: &str,
    now: Timestamp,
) -> Result<Break, ActError> {
    let (line, net) = of_break(tx, it).await?;
    let [first, ..] = landed else { return Err(ActError::Landing) };
    let mut shares: BTreeMap<Tenant, i64> = BTreeMap::new();
    let mut sum: i64 = 0;
    for of in landed {
        let (source, name, currency) = (of.source.clone(), of.name.clone(), of.currency);
        let batch = Batch { source, name, currency, sum: of.sum, last_day: jiff::civil::Date::MAX, unread: false };
        store::land(tx, &batch, &line).await?;
        let mut landed: i64 = 0;
        for (tenant, minor) in store::shares(tx, &batch, &line).await? {
            let share = shares.entry(tenant).or_default();
            *share = share.saturating_add(minor);
            landed = landed.saturating_add(minor);
        }
        // Part of it has landed since, or more of it was told.
        if landed != of.sum {
            return Err(ActError::Changed);
        }
        sum = sum.saturating_add(landed);
        breaks::store::close_waiting(tx, &of.source, &of.name, of.currency, now).await?;
    }
    let is_exchanged = first.currency != it.currency;
    let placed = if is_exchanged { net } else { sum };
    let left = net.saturating_sub(placed);
    let names: Vec<&str> = landed.iter().map(|of| of.name.as_str()).collect();
    let said = format!("what has landed with it: {}", names.join(", "));
    let number = breaks::store::note(tx, &it.id, by, "landed", &said, now).await?;
    let out = [(it.currency, placed.saturating_neg())];
    let mut postings: Vec<_> =
        postings::parked(&it.tenant, &Account::Bank, &it.id, Some(number), &out, now).into_iter().collect();
    for (tenant, minor) in &shares {
        postings.extend(postings::landed(tenant, &first.psp, &line, &[(first.currency, *minor)], now));
    }
    if is_exchanged {
        let shares: Vec<(Tenant, i64)> = shares.into_iter().collect();
        let exchanged = postings::exchanged_payout(&shares, first.currency, (it.currency, net), &line, now);
        postings.extend(exchanged.ok_or(ActError::Landing)?);
    }
    let result = if left == 0 { "matched" } else { "amount_differs" };
    store::placed(tx, &line, result, names.first().copied().unwrap_or_default()).await?;
    let journal = wallets::post(tx, &postings).await?.into_iter().next().map(|entry| entry.journal);
    let journal = journal.ok_or(ActError::Landing)?;
    breaks::store::park(tx, it, &[(it.currency, left)], &journal).await?;
    breaks::landed(tx, it, (left == 0).then_some(journal), by, now).await
}
