//! What the table of causes says now of differences that were found before: operators have added a row or changed one, or a
//! difference has grown old.

use super::super::breaks::store::Known;
use super::super::breaks::{self, Break, Status};
use super::super::causes::{Cause, Difference, days_open};
use super::super::matching::{Circumstance, Context};
use super::super::postings;
use super::super::reconcile::ReconcileError;
use super::super::runs;
use super::super::words::Outcome;
use super::BATCH;
use crate::db::retrying;
use crate::ledger::Account;
use crate::wallets;
use crate::words::Timestamp;

/// Gives each open break the cause and the class that it would be given now. What somebody proposes a journal for stays as it is.
pub(super) async fn ask_the_table(context: &Context<'_>) -> Result<(), ReconcileError> {
    let mut after = String::new();
    loop {
        let found = breaks::store::known(&context.app.db, &context.source.name, &after, BATCH).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.it.id.to_string();
        let now = context.app.now();
        for known in &found {
            let Some(cause) = cause(context, known, now) else { continue };
            let same = known.it.cause == cause.name && (known.it.class == cause.class || known.it.escalated);
            if !same {
                update(context, &known.it, cause).await?;
            }
        }
    }
}

async fn update(context: &Context<'_>, it: &Break, cause: &Cause) -> Result<(), ReconcileError> {
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        runs::must_be_ours(&mut tx, context.run, now).await?;
        if let Some(it) = breaks::store::lock(&mut tx, &it.id).await?.filter(|it| it.status == Status::Open) {
            breaks::update(&mut tx, &it, &cause.name, cause.class, now).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

/// Books what stands in suspense of breaks whose cause says as what, and closes them with it.
pub(super) async fn book(context: &Context<'_>) -> Result<(), ReconcileError> {
    let booking = context.causes.all().iter().filter(|cause| cause.booked_to().is_some());
    let names: Vec<&str> = booking.map(|cause| cause.name.as_str()).collect();
    for it in breaks::store::of_causes(&context.app.db, &context.source.name, &names).await? {
        if let Some((cause, to)) = context.causes.named(&it.cause).and_then(|cause| Some((cause, cause.booked_to()?))) {
            close(context, &it, cause, &to).await?;
        }
    }
    Ok(())
}

async fn close(context: &Context<'_>, it: &Break, cause: &Cause, to: &Account) -> Result<(), ReconcileError> {
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        runs::must_be_ours(&mut tx, context.run, now).await?;
        let held = breaks::store::lock(&mut tx, &it.id).await?.filter(|it| it.status == Status::Open);
        let Some(it) = held else { return Ok(()) };
        let amounts = breaks::parked(&mut tx, &it.id).await?;
        breaks::store::release(&mut tx, &it.id).await?;
        let journal = match postings::closed(&it.tenant, to, &it.id, &amounts, now) {
            Some(posting) => wallets::post(&mut tx, &[posting]).await?.into_iter().next().map(|it| it.journal),
            None => None,
        };
        breaks::close_itself(&mut tx, &Break { journal, ..it }, &cause.explanation, now).await?;
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

/// The row of the table that fits an open break by what was found of it and by its age.
fn cause<'c>(context: &'c Context<'_>, known: &Known, now: Timestamp) -> Option<&'c Cause> {
    let (it, line) = (&known.it, known.line.as_ref());
    let circumstance = match (line, it.outcome) {
        (None, Outcome::Late) => Circumstance::StillTime,
        (None, _) => Circumstance::Overdue,
        (Some(_), _) => Circumstance::parse(it.evidence.get("circumstance")?.as_str()?)?,
    };
    let amount = known.held.or_else(|| line.map(|line| line.net)).or(it.expected).unwrap_or(0);
    context.causes.find(&Difference {
        side: line.map_or(context.side, |line| line.side),
        source: &it.source,
        kind: line.map(|line| &line.kind),
        outcome: it.outcome,
        circumstance,
        raw: line.map_or("", |line| line.raw.as_str()),
        amount: amount.unsigned_abs(),
        currency: it.currency,
        days: days_open(it.opened_at, now),
    })
}
