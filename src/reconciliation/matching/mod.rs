//! Matching: lines of a PSP or a bank held against what we believe, in batches of a few thousand.
//!
//! Promises: ids first, then declared rules, never an amount and a day alone where an id exists; whatever is decided about a line
//! is written together with what it means for the books; a line is looked at once, so that a run that died is simply run again.
//! Refuses to know files, and what is done about a difference.

mod bank;
mod context;
mod decide;
mod entry;
mod fee;
mod find;
mod rehearsed;
pub(super) mod store;
mod told;
pub(super) mod write;

pub use context::{Context, owner, psp_of, sources_of};
pub use decide::{Circumstance, Decided};
pub use entry::Entry;
pub use rehearsed::Batches;
pub use store::Batch;
pub use told::{Here, Ours, Told};
pub use write::subject;

use std::collections::HashMap;

use jiff::civil::Date;

use super::breaks::{self, Break};
use super::causes::Cause;
use super::line::{Line, Side};
use super::progress::{Progress, Stage};
use super::reconcile::ReconcileError;
use super::runs;
use super::words::Outcome;
use crate::db::{DbError, On};
use crate::words::LineId;
use store::After;

/// Lines in one go.
const BATCH: i64 = 2_000;

/// Looks at every line of the source that nobody has looked at; gives how many those were.
pub async fn lines(context: &Context<'_>, progress: &Progress) -> Result<u64, ReconcileError> {
    let mut done: u64 = 0;
    for side in [Side::Psp, Side::Bank] {
        let mut after = After::default();
        loop {
            let read = store::new_lines(&context.app.db, &context.source.name, side, &after, BATCH).await?;
            let Some(batch) = whole_payments(read) else { break };
            after = batch.last().map(After::line).unwrap_or_default();
            let count = u64::try_from(batch.len()).unwrap_or(0);
            let entries = entries_of(context, batch).await?;
            write::write(context, &entries).await?;
            if !runs::still_there(context.app, context.run).await? {
                return Err(ReconcileError::Overtaken);
            }
            done = done.saturating_add(count);
            progress.tell(Stage::Matching, done, None);
        }
    }
    Ok(done)
}

/// Is told what would be decided about a line, and by which row of the table of causes when it differs.
pub type Each<'e> = dyn FnMut(&Entry, Option<&Cause>) + Send + 'e;

/// What would be decided about the lines of a day, whatever was decided before; nothing is written.
pub async fn rehearse_day(context: &Context<'_>, day: Date, each: &mut Each<'_>) -> Result<(), ReconcileError> {
    let mut after = After::default();
    loop {
        let read = store::lines_of_day(&context.app.db, &context.source.name, day, &after, BATCH).await?;
        let Some(batch) = whole_payments(read) else { return Ok(()) };
        after = batch.last().map(After::line).unwrap_or_default();
        for entry in entries_of(context, batch).await? {
            let differs = entry.decided.outcome != Outcome::Matched;
            let raw = if differs { store::raw(&context.app.db, &entry.told.id).await? } else { String::new() };
            each(&entry, write::cause_of(context, &entry, &raw).filter(|_| differs));
        }
    }
}

/// What would be decided about lines as a file gives them; nothing is written. One that was taken in before is held against ours as
/// if it had not been. What a batch comes to is known at its end, so that PSPs' payouts are decided then.
pub async fn rehearse(
    context: &Context<'_>,
    lines: Vec<Line>,
    batches: &mut Batches,
    each: &mut Each<'_>,
) -> Result<(), DbError> {
    let identities: Vec<&str> = lines.iter().map(|line| line.identity.as_str()).collect();
    let known = store::ids_of(&context.app.db, &context.source.name, &identities).await?;
    let (told, of) = as_told(lines, known);
    let told = batches.add(told);
    hold_rehearsed(context, told, &of, &mut |_, entry, cause| each(entry, cause)).await
}

/// Is told what would be decided about a line of this identity, and by which row of the table of causes when it differs.
pub type EachNamed<'e> = dyn FnMut(&str, &Entry, Option<&Cause>) + Send + 'e;

/// The same of lines that stand under these ids, beside everything else that stands: what a batch comes to is known.
pub(in crate::reconciliation) async fn rehearse_told(
    context: &Context<'_>,
    lines: Vec<Line>,
    known: HashMap<String, LineId>,
    each: &mut EachNamed<'_>,
) -> Result<(), DbError> {
    let (told, of) = as_told(lines, known);
    hold_rehearsed(context, told, &of, each).await
}

/// What a line is called in its source, and its row as it stands in the file.
type Rows = HashMap<LineId, (String, String)>;

fn as_told(lines: Vec<Line>, mut known: HashMap<String, LineId>) -> (Vec<Told>, Rows) {
    let (mut told, mut rows) = (Vec::with_capacity(lines.len()), Rows::new());
    for mut line in lines {
        let id = known.remove(&line.identity).unwrap_or_else(LineId::new);
        rows.insert(id.clone(), (std::mem::take(&mut line.identity), std::mem::take(&mut line.raw)));
        told.push(Told::rehearsed(line, id));
    }
    (told, rows)
}

async fn hold_rehearsed(
    context: &Context<'_>,
    mut told: Vec<Told>,
    rows: &Rows,
    each: &mut EachNamed<'_>,
) -> Result<(), DbError> {
    told.sort_by(|one, other| (&one.psp_payment, one.id.as_str()).cmp(&(&other.psp_payment, other.id.as_str())));
    for entry in entries_of(context, told).await? {
        let (identity, raw) = rows.get(&entry.told.id).map_or(("", ""), |(identity, raw)| (identity, raw));
        let cause = write::cause_of(context, &entry, raw).filter(|_| entry.decided.outcome != Outcome::Matched);
        each(identity, &entry, cause);
    }
    Ok(())
}

/// What was decided about these lines, all of one side.
pub async fn entries_of(context: &Context<'_>, lines: Vec<Told>) -> Result<Vec<Entry>, DbError> {
    if lines.first().is_some_and(|line| line.side == Side::Bank) {
        return bank::bank_lines(context, lines).await;
    }
    let verdicts = find::psp_lines(context, lines).await?;
    let psp = context.source.psp.as_str();
    Ok(verdicts.into_iter().map(|verdict| Entry::of_psp(verdict, &context.owner, psp)).collect())
}

/// Breaks about these subjects that wait for a line: the source's, and those of other sources of its PSP, for any of them may
/// tell it.
pub async fn waiting(context: &Context<'_>, on: impl Into<On<'_>>, subjects: &[String]) -> Result<Vec<Break>, DbError> {
    if subjects.is_empty() {
        return Ok(Vec::new());
    }
    let mut sources = context.psp_sources();
    if !sources.contains(&context.source.name) {
        sources.push(context.source.name.clone());
    }
    breaks::store::without_line(on, &sources, subjects).await
}

/// Without the lines of a payment that goes on behind the end of a full batch; `None` at the end.
fn whole_payments(mut lines: Vec<Told>) -> Option<Vec<Told>> {
    let full = i64::try_from(lines.len()).unwrap_or(BATCH) >= BATCH;
    let last = lines.last()?.psp_payment.clone();
    if full && last.is_some() && lines.first().is_some_and(|first| first.psp_payment != last) {
        lines.retain(|line| line.psp_payment != last);
    }
    Some(lines)
}
