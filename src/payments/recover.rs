//! Recover: the job that finds out what became of an attempt nobody heard of again, also after a crash.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::error::PaymentError;
use super::look::{abandon, look};
use super::status::AttemptState;
use super::{captures, disputes, expire, jobs, second_charge, send};
use crate::app::App;
use crate::psp::NotDone;
use crate::queue::Verdict;
use crate::queue::retry::{Class, Next, Policies};
use crate::sabotage::Protection::Sweep;
use crate::words::{AttemptId, Timestamp, random_bytes};

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
    let silent = attempts::claim_silent(&mut tx, now, SILENCE).await?;
    for (attempt, tenant) in &silent {
        jobs::recover(&mut tx, attempt, tenant, now).await?;
    }
    tx.commit().await?;
    if !silent.is_empty() {
        app.wake.notify_one();
    }
    // Each in its turn, whatever became of the one before; the first failure is told.
    let expired = expire::expire_overdue(app).await.map(drop);
    let released = captures::end_overdue(app).await;
    let watched = disputes::watch(app).await;
    expired.and(released).and(watched.map(drop))
}

/// Asks the PSP about an attempt until its outcome is known; past the deadline it fails, so that a person gets it.
pub async fn recover(app: &App, id: &AttemptId) -> Result<Verdict, PaymentError> {
    let Some(attempt) = attempts::get(&app.db, id).await? else { return Ok(Verdict::Done) };
    if let Some(letter) = second_charge::letter(app, &attempt).await? {
        return Ok(letter);
    }
    if !attempt.state.is_open() {
        return Ok(Verdict::Done);
    }
    if let Some(at) = send::told_to_wait(app, &attempt.payment, &attempt.psp_key).await? {
        return Ok(Verdict::Again { at });
    }
    let asked = if attempt.state == AttemptState::ActionRequired && app.now().since(attempt.sent_at) > CHALLENGE {
        abandon(app, &attempt).await
    } else {
        look(app, &attempt).await
    };
    if let Err(error) = &asked {
        tracing::warn!(attempt = %id, error = error as &dyn std::error::Error, "the PSP does not say what became of it");
    }
    let now = app.now();
    let Some(attempt) = attempts::get(&app.db, id).await?.filter(|attempt| attempt.state.is_open()) else {
        return Ok(Verdict::Done);
    };
    match second_charge::letter(app, &attempt).await? {
        Some(letter) => Ok(letter),
        None => later(app, &attempt, asked.err(), now).await,
    }
}

/// Again, as `[retry]` says for the attempt's PSP; past the deadline or the last try it fails, so that a person gets it.
async fn later(
    app: &App,
    attempt: &Attempt,
    failed: Option<PaymentError>,
    now: Timestamp,
) -> Result<Verdict, PaymentError> {
    if now > attempt.deadline_at {
        return Ok(overdue(attempt));
    }
    // Of this job alone: a page that is left open asks every other second, and must neither slow it down nor end it.
    let mut tx = app.db.begin().await?;
    let tries = attempts::asked_in_vain(&mut tx, &attempt.id).await?;
    tx.commit().await?;
    let class = match failed {
        Some(PaymentError::Psp(not_done @ NotDone::Unreachable { .. })) => send::class(&not_done),
        // A look that is refused says nothing of the attempt: it stays open, and is asked about again.
        _ => Class::Unclear { after: None },
    };
    let psp = &attempt.psp;
    let policies = Policies::from(app.config.retries_at(psp).recover);
    Ok(match policies.after(class, tries, u32::from_ne_bytes(random_bytes())) {
        Next::After(wait) => Verdict::Again { at: now.plus(wait) },
        Next::GiveUp => {
            Verdict::Failed { error: format!("sent to {psp} at {}, not known after {tries} looks", attempt.sent_at) }
        }
    })
}

fn overdue(attempt: &Attempt) -> Verdict {
    let Attempt { psp, state, sent_at, .. } = attempt;
    Verdict::Failed { error: format!("sent to {psp} at {sent_at}, still {} past its deadline", state.as_str()) }
}
