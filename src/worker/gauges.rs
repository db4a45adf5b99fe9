//! Measures the queue for `/metrics`: a growing number of dead jobs is what an operator wants to be woken by.

use std::collections::{BTreeMap, BTreeSet};

use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::lane::LANES;
use super::{MEASURE, chain, rest};
use crate::app::App;
use crate::db::DbError;
use crate::integrity::watch;
use crate::ledger::seals;
use crate::payments::attempts;
use crate::reconciliation::words::{Class, Outcome};
use crate::reconciliation::{breaks, runs};
use crate::words::Timestamp;
use crate::{dead_letters, events, queue, webhooks};

pub(super) async fn measure(app: App, stop: CancellationToken) {
    let mut known = Known { begun: app.now(), kinds: BTreeSet::new(), currencies: BTreeSet::new() };
    loop {
        if let Err(error) = look(&app, &mut known).await {
            tracing::warn!(error = chain(error), "the queue cannot be measured");
        }
        if !rest(MEASURE, &stop).await {
            return;
        }
    }
}

/// How long the oldest dead letter of each kind waits for a person; 0 once there is none left of a kind that there was.
async fn dead(app: &App, known: &mut BTreeSet<String>) -> Result<(), DbError> {
    let kinds = dead_letters::kinds(&app.db).await?;
    known.extend(kinds.iter().map(|of| of.kind.clone()));
    for kind in known.iter() {
        let oldest = kinds.iter().find(|of| of.kind == *kind).map(|of| of.oldest);
        gauge!("tollgate_dead_job_age_seconds", "kind" => kind.clone()).set(float(age(app, oldest)));
    }
    Ok(())
}

/// Seconds since then; 0 when there is no such thing.
fn age(app: &App, since: Option<Timestamp>) -> i64 {
    since.map_or(0, |at| i64::try_from(app.now().since(at).as_secs()).unwrap_or(i64::MAX))
}

/// What is remembered between two measurements.
struct Known {
    /// When the first was taken.
    begun: Timestamp,
    /// Kinds of work of which there were dead letters.
    kinds: BTreeSet<String>,
    /// Currencies in which something was at risk: without breaks they are told as nothing, not as what they were last.
    currencies: BTreeSet<&'static str>,
}

async fn look(app: &App, known: &mut Known) -> Result<(), DbError> {
    let depth = queue::depth(&app.db).await?;
    for lane in &LANES {
        for status in ["waiting", "running", "dead"] {
            let found = depth.iter().find(|(of, is, _)| of == lane.name && is == status);
            set("tollgate_jobs", &[("lane", lane.name), ("status", status)], found.map_or(0, |(.., jobs)| *jobs));
        }
    }
    dead(app, &mut known.kinds).await?;
    let unknown = attempts::oldest_open(&app.db).await?;
    set("tollgate_unknown_attempt_age_seconds", &[], age(app, unknown));
    set(
        "tollgate_events_behind",
        &[("reader", webhooks::CONSUMER)],
        events::behind(&app.db, webhooks::CONSUMER).await?,
    );
    for (check, breaks) in watch::counts(&app.db).await? {
        set("tollgate_integrity_broken", &[("check", check)], breaks);
    }
    let watched = watch::seen(&app.db).await?.watched_at.map_or(0, |at| app.now().since(at).as_secs());
    set("tollgate_integrity_watch_age_seconds", &[], i64::try_from(watched).unwrap_or(i64::MAX));
    reconciliation(app, known).await?;
    let (waiting, since) = seals::behind(&app.db).await?;
    set("tollgate_ledger_unsealed", &[], waiting);
    let age = since.map_or(0, |since| app.now().since(since).as_secs());
    set("tollgate_ledger_unsealed_age_seconds", &[], i64::try_from(age).unwrap_or(i64::MAX));
    Ok(())
}

/// What is not closed, by type and class; how old the oldest is; what may be lost; when each source was last reconciled.
async fn reconciliation(app: &App, known: &mut Known) -> Result<(), DbError> {
    if app.config.reconciliation.sources.is_empty() {
        return Ok(());
    }
    let (now, standing) = (app.now(), breaks::standing(&app.db, None, app.now()).await?);
    for outcome in Outcome::ALL {
        for class in Class::ALL {
            let of = standing.iter().filter(|it| it.outcome == outcome && it.class == class);
            let count = of.fold(0_i64, |sum, it| sum.saturating_add(it.count));
            let labels = [("type", outcome.as_str()), ("class", class.as_str())];
            set("tollgate_reconciliation_breaks", &labels, count);
        }
    }
    let oldest = standing.iter().map(|it| it.oldest).min().map_or(0, |at| now.since(at).as_secs());
    set("tollgate_reconciliation_oldest_break_seconds", &[], i64::try_from(oldest).unwrap_or(i64::MAX));
    let mut at_risk: BTreeMap<&'static str, i64> = known.currencies.iter().map(|code| (*code, 0)).collect();
    for it in &standing {
        let sum = at_risk.entry(it.currency.code()).or_default();
        *sum = sum.saturating_add(it.at_risk);
    }
    known.currencies.extend(at_risk.keys());
    for (currency, sum) in at_risk {
        set("tollgate_reconciliation_at_risk_minor_units", &[("currency", currency)], sum);
    }
    for source in &app.config.reconciliation.sources {
        // One that never ran well grows old from its first try, or from when it was first asked for.
        let since = runs::good_since(&app.db, &source.name).await?.unwrap_or(known.begun);
        let age = float(age(app, Some(since)));
        gauge!("tollgate_reconciliation_last_run_age_seconds", "source" => source.name.clone()).set(age);
    }
    Ok(())
}

fn set(name: &'static str, labels: &[(&'static str, &'static str)], value: i64) {
    gauge!(name, labels).set(float(value));
}

/// Gauges take nothing but floats: exact up to 2^53, and nobody misses the last digits of more.
fn float(value: i64) -> f64 {
    let (high, low) = (value >> 32, value & 0xffff_ffff);
    let (high, low) = (i32::try_from(high).unwrap_or(i32::MAX), u32::try_from(low).unwrap_or(u32::MAX));
    f64::from(high).mul_add(4_294_967_296.0, f64::from(low))
}

#[cfg(test)]
mod tests {
    use super::float;

    #[test]
    fn counts_larger_than_32_bits_are_told_as_they_are() {
        for (value, wanted) in [(0, 0.0), (-1, -1.0), (5_000_000_000, 5e9), (1 << 53, 9_007_199_254_740_992.0)] {
            assert!((float(value) - wanted).abs() < f64::EPSILON, "{value}");
        }
    }
}
