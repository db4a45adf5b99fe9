//! What follows a crash: a program that sweeps and does the jobs that are there, while the clock moves on, until nothing is
//! open any more.

use std::time::Duration;

use tollgate::db::query;
use tollgate::words::{Clock, Timestamp};
use tollgate::worker;

use super::stage::{START, Stage};

/// More rounds than anything honest needs: each moves the clock by two minutes at least.
const ROUNDS: u32 = 80;
/// Jobs that are due, again and again, without the clock moving.
const ROUNDS_AT_ONCE: u32 = 40;
/// By then every session is over, and every hold.
const END: Duration = Duration::from_hours(12 * 24);

/// Works until it is quiet.
///
/// # Errors
/// What is still open after all that time.
pub async fn calm(stage: &Stage) -> Result<(), String> {
    for _ in 0..ROUNDS {
        work_off(stage).await?;
        let open = open_things(stage).await;
        // What was on its way has arrived by the next round, which is two minutes later, or when all is quiet.
        stage.psp.land();
        if open.is_empty() {
            return Ok(());
        }
        let later = stage.clock.now().plus(Duration::from_mins(2));
        stage.clock.set(next_due(stage).await.map_or(later, |due| due.max(later)));
    }
    Err(format!("still open: {}", open_things(stage).await.join(", ")))
}

/// Works until it is quiet, and then until every session's time is over.
pub async fn end(stage: &Stage) -> Result<(), String> {
    calm(stage).await?;
    stage.clock.set(START.plus(END).max(stage.clock.now()));
    calm(stage).await
}

async fn work_off(stage: &Stage) -> Result<(), String> {
    for _ in 0..ROUNDS_AT_ONCE {
        if worker::round(&stage.app).await.map_err(|error| format!("the worker fails: {error:#}"))? == 0 {
            return Ok(());
        }
    }
    Err("jobs are due again and again".to_owned())
}

async fn open_things(stage: &Stage) -> Vec<String> {
    let rows = query(
        "select 'attempt ' || state as what from attempts where state not in ('approved', 'declined')
             and second_charge is null
         union all select 'refund' from refunds where status = 'pending'
         union all select operation from captures where status = 'pending'
         union all select 'payout ' || status from payouts where status in ('pending', 'processing')
         union all select 'evidence' from dispute_evidence where status = 'sending'
         union all select 'payment ' || status from payments where status = 'processing'
         union all select kind || ' job' from jobs where status <> 'dead'",
    );
    rows.all(&stage.app.db).await.unwrap().iter().map(|row| row.get("what").unwrap()).collect()
}

async fn next_due(stage: &Stage) -> Option<Timestamp> {
    let due = query("select min(due_at) as at from jobs where status <> 'dead'");
    due.one(&stage.app.db).await.unwrap().get("at").unwrap()
}
