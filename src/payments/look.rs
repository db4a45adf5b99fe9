//! Look: ask the PSP what became of an attempt, and settle what it says.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::calls;
use super::error::PaymentError;
use super::send::{note, written};
use super::status::AttemptState;
use super::{Standing, lost, settle, standing_of, store};
use crate::app::App;
use crate::psp::{Finding, NotDone, Outcome, Psp, still_waits};
use crate::words::{CallId, PaymentId, Timestamp};

/// The PSP is not asked about one attempt more often than this.
const SPACING: Duration = Duration::from_secs(2);

/// Asks about the open attempt of a payment, if it has one and was not just asked; then says how the payment stands.
pub async fn look_again(app: &App, payment: &PaymentId) -> Result<Standing, PaymentError> {
    if let Some(attempt) = attempts::latest(&app.db, payment).await?.filter(|attempt| attempt.state.is_open()) {
        let (last, not_before) = calls::latest_look(&app.db, payment, &attempt.id).await?;
        if may_ask(last, not_before, app.now()) {
            look(app, &attempt).await?;
        }
    }
    standing_of(app, payment).await
}

/// Asks about the attempts of a payment at once, for whoever has reason to believe that the PSP took its money: those that were
/// given up too, the latest first, until one is approved; says whether there was one to ask about.
pub async fn ask_now(app: &App, payment: &PaymentId) -> Result<bool, PaymentError> {
    let known = attempts::of_payment(&app.db, payment).await?;
    if known.is_empty() || known.iter().any(|attempt| attempt.state == AttemptState::Approved) {
        return Ok(false);
    }
    for attempt in known.iter().rev() {
        look(app, attempt).await?;
        if attempts::get(&app.db, &attempt.id).await?.is_some_and(|it| it.state == AttemptState::Approved) {
            break;
        }
    }
    Ok(true)
}

/// Gives up an attempt that waits for the shopper, who would rather use another card.
pub async fn give_up(app: &App, payment: &PaymentId) -> Result<Standing, PaymentError> {
    let latest = attempts::latest(&app.db, payment).await?;
    if let Some(attempt) = latest.filter(|attempt| attempt.state == AttemptState::ActionRequired) {
        abandon(app, &attempt).await?;
    }
    standing_of(app, payment).await
}

/// Not too soon after the last time, nor before the PSP wants to be called again.
fn may_ask(last: Option<Timestamp>, not_before: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.apart(last) >= SPACING) && still_waits(not_before, now).is_none()
}

/// Asks the PSP about `attempt` and settles the answer.
pub(super) async fn look(app: &App, attempt: &Attempt) -> Result<(), PaymentError> {
    let (psp, psp_payment) = psp_of(app, attempt).await?;
    let call = written(app, attempt, "look_up").await?;
    match psp.look_up(&psp_payment, &attempt.psp_key).await {
        Ok(Finding::Found(outcome)) => settled(app, attempt, &call, &outcome).await,
        // Boxed: it sends, and would make every look as large.
        Ok(Finding::NotFound) => Box::pin(lost::deal_with(app, attempt, psp.as_ref(), &psp_payment, &call)).await,
        Err(not_done) => unanswered(app, &call, not_done).await,
    }
}

pub(super) async fn abandon(app: &App, attempt: &Attempt) -> Result<(), PaymentError> {
    let (psp, psp_payment) = psp_of(app, attempt).await?;
    let call = written(app, attempt, "abandon").await?;
    match psp.abandon(&psp_payment, &attempt.psp_key).await {
        Ok(Finding::Found(outcome)) => settled(app, attempt, &call, &outcome).await,
        Ok(Finding::NotFound) => note(app, &call, "not found").await,
        Err(not_done) => unanswered(app, &call, not_done).await,
    }
}

async fn psp_of(app: &App, attempt: &Attempt) -> Result<(std::sync::Arc<dyn Psp>, String), PaymentError> {
    let payment = store::find(&app.db, &attempt.payment).await?.ok_or(PaymentError::NotFound)?;
    let psp_payment = payment.registered.ok_or(PaymentError::NotRegistered)?.psp_payment;
    let psp = app.psps.get(&attempt.psp).cloned().ok_or(PaymentError::NoPsp(payment.tenant.mode.as_str()))?;
    Ok((psp, psp_payment))
}

pub(super) async fn settled(
    app: &App,
    attempt: &Attempt,
    call: &CallId,
    outcome: &Outcome,
) -> Result<(), PaymentError> {
    settle::answered(app, &attempt.id, outcome, Some(call)).await.map(drop)
}

/// Closes the record of a call that surely did nothing.
pub(super) async fn unanswered(app: &App, call: &CallId, not_done: NotDone) -> Result<(), PaymentError> {
    let (mut tx, now) = (app.db.begin().await?, app.now());
    calls::not_done(&mut tx, call, now, &not_done).await?;
    tx.commit().await?;
    Err(not_done.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_psp_is_asked_when_it_wants_to_be_and_whatever_the_clock_does() {
        let at = Timestamp::from_unix_seconds;
        assert!(may_ask(None, None, at(100)));
        assert!(!may_ask(Some(at(99)), None, at(100)) && may_ask(Some(at(98)), None, at(100)));
        assert!(!may_ask(Some(at(90)), Some(at(101)), at(100)) && may_ask(Some(at(90)), Some(at(100)), at(100)));
        assert!(may_ask(Some(at(3_700)), None, at(100)), "the clock was an hour ahead");
    }
}
