//! Does what is due: claims jobs, hands each to the verb its kind names, and reads the log of events.
//!
//! Promises: bounded concurrency, with a lane of its own for payments so that slow webhook receivers never hold them
//! up; a handler that panics or hangs costs a try and nothing else; a stop lets what is in flight finish. Any number of
//! workers, in any number of processes, may run on one database.

mod dispatch;
mod gauges;
mod lane;
mod log;
mod night;
mod sealer;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::{idempotency, integrity, payments, payouts, queue};

/// How often to look when nobody rings.
const LOOK: Duration = Duration::from_millis(500);
/// How often to look for attempts and sessions nobody deals with any more.
const SWEEP: Duration = Duration::from_secs(5);
/// How often to forget idempotency keys past their time.
const FORGET: Duration = Duration::from_mins(10);
/// How often to pull back what a clock that ran ahead has put off.
const PULL_BACK: Duration = Duration::from_mins(5);
/// No job is claimed for longer, neither by a worker nor by a call that is carried out at once.
const LONGEST_CLAIM: Duration = Duration::from_mins(2);
/// How often to seal what was posted.
const SEAL: Duration = Duration::from_secs(2);
/// How often to hold what changed against the invariants.
const WATCH: Duration = Duration::from_secs(5);
/// How often at most to write the end of the ledger's chain down outside.
const ANCHOR: Duration = Duration::from_mins(1);
/// How often to look whether a business day is due to be reconciled.
const NIGHT: Duration = Duration::from_secs(30);
/// How often to measure the queue.
const MEASURE: Duration = Duration::from_secs(15);

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
        for lane in &lane::LANES {
            let (app, bell, jobs) = (app.clone(), hung(&mut bells), worker.jobs.clone());
            worker.keep(lane.name, move |stop| lane::work(app.clone(), lane, bell.clone(), stop, jobs.clone()));
        }
        let (reader, bell) = (app.clone(), hung(&mut bells));
        worker.keep("log of events", move |stop| log::read(reader.clone(), bell.clone(), stop));
        let sealing = app.clone();
        worker.keep("sealer", move |stop| sealer::work(sealing.clone(), stop));
        let watching = app.clone();
        worker.keep("watch over the books", move |stop| watch(watching.clone(), stop));
        let reconciling = app.clone();
        worker.keep("reconciliation", move |stop| night::work(reconciling.clone(), stop));
        let sweeper = app.clone();
        worker.keep("sweeper", move |stop| sweep(sweeper.clone(), stop));
        let forgetful = app.clone();
        worker.keep("forgetting", move |stop| forget(forgetful.clone(), stop));
        let ahead = app.clone();
        worker.keep("clocks", move |stop| pull_back(ahead.clone(), stop));
        let measured = app.clone();
        worker.keep("gauges", move |stop| gauges::measure(measured.clone(), stop));
        let door = app.wake.clone();
        worker.keep("bell", move |stop| ring(door.clone(), bells.clone(), stop));
        worker.loops.close();
        worker
    }

    /// Runs a loop until the end, and begins it anew if it panics: half a worker must not look alive.
    fn keep<F>(&self, name: &'static str, mut begin: impl FnMut(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.loops.spawn(async move {
            while AssertUnwindSafe(begin(stop.clone())).catch_unwind().await.is_err() {
                tracing::error!(name, "a part of the worker panicked and is begun anew");
                tokio::time::sleep(LOOK).await;
            }
        });
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

/// Does once, one thing after another, what a running worker does again and again: sweeps, carries out what is due, reads
/// the log. Says how many jobs were due. For rehearsals, which have no time to wait for anything.
///
/// # Errors
/// When the database fails.
pub async fn round(app: &App) -> anyhow::Result<usize> {
    sweep_once(app).await?;
    let mut jobs = 0;
    for lane in &lane::LANES {
        jobs += lane::round(app, lane).await?;
    }
    log::catch_up(app).await?;
    Ok(jobs)
}

/// One more bell for the door to ring.
fn hung(bells: &mut Vec<Arc<Notify>>) -> Arc<Notify> {
    let bell = Arc::new(Notify::new());
    bells.push(bell.clone());
    bell
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

/// Waits for a while; false at the end.
async fn rest(span: Duration, stop: &CancellationToken) -> bool {
    tokio::time::timeout(span, stop.cancelled()).await.is_err()
}

/// Picks up, every few seconds, what a crash or a closed browser left lying.
async fn sweep(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = sweep_once(&app).await {
            tracing::warn!(error = chain(error), "what was left lying stays for now");
        }
        if !rest(SWEEP, &stop).await {
            return;
        }
    }
}

/// Each in its turn, whatever became of the one before; the first failure is told.
async fn sweep_once(app: &App) -> anyhow::Result<()> {
    let swept = payments::sweep(app).await.context("payments cannot be swept");
    let fulfilled = payments::fulfill_due(app).await.context("orders whose days are over cannot be fulfilled");
    let paid_out = payouts::sweep(app).await.context("payouts cannot be swept");
    swept.and(fulfilled.map(drop)).and(paid_out)
}

/// Holds what changed against the invariants.
async fn watch(app: App, stop: CancellationToken) {
    loop {
        match integrity::watch::look(&app.db, app.now()).await {
            Ok(true) if !stop.is_cancelled() => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(error = chain(error), "the books cannot be watched"),
        }
        if !rest(WATCH, &stop).await {
            return;
        }
    }
}

/// Forgets idempotency keys that are past their time.
async fn forget(app: App, stop: CancellationToken) {
    loop {
        if let Err(error) = idempotency::forget_old(&app.db, app.now()).await {
            tracing::warn!(error = chain(error), "old idempotency keys stay for now");
        }
        if !rest(FORGET, &stop).await {
            return;
        }
    }
}

/// Pulls back, now and then, what a clock that ran ahead has put off: nobody would wait for a year to be over.
async fn pull_back(app: App, stop: CancellationToken) {
    loop {
        for lane in &lane::LANES {
            match queue::pull_back(&app.db, lane.name, app.now(), LONGEST_CLAIM).await {
                Ok(0) => {}
                Ok(jobs) => tracing::warn!(jobs, "a clock ran ahead: what it had put off is pulled back"),
                Err(error) => tracing::warn!(error = chain(error), "what a clock put off stays for now"),
            }
        }
        if let Err(error) = payouts::pull_back(&app).await {
            tracing::warn!(error = chain(error), "turns that a clock put off stay for now");
        }
        if !rest(PULL_BACK, &stop).await {
            return;
        }
    }
}

/// An error with its causes, in one line.
fn chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
