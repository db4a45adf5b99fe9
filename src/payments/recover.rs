//! Recover: the job that finds out what became of an attempt nobody heard of again, also after a crash.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::error::PaymentError;
use super::look::{abandon, look};
use super::status::AttemptState;
use super::{captures, expire, jobs};
use crate::app::App;
use crate::queue::Verdict;
use crate::sabotage::Protection::Sweep;
use crate::words::AttemptId;

/// A shopper who has not finished 3-D Secure by then has left.
const CHALLENGE: Duration = Duration::from_mins(15);

/// An attempt that goes well is settled by then.
const SILENCE: Duration = Duration::from_secs(30);

/// Looks for what nobody is dealing with any more: attempts never heard of again get a job that asks, sessions whose time
/// is over are ended, and so are holds that nobody captured. Run by every worker every few seconds; two at once do no harm.
pub async fn sweep(app: &App) -> Result<(), PaymentError> {
    if Sweep.is_absent() {
        return Ok(());
    }
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let silent = attempts::claim_silent(&mut tx, now.minus(SILENCE)).await?;
    for (attempt, tenant) in &silent {
        jobs::recover(&mut tx, attempt, tenant, now).await?;
    }
    tx.commit().await?;
    if !silent.is_empty() {
        app.wake.notify_one();
    }
    expire::expire_overdue(app).await?;
    captures::end_overdue(app).await
}

/// Asks the PSP about an attempt until its outcome is known; past the deadline it fails, so that a person gets it.
pub async fn recover(app: &App, id: &AttemptId) -> Result<Verdict, PaymentError> {
    let Some(attempt) = attempts::get(&app.db, id).await?.filter(|attempt| attempt.state.is_open()) else {
        return Ok(Verdict::Done);
    };
    let asked = if attempt.state == AttemptState::ActionRequired && app.now().since(attempt.sent_at) > CHALLENGE {
        abandon(app, &attempt).await
    } else {
        look(app, &attempt).await
    };
    if let Err(error) = &asked {
        tracing::warn!(attempt = %id, error = error as &dyn std::error::Error, "the PSP does not say what became of it");
    }
    let now = app.now();
    Ok(match attempts::get(&app.db, id).await? {
        Some(attempt) if !attempt.state.is_open() => Verdict::Done,
        Some(attempt) if now > attempt.deadline_at => overdue(&attempt),
        _ => Verdict::Again { at: now.plus(pause(now.since(attempt.sent_at))) },
    })
}

fn overdue(attempt: &Attempt) -> Verdict {
    let Attempt { psp, state, sent_at, .. } = attempt;
    Verdict::Failed { error: format!("sent to {psp} at {sent_at}, still {} past its deadline", state.as_str()) }
}

/// How long to wait before asking again about an attempt of this age.
fn pause(age: Duration) -> Duration {
    match age.as_secs() {
        0..60 => Duration::from_secs(5),
        60..600 => Duration::from_secs(30),
        600..3600 => Duration::from_mins(5),
        _ => Duration::from_mins(30),
    }
}
