//! What we believe and the other side has not told: late while it may still be told, missing afterwards.
//!
//! Promises to look only at what happened before the end of the business day whose list is here, and since the source's first list.

mod store;

use jiff::civil::Date;
use serde_json::json;

use super::breaks::{self, Break, NewBreak};
use super::causes::Difference;
use super::line::Side;
use super::matching::{Circumstance, Context, Waiting, subject};
use super::progress::{Progress, Stage};
use super::reconcile::ReconcileError;
use super::words::{Class, Outcome};
use crate::db::retrying;
use crate::words::Timestamp;
pub use store::Unheard;

/// Movements in one go.
const BATCH: i64 = 1_000;
/// Older ones have a break, or are matched.
const LOOK_BACK: i64 = 60;

/// Opens a break for each movement of ours that should have been told by the end of `day`, and turns what was waited for in vain
/// into something missing. Gives how many it found without a line.
pub async fn look(
    context: &Context<'_>,
    day: Date,
    waiting: &Waiting,
    progress: &Progress,
) -> Result<u64, ReconcileError> {
    let Some((from, until)) = window(context, day).await? else { return Ok(0) };
    let mut found: u64 = 0;
    for what in Unheard::of(context.side) {
        let mut after = (from, String::new());
        loop {
            let batch = store::unheard(&context.app.db, *what, context, &after, until, BATCH).await?;
            let Some(last) = batch.last() else { break };
            after = (last.at, last.id.clone());
            let full = i64::try_from(batch.len()).unwrap_or(BATCH) >= BATCH;
            found = found.saturating_add(u64::try_from(batch.len()).unwrap_or(0));
            if !context.run.dry {
                tell(context, &batch, waiting).await?;
            }
            progress.tell(Stage::Missing, found, None);
            if !full {
                break;
            }
        }
    }
    if context.side == Side::Bank {
        found = found.saturating_add(batches(context, day, waiting).await?);
    }
    if !context.run.dry {
        overdue(context, waiting).await?;
    }
    Ok(found)
}

async fn window(context: &Context<'_>, day: Date) -> Result<Option<(Timestamp, Timestamp)>, ReconcileError> {
    let Some(first) = store::first_day(&context.app.db, &context.source.name).await? else { return Ok(None) };
    let begin = first.max(day.saturating_sub(jiff::Span::new().days(LOOK_BACK)));
    let before = begin.yesterday().ok().and_then(|day| context.calendar.end_of(day));
    Ok(before.zip(context.calendar.end_of(day)))
}

async fn tell(context: &Context<'_>, movements: &[store::Movement], waiting: &Waiting) -> Result<(), ReconcileError> {
    let new: Vec<NewBreak> = movements
        .iter()
        .filter(|it| !waiting.contains_key(&subject(it.kind, &it.id)))
        .filter_map(|it| of_movement(context, it))
        .collect();
    open_all(context, new).await
}

async fn open_all(context: &Context<'_>, new: Vec<NewBreak>) -> Result<(), ReconcileError> {
    if new.is_empty() {
        return Ok(());
    }
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        for it in &new {
            breaks::open(&mut tx, it.clone(), now).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

fn of_movement(context: &Context<'_>, it: &store::Movement) -> Option<NewBreak> {
    let day = context.calendar.day_of(it.at)?;
    let expected_by = context.expected_by(day);
    let (outcome, circumstance) = standing(context, expected_by)?;
    let cause = context.causes.find(&Difference {
        side: context.side,
        kind: None,
        outcome,
        circumstance,
        raw: "",
        amount: it.amount.unsigned_abs(),
    })?;
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

fn standing(context: &Context<'_>, expected_by: Date) -> Option<(Outcome, Circumstance)> {
    let late = context.today()? <= expected_by;
    Some(if late { (Outcome::Late, Circumstance::StillTime) } else { (Outcome::MissingAtPsp, Circumstance::Overdue) })
}

/// What a PSP sent and the bank has not shown.
async fn batches(context: &Context<'_>, day: Date, waiting: &Waiting) -> Result<u64, ReconcileError> {
    let mut new = Vec::new();
    let mut found: u64 = 0;
    for batch in super::matching::store::batches_to_land(&context.app.db, &context.psp_sources()).await? {
        if batch.unread || batch.sum == 0 || batch.last_day > day {
            continue;
        }
        found = found.saturating_add(1);
        let expected_by = context.expected_by(batch.last_day);
        let subject = subject(super::words::ObjectKind::Batch, &batch.name);
        let Some((outcome, circumstance)) = standing(context, expected_by) else { continue };
        let amount = batch.sum.unsigned_abs();
        let asked = Difference { side: Side::Bank, kind: None, outcome, circumstance, raw: "", amount };
        let Some(cause) = context.causes.find(&asked).filter(|_| !waiting.contains_key(&subject)) else { continue };
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
async fn overdue(context: &Context<'_>, waiting: &Waiting) -> Result<(), ReconcileError> {
    let Some(today) = context.today() else { return Ok(()) };
    for it in waiting.values().flatten() {
        if it.outcome != Outcome::Late || it.expected_by.is_none_or(|day| today <= day) {
            continue;
        }
        retrying(|| async {
            let now = context.app.now();
            let mut tx = context.app.db.begin().await?;
            // Between the reading and now a line may have come.
            let still = breaks::find(&mut tx, &it.id).await?.is_some_and(|it| it.status != breaks::Status::Resolved);
            if still {
                breaks::close_itself(&mut tx, it, OVERDUE, now).await?;
                if let Some(new) = missing(context, it) {
                    breaks::open(&mut tx, new, now).await?;
                }
                tx.commit().await?;
            }
            Ok::<_, ReconcileError>(())
        })
        .await?;
    }
    Ok(())
}

/// How a break ends that becomes another one.
pub const OVERDUE: &str = "its time is over: it is missing from now on";

fn missing(context: &Context<'_>, late: &Break) -> Option<NewBreak> {
    let cause = context.causes.find(&Difference {
        side: context.side,
        kind: None,
        outcome: Outcome::MissingAtPsp,
        circumstance: Circumstance::Overdue,
        raw: "",
        amount: late.at_risk.unsigned_abs(),
    })?;
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
