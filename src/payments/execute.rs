//! Execute: the shopper pressed pay and the PSP's form gave a token. Write the attempt down, call the PSP, settle.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::calls;
use super::error::PaymentError;
use super::look::unanswered;
use super::payment::Payment;
use super::send::{confirm, confirm_call, confirm_request, declined, not_taken};
use super::settle::{self, Heard, settle_all};
use super::status::{AttemptState, OrderStatus, PaymentStatus};
use super::{Standing, caution, expire, standing_of, store};
use crate::app::App;
use crate::db::retrying;
use crate::psp::{ConfirmRequest, DeclineCode, NotDone};
use crate::sabotage::{GAP, Protection::WrittenFirst};
use crate::words::{AttemptId, CallId, PaymentId, PaymentMethodId, Timestamp};

/// How long an attempt may stay without a known outcome before a person gets it.
const DEADLINE: Duration = Duration::from_hours(24);

/// How long the shopper's browser waits for an answer; the attempt goes on without it.
const BROWSER_WAITS: Duration = Duration::from_secs(20);

/// Takes the money of `payment` from the card behind `method`, unless an attempt is under way or the payment is over.
///
/// Whoever calls a second time, by double click, second tab or retry, is told how the payment stands.
pub async fn execute(app: &App, payment: &PaymentId, method: &str) -> Result<Standing, PaymentError> {
    if !is_token(method) {
        return Err(PaymentError::BadMethod);
    }
    if let Some(prepared) = retrying(|| prepare(app, payment, method)).await? {
        let (own, payment) = (app.clone(), payment.clone());
        // On a task of its own: a shopper who closes the browser must not stop us between the call and its settlement.
        let sending = app.apart(async move {
            if let Err(error) = send(&own, prepared).await {
                tracing::error!(%payment, error = &error as &dyn std::error::Error, "an attempt could not be settled");
            }
        });
        let _ = tokio::time::timeout(BROWSER_WAITS, sending).await;
    }
    standing_of(app, payment).await
}

/// As [`execute`], with a saved card of ours and without a shopper: says nothing, and returns when the PSP has answered.
pub(super) async fn charge_now(app: &App, payment: &PaymentId, method: &PaymentMethodId) -> Result<(), PaymentError> {
    match retrying(|| prepare(app, payment, method.as_str())).await? {
        Some(prepared) => send(app, prepared).await,
        None => Ok(()),
    }
}

/// Tokens are the PSP's, yet always of this form; anything else is not sent on.
///
/// The id of a saved card is none: whoever reads one on a page must not be able to pay with it.
fn is_token(method: &str) -> bool {
    (1..=200).contains(&method.len())
        && PaymentMethodId::parse(method).is_err()
        && method.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// An attempt that is written down and waits to be sent.
struct Prepared {
    attempt: AttemptId,
    call: CallId,
    psp: String,
    request: ConfirmRequest,
}

/// Writes the intent: from here on a crash loses nothing, because the sweep will ask. `None` when nothing is to be sent.
async fn prepare(app: &App, id: &PaymentId, method: &str) -> Result<Option<Prepared>, PaymentError> {
    let payment = store::find(&app.db, id).await?.ok_or(PaymentError::NotFound)?;
    let (Some(psp), Some(registered)) = (&payment.psp, &payment.registered) else {
        return Err(PaymentError::NotRegistered);
    };
    if expire::is_over(app, &payment).await? {
        return Ok(None);
    }
    let refusal = caution::refusal(app, &payment).await?;
    if refusal.is_some() && attempts::latest(&app.db, id).await?.is_some_and(|last| !last.was_sent()) {
        // Refused as the one before: it is told the same, and whoever clicks on leaves nothing more behind.
        return Ok(None);
    }
    let now = app.now();
    let attempt = new_attempt(&payment, psp, method, now);
    let request = confirm_request(app, &payment, &registered.psp_payment, &attempt).await?;
    if WrittenFirst.is_absent() {
        // As a gateway does that charges first and writes afterwards.
        let psp = app.psps.get(psp).ok_or(PaymentError::NoPsp("these"))?;
        let _ = confirm(app, psp.as_ref(), &request).await;
        tokio::time::sleep(GAP).await;
    }
    let mut tx = app.db.begin().await?;
    // The compare-and-set is the lock: of two tabs one gets past it.
    if !store::move_to(&mut tx, id, PaymentStatus::RequiresPayment, PaymentStatus::Processing, now).await? {
        return Ok(None);
    }
    attempts::insert(&mut tx, &attempt).await?;
    if let Some(rule) = refusal {
        let outcome = declined(DeclineCode::RiskRefused, rule);
        settle_all(app, &mut tx, &[Heard { attempt: &attempt.id, outcome: &outcome }], now).await?;
        tx.commit().await?;
        return Ok(None);
    }
    store::move_orders(&mut tx, id, OrderStatus::Executing, now).await?;
    let call = confirm_call(&attempt, now);
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;
    Ok(Some(Prepared { attempt: attempt.id, call: call.id, psp: psp.clone(), request }))
}

fn new_attempt(payment: &Payment, psp: &str, method: &str, now: Timestamp) -> Attempt {
    let id = AttemptId::new();
    Attempt {
        psp_key: id.to_string(),
        id,
        tenant: payment.tenant.clone(),
        payment: payment.id.clone(),
        psp: psp.to_owned(),
        method: method.to_owned(),
        state: AttemptState::Sent,
        psp_reference: None,
        decline: None,
        psp_code: None,
        card: None,
        action_url: None,
        note: None,
        second_charge: None,
        second_charged_at: None,
        sent_at: now,
        deadline_at: now.plus(DEADLINE),
        settled_at: None,
    }
}

async fn send(app: &App, prepared: Prepared) -> Result<(), PaymentError> {
    let psp = app.psps.get(&prepared.psp).ok_or(PaymentError::NoPsp("these"))?;
    let outcome = match confirm(app, psp.as_ref(), &prepared.request).await {
        Ok(outcome) => outcome,
        // No shopper waits for a word on a saved card: the attempt stays open, and is sent again as one that was lost.
        Err(not_done @ NotDone::Unreachable { .. }) if prepared.request.off_session => {
            return unanswered(app, &prepared.call, not_done).await;
        }
        Err(not_done) => not_taken(&not_done),
    };
    settle::answered(app, &prepared.attempt, &outcome, Some(&prepared.call)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn only_tokens_are_sent_on() {
        for token in ["tok_sim_1", "pm-1_A"] {
            assert!(is_token(token), "{token}");
        }
        for text in ["", "4242 4242", "tok\n", "tok/../x", "é", "pm_01h455vb4pex5vsknk084sn02q", &"x".repeat(201)] {
            assert!(!is_token(text), "{text:?}");
        }
    }
}
