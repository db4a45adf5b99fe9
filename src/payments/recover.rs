//! Recover: the job that finds out what became of an attempt nobody heard of again, also after a crash.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::error::PaymentError;
use super::look::{abandon, look};
use super::status::AttemptState;
use super::{calls, captures, disputes, expire, jobs, send};
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
    let silent = attempts::claim_silent(&mut tx, now.minus(SILENCE)).await?;
    for (attempt, tenant) in &silent {
        jobs::recover(&mut tx, attempt, tenant, now).await?;
    }
    tx.commit().await?;
    if !silent.is_empty() {
        app.wake.notify_one();
    }
    expire::expire_overdue(app).await?;
    captures::end_overdue(app).await?;
    disputes::watch(app).await?;
    Ok(())
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
    match attempts::get(&app.db, id).await? {
        Some(attempt) if attempt.state.is_open() => later(app, &attempt, asked.err(), now).await,
        _ => Ok(Verdict::Done),
    }
}

/// Again, as `[retry]` says for the attempt's PSP; past the deadline or the last try it fails, so that a person gets it.
async fn later(
    app: &App,
    attempt: &Attempt,
    failed: Option<PaymentError>,
    now: Timestamp,
) -> Result<Verdict, PaymentError> {
    let Attempt { psp, payment, psp_key, .. } = attempt;
    if now > attempt.deadline_at {
        return Ok(overdue(attempt));
    }
    let looks = calls::count(&app.db, payment, "look_up", psp_key).await?;
    let tries = looks.saturating_add(calls::count(&app.db, payment, "abandon", psp_key).await?);
    let class = match failed {
        Some(PaymentError::Psp(not_done @ NotDone::Unreachable { .. })) => send::class(&not_done),
        // A look that is refused says nothing of the attempt: it stays open, and is asked about again.
        _ => Class::Unclear,
    };
    let policies = Policies::from(app.config.retries_at(psp).recover);
    Ok(match policies.after(class, tries.max(1), u32::from_ne_bytes(random_bytes())) {
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
