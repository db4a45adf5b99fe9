//! Carry out: the job that asks the PSP for a refund until it is known what became of it, and settles it once.

use super::{Refund, RefundStatus, postings, store, view};
use crate::app::App;
use crate::db::retrying;
use crate::events::{self, NewEvent};
use crate::payments::calls::{self, Call};
use crate::payments::error::PaymentError;
use crate::payments::{send, store as payments};
use crate::psp::{Finding, NotDone, Psp, RefundOutcome, RefundRequest};
use crate::queue::Verdict;
use crate::queue::retry::{Class, Next, Policies};
use crate::sabotage::Protection::RefundKey;
use crate::wallets;
use crate::words::{CallId, RefundId, Timestamp, random_bytes};

/// Asks for the refund `id` under its one key, and again until the PSP says done or failed.
///
/// The PSP knows the key, so a repeat gives nothing back twice; a PSP that has forgotten it is asked before it is told.
pub async fn carry_out(app: &App, id: &RefundId) -> Result<Verdict, PaymentError> {
    let Some(refund) = store::find(&app.db, id).await?.filter(|refund| refund.status == RefundStatus::Pending) else {
        return Ok(Verdict::Done);
    };
    let payment = payments::find(&app.db, &refund.payment).await?.ok_or(PaymentError::NotFound)?;
    let over = payment.refunded.minor().saturating_add(payment.disputed.minor()) > payment.captured.minor();
    let psp_payment = payment.registered.ok_or(PaymentError::NotRegistered)?.psp_payment;
    let psp = app.psps.get(&refund.psp).cloned().ok_or(PaymentError::NoPsp(refund.tenant.mode.as_str()))?;
    let call = written(app, &refund).await?;
    // Contested between the asking and the first call: given back as well, it would be lost twice.
    let lost_twice = over && calls::count(&app.db, &refund.payment, "refund", refund.id.as_str()).await? == 1;
    let answer = answer(app, psp.as_ref(), &refund, psp_payment, lost_twice).await;
    let settled = match &answer {
        Ok(RefundOutcome::Done { reference }) => Some((RefundStatus::Succeeded, Some(reference.clone()), None)),
        Ok(RefundOutcome::Failed { psp_code }) => Some((RefundStatus::Failed, None, Some(psp_code.clone()))),
        Err(NotDone::Refused { code, .. }) => Some((RefundStatus::Failed, None, Some(code.clone()))),
        Ok(RefundOutcome::Pending | RefundOutcome::Unknown { .. }) | Err(NotDone::Unreachable { .. }) => None,
    };
    let Some((status, psp_reference, failure_code)) = settled else {
        note(app, &call, &answer).await?;
        let tries = calls::count(&app.db, &refund.payment, "refund", refund.id.as_str()).await?;
        return Ok(later(app, &refund, tries, &answer));
    };
    let now = app.now();
    let succeeded_at = (status == RefundStatus::Succeeded).then_some(now);
    let after = Refund { status, psp_reference, failure_code, succeeded_at, settled_at: Some(now), ..refund };
    retrying(|| settle(app, &call, &after, now)).await?;
    app.wake.notify_one();
    Ok(Verdict::Done)
}

/// First look, then order: a refund that is found is not ordered again, and none under a key that the PSP has forgotten.
async fn answer(
    app: &App,
    psp: &dyn Psp,
    refund: &Refund,
    psp_payment: String,
    lost_twice: bool,
) -> Result<RefundOutcome, NotDone> {
    let key = if RefundKey.is_absent() { CallId::new().to_string() } else { refund.id.to_string() };
    let age = app.now().since(refund.created_at);
    match psp.look_up_refund(&psp_payment, &key).await.map_err(no_answer)? {
        Finding::Found(outcome) => Ok(outcome),
        Finding::NotFound if psp.key_lifetime().is_some_and(|lifetime| age >= lifetime) => {
            Ok(RefundOutcome::Unknown { reason: "not found, and too old to be ordered again".to_owned() })
        }
        Finding::NotFound if lost_twice => Ok(RefundOutcome::Failed { psp_code: "payment_disputed".to_owned() }),
        Finding::NotFound => psp.refund(&RefundRequest { psp_payment, amount: refund.amount, key }).await,
    }
}

/// A look that is refused says nothing of the refund, which may have been done long ago.
fn no_answer(not_done: NotDone) -> NotDone {
    match not_done {
        NotDone::Refused { code, reason } => NotDone::Unreachable { reason: format!("{code}: {reason}"), after: None },
        unreachable @ NotDone::Unreachable { .. } => unreachable,
    }
}

/// Writes what became of it: state, books and event together.
async fn settle(app: &App, call: &CallId, after: &Refund, now: Timestamp) -> Result<(), PaymentError> {
    let mut tx = app.db.begin().await?;
    calls::answered(&mut tx, call, now, after.status.as_str()).await?;
    if store::settle(&mut tx, after).await? {
        let (kind, posting) = if after.status == RefundStatus::Succeeded {
            ("refund.succeeded", postings::done(after, now))
        } else {
            let to_pending = store::give_back(&mut tx, after).await?;
            ("refund.failed", postings::failed(after, &to_pending, now))
        };
        let (data, object_id) = (view(after), after.id.as_str());
        events::append(&mut tx, NewEvent { tenant: &after.tenant, kind, object_id, data, now }).await?;
        wallets::post(&mut tx, &[posting]).await?;
    }
    Ok(tx.commit().await?)
}

async fn written(app: &App, refund: &Refund) -> Result<CallId, PaymentError> {
    let call = Call {
        id: CallId::new(),
        tenant: refund.tenant.clone(),
        payment: refund.payment.clone(),
        attempt: None,
        operation: "refund".to_owned(),
        psp: refund.psp.clone(),
        psp_key: refund.id.to_string(),
        sent_at: app.now(),
        answered_at: None,
        result: None,
    };
    let mut tx = app.db.begin().await?;
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;
    Ok(call.id)
}

async fn note(app: &App, call: &CallId, answer: &Result<RefundOutcome, NotDone>) -> Result<(), PaymentError> {
    let result = match answer {
        Err(not_done) => not_done.to_string(),
        Ok(_) => "no answer that can be trusted".to_owned(),
    };
    send::note(app, call, &result).await
}

/// Again, as `[retry]` says; past the deadline or the last try it fails, so that a person gets it. The money stays held meanwhile.
fn later(app: &App, refund: &Refund, tries: u32, answer: &Result<RefundOutcome, NotDone>) -> Verdict {
    let now = app.now();
    let class = answer.as_ref().map_or_else(send::class, |_| Class::Unclear);
    let Refund { psp, created_at, .. } = refund;
    if now > refund.deadline_at {
        return Verdict::Failed { error: format!("asked of {psp} at {created_at}, still not known past its deadline") };
    }
    let policies = Policies::from(app.config.retries_at(psp).refund);
    match policies.after(class, tries, u32::from_ne_bytes(random_bytes())) {
        Next::After(wait) => Verdict::Again { at: now.plus(wait) },
        Next::GiveUp => {
            Verdict::Failed { error: format!("asked of {psp} since {created_at}, not known after {tries} tries") }
        }
    }
}
