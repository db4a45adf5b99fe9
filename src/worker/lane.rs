//! Claims the due jobs of one lane and carries them out, as many at once as there are slots.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::dispatch::{hopeless, run};
use super::{chain, pause};
use crate::app::App;
use crate::db::{DbError, retrying};
use crate::dead_letters;
use crate::queue::retry::{Next, Policy};
use crate::queue::{self, Job, Room, Settled, Verdict, renewing};
use crate::words::random_bytes;

/// Kinds of job that share a set of slots. The name is the part of the kind before the first dot.
pub(super) struct Lane {
    pub(super) name: &'static str,
    slots: u32,
    /// More of them, for merchants of whom next to nothing is running: however many receivers hang, there is room left for
    /// whoever comes next.
    spare: u32,
}

pub(super) static LANES: [Lane; 3] = [
    Lane { name: "payments", slots: 16, spare: 4 },
    Lane { name: "payouts", slots: 8, spare: 2 },
    Lane { name: "webhooks", slots: 32, spare: 8 },
];

impl Lane {
    const fn all(&self) -> u32 {
        self.slots + self.spare
    }

    /// What there is room for when so many of all slots are free.
    fn room(&self, free: usize) -> Room {
        let free = i64::try_from(free).unwrap_or(i64::MAX);
        let spare = free.min(i64::from(self.spare));
        Room { open: free - spare, spare }
    }
}

/// How long a claim holds without a word of its worker: what a dead worker held is taken over after it.
const LEASE: Duration = Duration::from_secs(30);
/// How often a worker says that it is still at a job. Two of these may fail and it keeps the job.
const RENEWAL: Duration = Duration::from_secs(10);

pub(super) async fn work(app: App, lane: &Lane, bell: Arc<Notify>, stop: CancellationToken, jobs: TaskTracker) {
    let slots = Arc::new(Semaphore::new(lane.all() as usize));
    // A suspect is run alone, and never two before the others have had their turn.
    let mut suspected = false;
    loop {
        suspected = !suspected && take_suspect(&app, lane, &slots, &bell, &stop, &jobs).await;
        let first = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            slot = slots.clone().acquire_owned() => slot,
        };
        let Ok(first) = first else { return };
        let free = slots.available_permits();
        let claimed = match claim(&app, lane, free.saturating_add(1)).await {
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
        if !full && !suspected && !pause(&bell, &stop).await {
            return;
        }
    }
}

/// Begins the one job that waits longest of those that must be taken alone, once nothing else is at hand; says whether
/// there was one.
async fn take_suspect(
    app: &App,
    lane: &Lane,
    slots: &Arc<Semaphore>,
    bell: &Arc<Notify>,
    stop: &CancellationToken,
    jobs: &TaskTracker,
) -> bool {
    let suspect = async {
        if !queue::has_suspect(&app.db, lane.name, app.now()).await? {
            return Ok(None);
        }
        let everything = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(None),
            all = slots.clone().acquire_many_owned(lane.all()) => all.ok(),
        };
        let Some(everything) = everything else { return Ok(None) };
        Ok::<_, DbError>(claim_suspect(app, lane).await?.map(|job| (job, everything)))
    };
    match suspect.await {
        Ok(Some((job, everything))) => {
            tracing::warn!(job = %job.id, kind = job.kind, deaths = job.deaths, "a job is run alone");
            jobs.spawn(carry_out(app.clone(), job, bell.clone(), everything));
            true
        }
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(lane = lane.name, error = chain(error), "a job that must be taken alone cannot be claimed");
            false
        }
    }
}

/// Carries out what is due now in this lane, one job after another; says how many there were.
pub(super) async fn round(app: &App, lane: &Lane) -> Result<usize, DbError> {
    let mut claimed = claim(app, lane, lane.all() as usize).await?;
    claimed.extend(claim_suspect(app, lane).await?);
    for job in &claimed {
        let verdict = run(app, job).await;
        retrying(async || conclude(app, job, &verdict).await).await?;
    }
    Ok(claimed.len())
}

async fn claim(app: &App, lane: &Lane, free: usize) -> Result<Vec<Job>, DbError> {
    if !queue::has_due(&app.db, lane.name, app.now()).await? {
        return Ok(Vec::new());
    }
    retrying(async || {
        let mut tx = app.db.begin().await?;
        let claimed = queue::claim(&mut tx, lane.name, lane.room(free), app.now(), LEASE).await?;
        tx.commit().await?;
        Ok(claimed)
    })
    .await
}

async fn claim_suspect(app: &App, lane: &Lane) -> Result<Option<Job>, DbError> {
    if !queue::has_suspect(&app.db, lane.name, app.now()).await? {
        return Ok(None);
    }
    retrying(async || {
        let mut tx = app.db.begin().await?;
        let claimed = queue::claim_suspect(&mut tx, lane.name, app.now(), LEASE).await?;
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
    let next = match hopeless(app, job) {
        Some(_) => Next::GiveUp,
        None => policy.next(job.failures.saturating_add(1), u32::from_ne_bytes(random_bytes())),
    };
    let mut tx = app.db.begin().await?;
    let (settled, result) = match verdict {
        Verdict::Done => (queue::done(&mut tx, job).await?, "done"),
        Verdict::Again { at } => (queue::again(&mut tx, job, *at).await?, "again"),
        Verdict::Failed { error } => match next {
            Next::After(wait) => {
                tracing::warn!(job = %job.id, kind = job.kind, key = job.key, error, tries = job.tries, "job failed");
                (queue::try_later(&mut tx, job, now, now.plus(wait), error).await?, "failed")
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
