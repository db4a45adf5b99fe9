//! Send: each call to a PSP is written down before it goes and closed with what came back.

use std::borrow::Cow;
use std::time::Duration;

use super::attempts::Attempt;
use super::calls::{self, Call};
use super::error::PaymentError;
use super::methods;
use super::payment::Payment;
use crate::app::App;
use crate::config::retry::PATIENCE;
use crate::psp::{ConfirmRequest, Decline, DeclineCode, NotDone, Outcome, Psp, still_waits};
use crate::queue::retry::{Class, Next, Policies};
use crate::sabotage::Protection::{PspKey, UnknownOutcome};
use crate::words::{CallId, PaymentId, Secret, Timestamp, random_base62, random_bytes};

pub(super) fn confirm_call(attempt: &Attempt, now: Timestamp) -> Call {
    Call {
        id: CallId::new(),
        tenant: attempt.tenant.clone(),
        payment: attempt.payment.clone(),
        attempt: Some(attempt.id.clone()),
        operation: "confirm".to_owned(),
        psp: attempt.psp.clone(),
        psp_key: attempt.psp_key.clone(),
        sent_at: now,
        answered_at: None,
        result: None,
    }
}

/// The order to the PSP. A payment without a checkout is the charge of a saved card: what its attempt names is ours, and
/// the PSP's token is opened here.
pub(super) async fn confirm_request(
    app: &App,
    payment: &Payment,
    psp_payment: &str,
    attempt: &Attempt,
) -> Result<ConfirmRequest, PaymentError> {
    let off_session = payment.checkout.is_none();
    let method = if off_session { methods::token(app, payment).await? } else { Secret::new(attempt.method.clone()) };
    Ok(ConfirmRequest {
        psp_payment: psp_payment.to_owned(),
        method,
        amount: payment.amount,
        key: attempt.psp_key.clone(),
        save: payment.save_payment_method,
        off_session,
    })
}

/// Writes that `operation` on `attempt` is about to be sent.
pub(super) async fn written(app: &App, attempt: &Attempt, operation: &str) -> Result<CallId, PaymentError> {
    let call = Call { operation: operation.to_owned(), ..confirm_call(attempt, app.now()) };
    let mut tx = app.db.begin().await?;
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;
    Ok(call.id)
}

/// Closes a call's record that settles nothing.
pub(super) async fn note(app: &App, call: &CallId, result: &str) -> Result<(), PaymentError> {
    note_and_wait(app, call, result, None).await
}

/// As [`note`], and keeps for how long the PSP wants no other call about the same, if it said so.
pub(super) async fn note_and_wait(
    app: &App,
    call: &CallId,
    result: &str,
    after: Option<Duration>,
) -> Result<(), PaymentError> {
    let (mut tx, now) = (app.db.begin().await?, app.now());
    calls::answered(&mut tx, call, now, result).await?;
    calls::wait(&mut tx, call, after.map(|after| now.plus(after))).await?;
    Ok(tx.commit().await?)
}

/// When the PSP wants to be called again about what goes under `key`, if it said so and that is still to come: whoever
/// comes sooner, a webhook or another process's job, must wait as well.
pub(super) async fn told_to_wait(app: &App, payment: &PaymentId, key: &str) -> Result<Option<Timestamp>, PaymentError> {
    let not_before = calls::not_before(&app.db, payment, key).await?;
    Ok(still_waits(not_before, app.now()))
}

/// Orders the money to be taken, again only while the PSP surely did nothing, as often as `[retry]` says.
///
/// `Err` says that this call surely did nothing. It says nothing of one before it, nor of one that somebody else sends at
/// this moment.
pub(super) async fn confirm(app: &App, psp: &dyn Psp, request: &ConfirmRequest) -> Result<Outcome, NotDone> {
    let policies = Policies::from(app.config.retries_at(psp.name()).confirm);
    match insist(policies, psp.name(), || sent(psp, under_its_key(request))).await? {
        Outcome::Unknown { .. } if UnknownOutcome.is_absent() => Ok(declined(DeclineCode::Generic, "")),
        outcome => Ok(outcome),
    }
}

/// Makes `call` until it brings an answer, as long as `policies` let a shopper wait. Declines are answers; refusals and a
/// PSP that wants more time than a shopper has are the end.
pub(super) async fn insist<T, Calling: Future<Output = Result<T, NotDone>>>(
    policies: Policies,
    psp: &'static str,
    mut call: impl FnMut() -> Calling,
) -> Result<T, NotDone> {
    let mut failures = 0;
    loop {
        let not_done = match call().await {
            Ok(answer) => return Ok(answer),
            Err(not_done) => not_done,
        };
        failures += 1;
        let class = class(&not_done);
        let too_long = matches!(class, Class::Busy { after: Some(after) } if after > PATIENCE);
        match policies.after(class, failures, u32::from_ne_bytes(random_bytes())) {
            Next::After(wait) if !too_long => tokio::time::sleep(wait).await,
            _ => {
                let error = &not_done as &dyn std::error::Error;
                tracing::warn!(psp, error, failures, "a call to the PSP did nothing");
                return Err(not_done);
            }
        }
    }
}

async fn sent(psp: &dyn Psp, request: Cow<'_, ConfirmRequest>) -> Result<Outcome, NotDone> {
    psp.confirm(&request).await
}

/// The request under the key that every repeat of it has.
fn under_its_key(request: &ConfirmRequest) -> Cow<'_, ConfirmRequest> {
    if PspKey.is_absent() {
        let key = format!("{}.{}", request.key, random_base62(8));
        return Cow::Owned(ConfirmRequest { key, ..request.clone() });
    }
    Cow::Borrowed(request)
}

/// What kind of failure it is that a call did nothing.
pub const fn class(not_done: &NotDone) -> Class {
    match not_done {
        NotDone::Unreachable { after: None, .. } => Class::Unreachable,
        NotDone::Unreachable { after, .. } => Class::Busy { after: *after },
        NotDone::Refused { .. } => Class::Refused,
    }
}

/// What an attempt has come to whose only call surely did nothing: the shopper may try again.
pub(super) fn not_taken(not_done: &NotDone) -> Outcome {
    match not_done {
        NotDone::Refused { code, .. } => declined(DeclineCode::ProcessingError, code),
        NotDone::Unreachable { .. } => declined(DeclineCode::NotSent, ""),
    }
}

/// A decline of our own making.
pub(super) fn declined(code: DeclineCode, psp_code: &str) -> Outcome {
    Outcome::Declined(Decline { code, psp_code: psp_code.to_owned(), card: None })
}
