//! Every night, by itself: which business days are due to be reconciled, and doing it.
//!
//! Promises: a day is due when its file should be there, in the source's own time zone; days that were missed while nothing ran are
//! made up for, the oldest first; a day that could not be done is tried again later and holds no other day up; of several processes
//! one does it. Refuses to know how a day is reconciled.

mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::breaks::ITSELF;
use super::calendar::{Calendar, NoCalendar, time_of_day};
use super::progress::Progress;
use super::reconcile::{ReconcileError, What, reconcile};
use super::runs::{Status, Trigger};
use crate::app::App;
use crate::config::reconciliation::{Format, Source};
use crate::words::Timestamp;

/// A day that could not be done is tried again after this, and after twice as long each further time.
const AGAIN: Duration = Duration::from_mins(15);
/// But at least this often.
const LONGEST: Duration = Duration::from_hours(6);
/// How many days back a missed one is made up for.
const REACH: i64 = 62;

/// What was done about a business day so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tried {
    /// When the last run that came to an end well was begun.
    pub done: Option<Timestamp>,
    /// When the last run of any end was begun.
    pub last: Option<Timestamp>,
    /// How many were in vain.
    pub failures: u32,
}

/// Reconciles what is due of every source; says how many runs there were. Stops between two days when `go_on` says no.
///
/// # Errors
/// When the database fails.
pub async fn round(app: &App, go_on: impl Fn() -> bool) -> anyhow::Result<usize> {
    let mut sources: Vec<&Source> = app.config.reconciliation.sources.iter().collect();
    // What a PSP has sent is known before what has landed.
    sources.sort_by_key(|source| source.format == Format::Camt053);
    let (mut runs, nobody) = (0, Progress::nobody());
    for source in sources {
        let now = app.now();
        let Ok(latest) = latest(source, now) else {
            tracing::error!(source = source.name, "its zone, cutoff or hour says nothing: it is not reconciled");
            continue;
        };
        let Some(latest) = latest else { continue };
        let from = latest.saturating_sub(REACH.days());
        let tried = store::tried(&app.db, &source.name, from).await?;
        for day in due(source, now, latest, &tried) {
            if !go_on() {
                return Ok(runs);
            }
            // Boxed: it is as large as everything that it may do.
            let ran = Box::pin(reconcile(app, source, What::Day(day), Trigger::Nightly, false, ITSELF, &nobody));
            match ran.await {
                Ok(run) if run.status == Status::Failed => {
                    runs += 1;
                    let failure = run.failure.unwrap_or_default();
                    tracing::warn!(source = source.name, %day, failure, "a business day could not be reconciled");
                }
                Ok(_) => {
                    runs += 1;
                    tracing::info!(source = source.name, %day, "reconciled");
                }
                Err(ReconcileError::Busy(_) | ReconcileError::Overtaken) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(runs)
}

/// The last business day whose file should be there.
fn latest(source: &Source, now: Timestamp) -> Result<Option<Date>, NoCalendar> {
    let calendar = Calendar::of(source)?;
    time_of_day(&source.at)?;
    let Some(mut day) = calendar.day_of(now).and_then(|day| day.tomorrow().ok()) else { return Ok(None) };
    for _ in 0..=i64::from(source.lag_days).saturating_add(3) {
        if is_due(source, &calendar, day, now) {
            return Ok(Some(day));
        }
        let Ok(before) = day.yesterday() else { return Ok(None) };
        day = before;
    }
    Ok(None)
}

/// When a business day is reconciled.
fn moment(source: &Source, calendar: &Calendar, day: Date) -> Option<Timestamp> {
    let at = time_of_day(&source.at).ok()?;
    let there = day.checked_add(i64::from(source.lag_days).days()).ok()?;
    let moment = calendar.instant(there.to_datetime(at))?;
    // Without a lag the hour may come before the day is over.
    Some(calendar.end_of(day).map_or(moment, |end| moment.max(end)))
}

fn is_due(source: &Source, calendar: &Calendar, day: Date, now: Timestamp) -> bool {
    moment(source, calendar, day).is_some_and(|moment| moment <= now)
}

/// The days to be done now, the oldest first: from the first that was ever tried, or `latest` alone when none was, or only days to
/// come. A day that was done before its file was whole is done again.
fn due(source: &Source, now: Timestamp, latest: Date, tried: &BTreeMap<Date, Tried>) -> Vec<Date> {
    let Ok(calendar) = Calendar::of(source) else { return Vec::new() };
    let first = tried.keys().next().copied().map_or(latest, |first| first.min(latest));
    let mut days = Vec::new();
    let mut day = first;
    while day <= latest {
        let known = tried.get(&day).copied().unwrap_or_default();
        let whole = moment(source, &calendar, day);
        let is_done = known.done.is_some_and(|done| whole.is_some_and(|whole| done >= whole));
        // A day that was tried in vain waits; one that was done too early does not.
        let waits = known
            .last
            .is_some_and(|last| whole.is_some_and(|whole| last >= whole) && now.apart(last) < pause(known.failures));
        if !is_done && !waits {
            days.push(day);
        }
        match day.tomorrow() {
            Ok(next) => day = next,
            Err(_) => break,
        }
    }
    days
}

/// How long a day waits that could not be done so often.
fn pause(failures: u32) -> Duration {
    AGAIN.saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST)
}

#[cfg(test)]
mod tests;
