//! Repair: what is known to come right when the PSP is asked is asked, through the verbs that its webhooks end in; then the line
//! is looked at again.
//!
//! A PSP that cannot be reached is asked again by the next run; when it has been silent too often a person is told, and it is asked
//! all the same. What the PSP has answered and still does not agree is a person's. Either way the line's money waits in suspense
//! meanwhile, so that the books say what the file says.

mod ask;
mod known;
mod pieces;

use super::breaks::{self, Break, Status};
use super::causes::Repair;
use super::line::Side;
use super::matching::{Context, Entry, entries_of, store, write};
use super::reconcile::ReconcileError;
use super::words::{Class, ObjectKind, Outcome};
use crate::db::retrying;
use crate::ledger::Account;
use crate::wallets;
use ask::{Asked, ask};

/// Breaks in one go.
const BATCH: i64 = 200;
/// So often in a row somebody is asked in vain before a person is told.
const IN_VAIN: i64 = 5;

/// Looks again at what is open of a source: what the table of causes says of it now, what may have come right, and what may be
/// booked without a person.
pub async fn all(context: &Context<'_>) -> Result<(), ReconcileError> {
    known::ask_the_table(context).await?;
    look_again(context).await?;
    pieces::put_together(context).await?;
    known::book(context).await
}

async fn look_again(context: &Context<'_>) -> Result<(), ReconcileError> {
    let mut after = String::new();
    loop {
        let found = breaks::store::with_line(&context.app.db, &context.source.name, &after, BATCH).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.id.to_string();
        for it in &found {
            one(context, it).await?;
        }
    }
}

async fn one(context: &Context<'_>, it: &Break) -> Result<(), ReconcileError> {
    let Some(mut entry) = again(context, it).await? else { return Ok(()) };
    let asks = context.causes.named(&it.cause).is_some_and(|cause| cause.repair == Repair::AskPsp);
    let mut asked = None;
    // Whoever is silent is asked on, also when a person knows of it.
    if !is_right(&entry) && asks && (it.class == Class::Automatic || it.unanswered > 0) {
        asked = Some(ask(context.app, it, &entry).await);
        let Some(now) = again(context, it).await? else { return Ok(()) };
        entry = now;
    }
    if is_right(&entry) { came_right(context, it, &entry).await } else { differs(context, it, &entry, asked).await }
}

/// The line of a break as it would be decided now, beside all lines of its movement that are open as it is.
async fn again(context: &Context<'_>, it: &Break) -> Result<Option<Entry>, ReconcileError> {
    let (Some(line), db) = (&it.line, &context.app.db) else { return Ok(None) };
    if store::has_landed(db, line).await? {
        // What it has landed has landed.
        return Ok(None);
    }
    let own = store::lines(db, std::slice::from_ref(line)).await?;
    let of_batch = it.object.as_ref().is_some_and(|(kind, _)| *kind == ObjectKind::Batch);
    let told = if of_batch && own.iter().any(|told| told.side == Side::Bank) {
        own
    } else {
        store::lines(db, &breaks::store::lines_beside(db, it).await?).await?
    };
    let entry = entries_of(context, told).await?.into_iter().find(|entry| entry.told.id == *line);
    let booked = store::fee_booked(db, line).await?;
    Ok(entry.map(|entry| if booked == 0 { entry } else { entry.after_fee(booked) }))
}

const fn is_right(entry: &Entry) -> bool {
    matches!(entry.decided.outcome, Outcome::Matched | Outcome::FeeDiffers) && entry.differs.is_empty()
}

/// Takes out of suspense what was parked, books what was not, and closes the break with it. A fee that is not the contract's is
/// told, as everywhere.
async fn came_right(context: &Context<'_>, it: &Break, entry: &Entry) -> Result<(), ReconcileError> {
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        if !breaks::close_itself(&mut tx, it, "the other side was asked, and both agree now", now).await? {
            return Ok(());
        }
        let parked = breaks::parked(&mut tx, &it.id).await?;
        if !parked.is_empty() {
            breaks::store::release(&mut tx, &it.id).await?;
        }
        let journals = write::book(context, &mut tx, &[entry], now).await?;
        let cause = match entry.decided.outcome {
            Outcome::FeeDiffers => {
                let raw = store::raw(&mut tx, &entry.told.id).await?;
                write::cause_of(context, entry, &raw)
            }
            _ => None,
        };
        let standing = if cause.is_some() { "open" } else { "closed" };
        if !store::mark(&mut tx, "closed", &[write::mark(entry, standing, it.outcome, &journals)]).await? {
            return Err(ReconcileError::Meanwhile);
        }
        if let Some(cause) = cause {
            write::differ(context, &mut tx, entry, cause, now).await?;
        }
        let asset = if entry.batches().next().is_none() { entry.asset.clone() } else { Account::Bank };
        if let Some(posting) = super::postings::released(&it.tenant, &asset, &it.id, &parked, now) {
            wallets::post(&mut tx, &[posting]).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

/// Has in suspense what is left over now; a break about which nobody can be asked any more is a person's.
async fn differs(context: &Context<'_>, it: &Break, entry: &Entry, asked: Option<Asked>) -> Result<(), ReconcileError> {
    // A fee that was not booked is booked when it comes right; until then it is part of what is left over.
    let entry = &entry.clone().after_fee(0);
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        // Nobody closes it before what is left over is in suspense, and nothing is put there once it is closed.
        let held = breaks::store::lock(&mut tx, &it.id).await?.filter(|it| it.status != Status::Resolved);
        let Some(it) = held else { return Ok(()) };
        // What stands in other books than those in which it was found is a person's.
        if entry.tenant == it.tenant {
            write::park(&mut tx, &it, entry, now).await?;
            let mark = write::mark(entry, "open", it.outcome, &write::Journals::new());
            if !store::mark(&mut tx, "open", &[mark]).await? {
                return Err(ReconcileError::Meanwhile);
            }
        }
        let unanswered = match asked {
            Some(Asked::Unanswered) => it.unanswered.saturating_add(1),
            Some(Asked::Answered | Asked::Nobody) => 0,
            None => it.unanswered,
        };
        breaks::store::count_unanswered(&mut tx, &it.id, unanswered).await?;
        let said = match asked {
            Some(Asked::Answered) => Some("the PSP was asked, and it still differs"),
            Some(Asked::Nobody) => Some("nothing of it is under way here about which the PSP could be asked"),
            Some(Asked::Unanswered) if unanswered >= IN_VAIN => {
                Some("the PSP was asked again and again, and has not answered")
            }
            Some(Asked::Unanswered) | None => None,
        };
        if let Some(said) = said {
            breaks::escalate(&mut tx, &it, said, now).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}
