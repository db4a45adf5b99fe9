//! Does what is due: claims jobs, hands each to the verb its kind names, and reads the log of events.
//!
//! Promises: bounded concurrency, with a lane of its own for payments so that slow webhook receivers never hold them
//! up; a handler that panics or hangs costs a try and nothing else; a stop lets what is in flight finish. Any number of
//! workers, in any number of processes, may run on one database.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use metrics::counter;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::db::DbError;
use crate::queue::retry::{Next, Pace, Policy};
use crate::queue::{self, Job, Settled, Verdict};
use crate::words::{AttemptId, PspEventId, random_bytes};
use crate::{events, payments, webhooks};

/// Kinds of job that share a set of slots. The name is the part of the kind before the first dot.
struct Lane {
    name: &'static str,
    slots: usize,
}

const LANES: [Lane; 2] = [Lane { name: "payments", slots: 16 }, Lane { name: "webhooks", slots: 32 }];

/// How often to look when nobody rings.
const LOOK: Duration = Duration::from_millis(500);
/// A handler that takes longer has hung.
const LIMIT: Duration = Duration::from_mins(1);
/// How long a claim holds: longer than [`LIMIT`], so that a live worker never loses a job it is still running.
const LEASE: Duration = Duration::from_secs(90);
/// How often to look for attempts and sessions nobody deals with any more.
const SWEEP: Duration = Duration::from_secs(5);
/// Events given their place at once.
const PLACED: i64 = 500;

/// Internal failures (not a receiver's refusals, not a PSP's "not yet": those are no failures of the job).
const POLICY: Policy =
    Policy { pace: Pace::Exponential { first: Duration::from_secs(2), cap: Duration::from_mins(5) }, tries: 3 };

/// The verb that a kind names.
async fn run(app: &App, job: &Job) -> Verdict {
    let result: Result<Verdict, anyhow::Error> = match job.kind.as_str() {
        payments::jobs::RECOVER => recover(app, &job.key).await,
        payments::jobs::NOTICE => read_notice(app, &job.key).await,
        webhooks::DELIVER => webhooks::deliver(app, &job.key).await.map_err(Into::into),
        unknown => Err(anyhow::anyhow!("this program knows no job of kind {unknown}")),
    };
    result.unwrap_or_else(|error| Verdict::Failed { error: format!("{error:#}") })
}

async fn recover(app: &App, key: &str) -> anyhow::Result<Verdict> {
    Ok(payments::recover(app, &AttemptId::parse(key)?).await?)
}

async fn read_notice(app: &App, key: &str) -> anyhow::Result<Verdict> {
    Ok(payments::read_notice(app, &PspEventId::parse(key)?).await?)
}

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    stop: CancellationToken,
    loops: TaskTracker,
    jobs: TaskTracker,
}

impl Worker {
    /// Starts working in the background.
    pub fn start(app: &App) -> Self {
        let worker = Self { stop: CancellationToken::new(), loops: TaskTracker::new(), jobs: TaskTracker::new() };
        let mut bells = Vec::new();
        for lane in LANES {
            let bell = Arc::new(Notify::new());
            bells.push(bell.clone());
            worker.loops.spawn(work(app.clone(), lane, bell, worker.stop.clone(), worker.jobs.clone()));
        }
        let bell = Arc::new(Notify::new());
        bells.push(bell.clone());
        worker.loops.spawn(read_log(app.clone(), bell, worker.stop.clone()));
        worker.loops.spawn(sweep(app.clone(), worker.stop.clone()));
        worker.loops.spawn(ring(app.wake.clone(), bells, worker.stop.clone()));
        worker.loops.close();
        worker
    }

    /// Claims nothing more and waits for what is in flight, at most `patience`. What is left then is taken over by
    /// another worker when its lease ends. Says whether everything finished.
    pub async fn stop(self, patience: Duration) -> bool {
        self.stop.cancel();
        let finished = async {
            self.loops.wait().await;
            self.jobs.close();
            self.jobs.wait().await;
        };
        tokio::time::timeout(patience, finished).await.is_ok()
    }
}

/// One ring at the door is heard in every room.
async fn ring(door: Arc<Notify>, bells: Vec<Arc<Notify>>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = door.notified() => bells.iter().for_each(|bell| bell.notify_one()),
            () = stop.cancelled() => return,
        }
    }
}

/// Waits for the bell, the next look or the end; false at the end.
async fn pause(bell: &Notify, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = bell.notified() => true,
        () = tokio::time::sleep(LOOK) => true,
        () = stop.cancelled() => false,
    }
}

async fn work(app: App, lane: Lane, bell: Arc<Notify>, stop: CancellationToken, jobs: TaskTracker) {
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
                tracing::warn!(lane = lane.name, %error, "jobs cannot be claimed");
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

async fn claim(app: &App, lane: &str, limit: usize) -> Result<Vec<Job>, DbError> {
    if !queue::has_due(&app.db, lane, app.now()).await? {
        return Ok(Vec::new());
    }
    let mut tx = app.db.begin().await?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let claimed = queue::claim(&mut tx, lane, limit, app.now(), LEASE).await?;
    tx.commit().await?;
    Ok(claimed)
}

async fn carry_out(app: App, job: Job, bell: Arc<Notify>, permit: OwnedSemaphorePermit) {
    let verdict = if job.tries > POLICY.tries {
        // Its earlier tries ended without a word: it takes workers down with it.
        Verdict::Failed { error: "every try ended with the worker itself".into() }
    } else {
        let handled = AssertUnwindSafe(run(&app, &job)).catch_unwind();
        match tokio::time::timeout(LIMIT, handled).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(panic)) => Verdict::Failed { error: format!("panicked: {}", words_of(panic.as_ref())) },
            Err(_) => Verdict::Failed { error: format!("took longer than {} seconds", LIMIT.as_secs()) },
        }
    };
    match conclude(&app, &job, verdict).await {
        Ok(Settled::Kept) => {}
        Ok(Settled::Lost) => tracing::warn!(job = %job.id, kind = job.kind, "the lease ended before the job did"),
        Err(error) => tracing::warn!(job = %job.id, kind = job.kind, %error, "how a job ended cannot be written down"),
    }
    drop(permit);
    // A slot is free, and the job may have made more work.
    bell.notify_one();
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

async fn conclude(app: &App, job: &Job, verdict: Verdict) -> Result<Settled, DbError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let (settled, result) = match verdict {
        Verdict::Done => (queue::done(&mut tx, job).await?, "done"),
        Verdict::Again { at } => (queue::again(&mut tx, job, at).await?, "again"),
        Verdict::Failed { error } => match POLICY.next(job.tries, u32::from_ne_bytes(random_bytes()), None) {
            Next::After(wait) => {
                tracing::warn!(job = %job.id, kind = job.kind, key = job.key, error, tries = job.tries, "job failed");
                (queue::try_later(&mut tx, job, now.plus(wait), &error).await?, "failed")
            }
            Next::GiveUp => {
                tracing::error!(job = %job.id, kind = job.kind, key = job.key, error, "job given up: a person has to look");
                (queue::bury(&mut tx, job, now, &error).await?, "dead")
            }
        },
    };
    tx.commit().await?;
    counter!("tollgate_jobs_total", "kind" => job.kind.clone(), "result" => result).increment(1);
    Ok(settled)
}

/// Picks up, every few seconds, what a crash or a closed browser left lying.
async fn sweep(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = payments::sweep(&app).await {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "payments cannot be swept");
        }
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Gives committed events their place and turns them into deliveries.
async fn read_log(app: App, bell: Arc<Notify>, stop: CancellationToken) {
    loop {
        match catch_up(&app).await {
            Ok(true) => app.wake.notify_one(),
            Ok(false) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "the log of events cannot be read"),
        }
        if !pause(&bell, &stop).await {
            return;
        }
    }
}

/// Whether there was anything to read.
async fn catch_up(app: &App) -> anyhow::Result<bool> {
    while events::awaits_place(&app.db).await? {
        let mut tx = app.db.begin().await?;
        events::place(&mut tx, PLACED).await?;
        tx.commit().await?;
    }
    let mut any = false;
    while webhooks::fan_out(app).await? > 0 {
        any = true;
    }
    Ok(any)
}
