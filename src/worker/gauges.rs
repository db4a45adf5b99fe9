//! Measures the queue for `/metrics`: a growing number of dead jobs is what an operator wants to be woken by.

use metrics::gauge;
use tokio_util::sync::CancellationToken;

use super::lane::LANES;
use super::{MEASURE, chain, rest};
use crate::app::App;
use crate::db::DbError;
use crate::integrity::watch;
use crate::ledger::seals;
use crate::{events, queue, webhooks};

pub(super) async fn measure(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = look(&app).await {
            tracing::warn!(error = chain(error), "the queue cannot be measured");
        }
        if !rest(MEASURE, &stop).await {
            return;
        }
    }
}

async fn look(app: &App) -> Result<(), DbError> {
    let depth = queue::depth(&app.db).await?;
    for lane in &LANES {
        for status in ["waiting", "running", "dead"] {
            let found = depth.iter().find(|(of, is, _)| of == lane.name && is == status);
            set("tollgate_jobs", &[("lane", lane.name), ("status", status)], found.map_or(0, |(.., jobs)| *jobs));
        }
    }
    let oldest = queue::dead(&app.db, 1).await?.first().map(|job| app.now().since(job.died_at).as_secs());
    set("tollgate_dead_job_age_seconds", &[], i64::try_from(oldest.unwrap_or(0)).unwrap_or(i64::MAX));
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
    let (waiting, since) = seals::behind(&app.db).await?;
    set("tollgate_ledger_unsealed", &[], waiting);
    let age = since.map_or(0, |since| app.now().since(since).as_secs());
    set("tollgate_ledger_unsealed_age_seconds", &[], i64::try_from(age).unwrap_or(i64::MAX));
    Ok(())
}

/// Gauges take nothing but floats; counts this large lose nothing that an operator would miss.
fn set(name: &'static str, labels: &[(&'static str, &'static str)], value: i64) {
    let value = f64::from(i32::try_from(value).unwrap_or(i32::MAX));
    gauge!(name, labels).set(value);
}
