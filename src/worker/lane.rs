//! Claims the due jobs of one lane and carries them out, as many at once as there are slots.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dispatch::run;
use super::{chain, pause};
use crate::app::App;
use crate::db::{DbError, retrying};
use crate::dead_letters;
use crate::queue::retry::{Next, Policy};
use crate::queue::{self, Job, Settled, Verdict};
use crate::words::random_bytes;

/// Kinds of job that share a set of slots. The name is the part of the kind before the first dot.
pub(super) struct Lane {
    pub(super) name: &'static str,
    slots: usize,
}

pub(super) static LANES: [Lane; 3] =
    [Lane { name: "payments", slots: 16 }, Lane { name: "payouts", slots: 8 }, Lane { name: "webhooks", slots: 32 }];

/// How long a claim holds: longer than a handler may take, so that a live worker never loses a job it is still running.
const LEASE: Duration = Duration::from_secs(90);

pub(super) async fn work(app: App, lane: &Lane, bell: Arc<Notify>, stop: CancellationToken, jobs: TaskTracker) {
    let slots = Arc::new(Semaphore::new(lane.slots));
    loop {
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            slot = slots.clone().acquire_owned() => slot,
        };
        let Ok(first) = first else { return };
        let free = slots.available_permits();
        let claimed = match claim(&app, lane.name, free.saturating_add(1)).await {
            Ok(claimed) => {
                app.pulse.beat(app.now());
                claimed
            }
            Err(error) => {
                tracing::warn!(lane = lane.name, error = chain(error), "jobs cannot be claimed");
                Vec::new()
            }
        };
        let full = claimed.len() > free;
        let mut permits = Some(first).into_iter();
        for job in claimed {
            let Some(permit) = permits.next().or_else(|| slots.clone().try_acquire_owned().ok()) else { break };
            jobs.spawn(carry_out(app.clone(), job, bell.clone(), permit));
        }
        drop(permits);
        if !full && !pause(&bell, &stop).await {
            return;
        }
    }
}

/// Carries out what is due now in this lane, one job after another; says how many there were.
pub(super) async fn round(app: &App, lane: &Lane) -> Result<usize, DbError> {
    let claimed = claim(app, lane.name, lane.slots).await?;
    for job in &claimed {
        let verdict = run(app, job).await;
        retrying(async || conclude(app, job, &verdict).await).await?;
    }
    Ok(claimed.len())
}

async fn claim(app: &App, lane: &str, limit: usize) -> Result<Vec<Job>, DbError> {
    if !queue::has_due(&app.db, lane, app.now()).await? {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    retrying(async || {
        let mut tx = app.db.begin().await?;
        let claimed = queue::claim(&mut tx, lane, limit, app.now(), LEASE).await?;
        tx.commit().await?;
        Ok(claimed)
    })
    .await
}

async fn carry_out(app: App, job: Job, bell: Arc<Notify>, permit: OwnedSemaphorePermit) {
    let verdict = run(&app, &job).await;
    match retrying(async || conclude(&app, &job, &verdict).await).await {
        Ok(Settled::Kept) => {}
        Ok(Settled::Lost) => tracing::warn!(job = %job.id, kind = job.kind, "the lease ended before the job did"),
        Err(error) => {
            tracing::warn!(job = %job.id, kind = job.kind, error = chain(error), "how a job ended cannot be written down");
        }
    }
    drop(permit);
    // A slot is free, and the job may have made more work.
    bell.notify_one();
}

async fn conclude(app: &App, job: &Job, verdict: &Verdict) -> Result<Settled, DbError> {
    let now = app.now();
    // For failures of ours; a receiver's refusals and a PSP's "not yet" are no failures of the job.
    let policy = Policy::from(app.config.retry.jobs);
    let mut tx = app.db.begin().await?;
    let (settled, result) = match verdict {
        Verdict::Done => (queue::done(&mut tx, job).await?, "done"),
        Verdict::Again { at } => (queue::again(&mut tx, job, *at).await?, "again"),
        Verdict::Failed { error } => match policy.next(job.tries, u32::from_ne_bytes(random_bytes()), None) {
            Next::After(wait) => {
                tracing::warn!(job = %job.id, kind = job.kind, key = job.key, error, tries = job.tries, "job failed");
                (queue::try_later(&mut tx, job, now.plus(wait), error).await?, "failed")
            }
            Next::GiveUp => {
                tracing::error!(job = %job.id, kind = job.kind, key = job.key, error, "job given up: a person has to look");
                let buried = queue::bury(&mut tx, job, now, error).await?;
                dead_letters::given_up(&mut tx, job, error, now).await?;
                (buried, "dead")
            }
        },
    };
    tx.commit().await?;
    counter!("tollgate_jobs_total", "kind" => job.kind.clone(), "result" => result).increment(1);
    Ok(settled)
}
