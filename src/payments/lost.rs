//! Lost: an order that the PSP has never seen. It is sent again while somebody waits for it; else it is settled as not done.

use std::time::Duration;

use super::attempts::{self, Attempt};
use super::calls::{self, LastOrder};
use super::error::PaymentError;
use super::look::{settled, unanswered};
use super::repeats::ON_ITS_WAY;
use super::send::{confirm, confirm_call, confirm_request, declined, note};
use super::settle::{Heard, settle_all};
use super::status::{AttemptState, PaymentStatus};
use super::store;
use crate::app::App;
use crate::checkout;
use crate::db::{Tx, retrying};
use crate::psp::{ConfirmRequest, DeclineCode, NotDone, Outcome, Psp, still_waits};
use crate::words::{CallId, Timestamp};

/// So long after the shopper has pressed pay the money may still be ordered: nobody expects it of yesterday's click.
const WANTED: Duration = Duration::from_mins(15);

/// What the record of a look says that found nothing.
const NOT_FOUND: &str = "not found";

/// What is done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// Nothing yet.
    Wait,
    /// The same order once more, under the same key: the shopper did press pay.
    Again,
    /// It was not done and will not be.
    NotDone(Outcome),
}

/// Deals with `attempt`, of which the PSP has said, to the call `look`, that it has never seen it.
pub(super) async fn deal_with(
    app: &App,
    attempt: &Attempt,
    psp: &dyn Psp,
    psp_payment: &str,
    look: &CallId,
) -> Result<(), PaymentError> {
    let Some((call, request)) = retrying(|| decide(app, attempt, psp, psp_payment, look)).await? else {
        return Ok(());
    };
    match confirm(app, psp, &request).await {
        Ok(outcome) => settled(app, attempt, &call, &outcome).await,
        // That this call did nothing is no decline: the one before it may still be on its way, and the shopper would pay twice.
        Err(not_done) => match unanswered(app, &call, not_done).await {
            Err(PaymentError::Psp(NotDone::Refused { .. })) => Ok(()),
            told => told,
        },
    }
}

/// Decides and writes it down; what comes back is to be sent.
async fn decide(
    app: &App,
    attempt: &Attempt,
    psp: &dyn Psp,
    psp_payment: &str,
    look: &CallId,
) -> Result<Option<(CallId, ConfirmRequest)>, PaymentError> {
    let now = app.now();
    if !attempt.state.is_open() || now.since(attempt.sent_at) < ON_ITS_WAY {
        note(app, look, NOT_FOUND).await?;
        return Ok(None);
    }
    let payment = store::find(&app.db, &attempt.payment).await?.ok_or(PaymentError::NotFound)?;
    let request = match confirm_request(app, &payment, psp_payment, attempt).await {
        Err(PaymentError::Detached) => None,
        request => Some(request?),
    };
    // A PSP that has forgotten the key would take the same order for a new one.
    let known = psp.key_lifetime().is_none_or(|lifetime| now.since(attempt.sent_at) < lifetime);
    let mut tx = app.db.begin().await?;
    calls::answered(&mut tx, look, now, NOT_FOUND).await?;
    // Of two who deal with it at this moment, and of a settlement, each sees what the other has done.
    store::lock(&mut tx, &payment.id, now).await?;
    let may_be_sent = known && request.is_some() && is_wanted(&mut tx, attempt, now).await?;
    let attempt = attempts::get(&mut tx, &attempt.id).await?.ok_or(PaymentError::NotFound)?;
    let last = calls::last_order(&mut tx, &payment.id, &attempt.id).await?.ok_or(PaymentError::NotFound)?;
    let mut order = None;
    match next(attempt.state, &last, may_be_sent, now) {
        Next::Wait => {}
        Next::Again => {
            let call = confirm_call(&attempt, now);
            calls::sent(&mut tx, &call).await?;
            order = request.map(|request| (call.id, request));
        }
        Next::NotDone(outcome) => {
            settle_all(app, &mut tx, &[Heard { attempt: &attempt.id, outcome: &outcome }], now).await?;
        }
    }
    tx.commit().await?;
    if order.is_none() {
        app.wake.notify_one();
    }
    Ok(order)
}

/// Whether somebody still wants the money: not when another card has paid meanwhile, or when the session's time is over.
async fn is_wanted(tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<bool, PaymentError> {
    let payment = store::find(&mut *tx, &attempt.payment).await?.ok_or(PaymentError::NotFound)?;
    let open = match &payment.checkout {
        Some(id) => checkout::get(tx, &payment.tenant, id).await?.is_some_and(|session| session.is_payable(now)),
        None => true,
    };
    Ok(open && payment.status == PaymentStatus::Processing && now.since(attempt.sent_at) < WANTED)
}

/// What is done about an attempt in this `state` after the `last` order. Pure.
fn next(state: AttemptState, last: &LastOrder, may_be_sent: bool, now: Timestamp) -> Next {
    // The PSP has seen any other: that it does not know it any more proves nothing.
    let unseen = matches!(state, AttemptState::Sent | AttemptState::Unknown);
    if !unseen || now.since(last.at) < ON_ITS_WAY {
        return Next::Wait;
    }
    match &last.refused {
        Some(code) => Next::NotDone(declined(DeclineCode::ProcessingError, code)),
        None if may_be_sent && still_waits(last.not_before, now).is_some() => Next::Wait,
        None if may_be_sent => Next::Again,
        None => Next::NotDone(declined(DeclineCode::NotSent, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_seen_is_sent_again_or_not_done_but_not_too_soon() {
        let at = Timestamp::from_unix_seconds;
        let order =
            |refused: Option<&str>| LastOrder { at: at(0), refused: refused.map(str::to_owned), not_before: None };
        let not_sent = Next::NotDone(declined(DeclineCode::NotSent, ""));
        let refused = Next::NotDone(declined(DeclineCode::ProcessingError, "no"));
        let table = [
            (AttemptState::Sent, None, true, 59, Next::Wait),
            (AttemptState::Sent, None, false, 59, Next::Wait),
            (AttemptState::Sent, Some("no"), true, 59, Next::Wait),
            (AttemptState::Sent, None, true, 60, Next::Again),
            (AttemptState::Unknown, None, true, 60, Next::Again),
            (AttemptState::Unknown, None, false, 60, not_sent),
            (AttemptState::Unknown, Some("no"), true, 60, refused),
            (AttemptState::Pending, None, true, 60, Next::Wait),
            (AttemptState::ActionRequired, None, false, 60, Next::Wait),
            (AttemptState::Declined, None, true, 60, Next::Wait),
        ];
        for (state, code, may_be_sent, seconds, wanted) in table {
            let next = next(state, &order(code), may_be_sent, at(seconds));
            assert_eq!(next, wanted, "{state:?} {code:?} {may_be_sent} after {seconds} s");
        }
        let asked_to_wait = LastOrder { not_before: Some(at(300)), ..order(None) };
        assert_eq!(next(AttemptState::Unknown, &asked_to_wait, true, at(299)), Next::Wait);
        assert_eq!(next(AttemptState::Unknown, &asked_to_wait, true, at(300)), Next::Again);
    }
}
