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

/// How long a claim holds without a word of its worker: what a dead worker held is taken over after it.
const LEASE: Duration = Duration::from_secs(30);
/// How often a worker says that it is still at a job. Two of these may fail and it keeps the job.
const RENEWAL: Duration = Duration::from_secs(10);

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
    let verdict = renewing(RENEWAL, || renew(app.clone(), job.clone()), run(&app, &job)).await;
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

/// Does `work` and calls `renew` each time `every` has passed meanwhile. Side by side, so that neither waits for what the
/// other holds.
async fn renewing<T, R: Future>(every: Duration, mut renew: impl FnMut() -> R, work: impl Future<Output = T>) -> T {
    let forever = async {
        loop {
            tokio::time::sleep(every).await;
            renew().await;
        }
    };
    tokio::select! {
        biased;
        done = work => done,
        () = forever => std::future::pending().await,
    }
}

async fn renew(app: App, job: Job) {
    let renewed = async {
        let mut tx = app.db.begin().await?;
        let settled = queue::renew(&mut tx, &job, app.now().plus(LEASE)).await?;
        tx.commit().await.map(|()| settled)
    };
    match renewed.await {
        Ok(Settled::Kept) => {}
        Ok(Settled::Lost) => tracing::warn!(job = %job.id, kind = job.kind, "somebody else has this job by now"),
        Err(error) => tracing::warn!(job = %job.id, kind = job.kind, error = chain(error), "a lease cannot be renewed"),
    }
}

async fn conclude(app: &App, job: &Job, verdict: &Verdict) -> Result<Settled, DbError> {
    let now = app.now();
    // For failures of ours; a receiver's refusals and a PSP's "not yet" are no failures of the job.
    let policy = Policy::from(app.config.retry.jobs);
    let mut tx = app.db.begin().await?;
    let (settled, result) = match verdict {
        Verdict::Done => (queue::done(&mut tx, job).await?, "done"),
        Verdict::Again { at } => (queue::again(&mut tx, job, *at).await?, "again"),
        Verdict::Failed { error } => match policy.next(job.tries, u32::from_ne_bytes(random_bytes())) {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_lease_is_renewed_as_long_as_the_work_takes_and_not_for_work_that_is_quick() {
        let renewals = AtomicU32::new(0);
        let renew = || {
            renewals.fetch_add(1, Ordering::Relaxed);
            std::future::ready(())
        };
        renewing(Duration::from_millis(5), renew, std::future::ready(())).await;
        assert_eq!(renewals.load(Ordering::Relaxed), 0);
        let long = async {
            while renewals.load(Ordering::Relaxed) < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        renewing(Duration::from_millis(5), renew, long).await;
        assert_eq!(renewals.into_inner(), 3);
    }
}
