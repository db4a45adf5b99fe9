//! What we believe and the other side has not told: late while it may still be told, missing afterwards.
//!
//! Promises to look only at what happened before the end of the business day whose list is here, and since the source's first day;
//! to call nothing overdue that may stand in a list which nobody has asked for yet; and that of several sources of one PSP what one
//! waits for is waited for once, and heard when another tells it.

mod store;

use std::collections::HashSet;

use jiff::civil::Date;
use serde_json::json;

use super::breaks::{self, Break, NewBreak};
use super::causes::{Cause, Difference};
use super::line::Side;
use super::matching::{Circumstance, Context, subject, waiting};
use super::progress::{Progress, Stage};
use super::reconcile::ReconcileError;
use super::runs;
use super::words::{Class, Outcome};
use crate::db::retrying;
use crate::words::{Currency, Timestamp};
pub use store::Unheard;

/// Movements in one go.
const BATCH: i64 = 1_000;
/// Older ones have a break, or are matched.
const LOOK_BACK: i64 = 60;

/// Opens a break for each movement of ours that should have been told by the end of `day`, and turns what was waited for in vain
/// into something missing. Gives how many it found without a line.
pub async fn look(context: &Context<'_>, day: Date, progress: &Progress) -> Result<u64, ReconcileError> {
    let Some((from, until)) = window(context, day).await? else { return Ok(0) };
    let Some(today) = horizon(context, day).await? else { return Ok(0) };
    let mut found: u64 = 0;
    for psp in context.source.psps() {
        for what in Unheard::of(context.side) {
            let mut after = (from, String::new());
            loop {
                let batch = store::unheard(context, *what, psp, &after, until, BATCH).await?;
                let Some(last) = batch.last() else { break };
                after = (last.at, last.id.clone());
                let full = i64::try_from(batch.len()).unwrap_or(BATCH) >= BATCH;
                found = found.saturating_add(u64::try_from(batch.len()).unwrap_or(0));
                if !context.run.dry {
                    tell(context, &batch, today).await?;
                }
                progress.tell(Stage::Missing, found, None);
                if !full {
                    break;
                }
            }
        }
    }
    if context.side == Side::Bank {
        found = found.saturating_add(batches(context, day, today).await?);
    }
    if !context.run.dry {
        overdue(context, today).await?;
    }
    Ok(found)
}

async fn window(context: &Context<'_>, day: Date) -> Result<Option<(Timestamp, Timestamp)>, ReconcileError> {
    let Some(first) = store::first_day(&context.app.db, &context.source.name).await? else { return Ok(None) };
    let begin = first.max(day.saturating_sub(jiff::Span::new().days(LOOK_BACK)));
    let before = begin.yesterday().ok().and_then(|day| context.calendar.end_of(day));
    Ok(before.zip(context.calendar.end_of(day)))
}

/// The day on which this is asked, as far as lists have come: after days on which nothing ran, what seems overdue may stand in the
/// list of a day that is to be made up for. One that was asked for in vain is not waited for.
async fn horizon(context: &Context<'_>, day: Date) -> Result<Option<Date>, ReconcileError> {
    let mut asked = day;
    for next in store::tried_after(&context.app.db, &context.source.name, day).await? {
        if asked.tomorrow().ok() != Some(next) {
            break;
        }
        asked = next;
    }
    Ok(context.today().map(|today| today.min(context.listed_on(asked))))
}

async fn tell(context: &Context<'_>, movements: &[store::Movement], today: Date) -> Result<(), ReconcileError> {
    let known = known(context, movements.iter().map(|it| subject(it.kind, &it.id)).collect()).await?;
    let new: Vec<NewBreak> = movements
        .iter()
        .filter(|it| !known.contains(&subject(it.kind, &it.id)))
        .filter_map(|it| of_movement(context, it, today))
        .collect();
    open_all(context, new).await
}

/// Which of these subjects are waited for.
async fn known(context: &Context<'_>, subjects: Vec<String>) -> Result<HashSet<String>, ReconcileError> {
    let waiting = waiting(context, &context.app.db, &subjects).await?;
    Ok(waiting.into_iter().map(|it| it.subject).collect())
}

async fn open_all(context: &Context<'_>, new: Vec<NewBreak>) -> Result<(), ReconcileError> {
    if new.is_empty() {
        return Ok(());
    }
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        runs::must_be_ours(&mut tx, context.run, now).await?;
        for it in &new {
            breaks::open(&mut tx, it.clone(), now).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

fn of_movement(context: &Context<'_>, it: &store::Movement, today: Date) -> Option<NewBreak> {
    let day = context.calendar.day_of(it.at)?;
    let expected_by = context.expected_by(day);
    let outcome = standing(today, expected_by);
    let cause = cause(context, outcome, (it.amount.unsigned_abs(), it.currency), 0)?;
    Some(NewBreak {
        tenant: it.tenant.clone(),
        source: context.source.name.clone(),
        run: Some(context.run.id.clone()),
        outcome,
        class: cause.class,
        cause: cause.name.clone(),
        subject: subject(it.kind, &it.id),
        line: None,
        object: Some((it.kind, it.id.clone())),
        currency: it.currency,
        expected: Some(it.amount),
        actual: None,
        evidence: json!({ "explanation": cause.explanation, "business_date": day.to_string(), "happened_at": it.at }),
        suggestion: None,
        expected_by: Some(expected_by),
    })
}

fn standing(today: Date, expected_by: Date) -> Outcome {
    if today <= expected_by { Outcome::Late } else { Outcome::MissingAtPsp }
}

/// Why a movement of so many minor units has no line; `days` is for how long that was known.
pub(super) fn cause<'c>(
    context: &'c Context<'_>,
    outcome: Outcome,
    (amount, currency): (u64, Currency),
    days: u64,
) -> Option<&'c Cause> {
    let circumstance = if outcome == Outcome::Late { Circumstance::StillTime } else { Circumstance::Overdue };
    context.causes.find(&Difference {
        side: context.side,
        source: &context.source.name,
        kind: None,
        outcome,
        circumstance,
        raw: "",
        amount,
        currency,
        days,
    })
}

/// What a PSP sent and the bank has not shown.
async fn batches(context: &Context<'_>, day: Date, today: Date) -> Result<u64, ReconcileError> {
    let mut new = Vec::new();
    let mut found: u64 = 0;
    let there = super::matching::store::batches_to_land(&context.app.db, &context.psp_sources()).await?;
    let known = known(context, there.iter().map(|batch| context.batch_subject(batch)).collect()).await?;
    for batch in there {
        if batch.unread || batch.sum == 0 || batch.last_day > day {
            continue;
        }
        found = found.saturating_add(1);
        let expected_by = context.expected_by(batch.last_day);
        let subject = context.batch_subject(&batch);
        let outcome = standing(today, expected_by);
        let cause = cause(context, outcome, (batch.sum.unsigned_abs(), batch.currency), 0);
        let Some(cause) = cause.filter(|_| !known.contains(&subject)) else { continue };
        new.push(NewBreak {
            tenant: context.owner.clone(),
            source: context.source.name.clone(),
            run: Some(context.run.id.clone()),
            outcome,
            class: cause.class,
            cause: cause.name.clone(),
            subject,
            line: None,
            object: Some((super::words::ObjectKind::Batch, batch.name.clone())),
            currency: batch.currency,
            expected: Some(batch.sum),
            actual: None,
            evidence: json!({ "explanation": cause.explanation, "business_date": batch.last_day.to_string(), "psp_source": batch.source }),
            suggestion: None,
            expected_by: Some(expected_by),
        });
    }
    if !context.run.dry {
        open_all(context, new).await?;
    }
    Ok(found)
}

/// What was waited for and did not come is missing from now on.
async fn overdue(context: &Context<'_>, today: Date) -> Result<(), ReconcileError> {
    let mut after = String::new();
    loop {
        let some = breaks::store::overdue(&context.app.db, &context.source.name, today, &after, BATCH).await?;
        let Some(last) = some.last() else { return Ok(()) };
        after = last.id.to_string();
        turn(context, &some).await?;
    }
}

async fn turn(context: &Context<'_>, late: &[Break]) -> Result<(), ReconcileError> {
    let sources = context.psp_sources();
    for it in late {
        retrying(|| async {
            let now = context.app.now();
            let mut tx = context.app.db.begin().await?;
            runs::must_be_ours(&mut tx, context.run, now).await?;
            // Between the reading and now a line may have come, of this source or of another.
            let told = match &it.object {
                Some((kind, id)) => store::is_told(&mut tx, (*kind, id), it.currency, &sources).await?,
                None => false,
            };
            let closed = breaks::close_itself(&mut tx, it, if told { TOLD } else { OVERDUE }, now).await?;
            if let Some(new) = missing(context, it).filter(|_| closed && !told) {
                breaks::open(&mut tx, new, now).await?;
            }
            tx.commit().await?;
            Ok::<_, ReconcileError>(())
        })
        .await?;
    }
    Ok(())
}

/// How a break ends whose movement was told.
const TOLD: &str = "it was told after all";
/// How a break ends that becomes another one.
pub const OVERDUE: &str = "its time is over: it is missing from now on";

fn missing(context: &Context<'_>, late: &Break) -> Option<NewBreak> {
    let cause = cause(context, Outcome::MissingAtPsp, (late.at_risk.unsigned_abs(), late.currency), 0)?;
    debug_assert_ne!(cause.class, Class::Automatic, "nobody would be told");
    Some(NewBreak {
        tenant: late.tenant.clone(),
        source: late.source.clone(),
        run: Some(context.run.id.clone()),
        outcome: Outcome::MissingAtPsp,
        class: cause.class,
        cause: cause.name.clone(),
        subject: late.subject.clone(),
        line: None,
        object: late.object.clone(),
        currency: late.currency,
        expected: late.expected,
        actual: None,
        evidence: late.evidence.clone(),
        suggestion: None,
        expected_by: late.expected_by,
    })
}
