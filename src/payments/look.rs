//! Look: ask the PSP what became of an attempt, and settle what it says.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::calls;
use super::error::PaymentError;
use super::send::{confirm, confirm_request, note, settle_call, written};
use super::status::AttemptState;
use super::{Standing, standing_of, store};
use crate::app::App;
use crate::psp::{Finding, NotDone, Outcome, Psp};
use crate::words::{CallId, PaymentId};

/// The PSP is not asked about one attempt more often than this.
const SPACING: Duration = Duration::from_secs(2);

/// A call may still be on its way so long; before that, a PSP that knows nothing of it proves nothing.
const ON_ITS_WAY: Duration = Duration::from_mins(1);

/// Asks about the open attempt of a payment, if it has one and was not just asked; then says how the payment stands.
pub async fn look_again(app: &App, payment: &PaymentId) -> Result<Standing, PaymentError> {
    if let Some(attempt) = attempts::latest(&app.db, payment).await?.filter(|attempt| attempt.state.is_open()) {
        let last = calls::latest_look(&app.db, payment, &attempt.id).await?;
        if last.is_none_or(|last| app.now().since(last) >= SPACING) {
            look(app, &attempt).await?;
        }
    }
    standing_of(app, payment).await
}

/// Asks about the open attempt of a payment at once, if it has one, for whoever has reason to believe that the PSP has decided.
pub async fn ask_now(app: &App, payment: &PaymentId) -> Result<(), PaymentError> {
    match attempts::latest(&app.db, payment).await?.filter(|attempt| attempt.state.is_open()) {
        Some(attempt) => look(app, &attempt).await,
        None => Ok(()),
    }
}

/// Gives up an attempt that waits for the shopper, who would rather use another card.
pub async fn give_up(app: &App, payment: &PaymentId) -> Result<Standing, PaymentError> {
    let latest = attempts::latest(&app.db, payment).await?;
    if let Some(attempt) = latest.filter(|attempt| attempt.state == AttemptState::ActionRequired) {
        abandon(app, &attempt).await?;
    }
    standing_of(app, payment).await
}

/// Asks the PSP about `attempt` and settles the answer. A PSP that has surely never seen it gets the same call once
/// more, under the same key: the shopper did press pay.
pub(super) async fn look(app: &App, attempt: &Attempt) -> Result<(), PaymentError> {
    let (psp, psp_payment) = psp_of(app, attempt).await?;
    let call = written(app, attempt, "look_up").await?;
    match psp.look_up(&psp_payment, &attempt.psp_key).await {
        Ok(Finding::Found(outcome)) => settle_call(app, &attempt.id, &call, &outcome).await,
        Ok(Finding::NotFound) => {
            note(app, &call, "not found").await?;
            let age = app.now().since(attempt.sent_at);
            let lost = attempt.state.is_open() && age >= ON_ITS_WAY;
            // A PSP that has forgotten the key would take the same order for a new one: from then on it is only asked,
            // and past its deadline the attempt is a person's.
            let known = psp.key_lifetime().is_none_or(|lifetime| age < lifetime);
            if lost && known { send_again(app, attempt, psp.as_ref(), &psp_payment).await } else { Ok(()) }
        }
        Err(not_done) => unanswered(app, &call, not_done).await,
    }
}

async fn send_again(app: &App, attempt: &Attempt, psp: &dyn Psp, psp_payment: &str) -> Result<(), PaymentError> {
    let payment = store::find(&app.db, &attempt.payment).await?.ok_or(PaymentError::NotFound)?;
    let request = confirm_request(app, &payment, psp_payment, attempt).await?;
    let call = written(app, attempt, "confirm").await?;
    // That this call did nothing is no decline: the one before it may still be on its way, and the shopper would pay twice.
    let outcome =
        confirm(app, psp, &request).await.unwrap_or_else(|not_done| Outcome::Unknown { reason: not_done.to_string() });
    settle_call(app, &attempt.id, &call, &outcome).await
}

pub(super) async fn abandon(app: &App, attempt: &Attempt) -> Result<(), PaymentError> {
    let (psp, psp_payment) = psp_of(app, attempt).await?;
    let call = written(app, attempt, "abandon").await?;
    match psp.abandon(&psp_payment, &attempt.psp_key).await {
        Ok(Finding::Found(outcome)) => settle_call(app, &attempt.id, &call, &outcome).await,
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

async fn unanswered(app: &App, call: &CallId, not_done: NotDone) -> Result<(), PaymentError> {
    note(app, call, &not_done.to_string()).await?;
    Err(not_done.into())
}
