//! Look: asks the PSP what became of a refund. The call is written down before it goes and closed with what came back.

use super::Refund;
use crate::app::App;
use crate::payments::calls::{self, Call};
use crate::payments::error::PaymentError;
use crate::payments::{send, store as payments};
use crate::psp::{Finding, NotDone, Psp, RefundOutcome};
use crate::words::{CallId, Timestamp};

/// The name of these calls.
pub(super) const LOOK: &str = "look_up_refund";

/// What the PSP has under the `key` of `refund`.
pub(super) async fn look(
    app: &App,
    refund: &Refund,
    key: &str,
) -> Result<Result<Finding<RefundOutcome>, NotDone>, PaymentError> {
    let (psp, psp_payment) = psp_of(app, refund).await?;
    let call = new_call(refund, LOOK, app.now());
    let mut tx = app.db.begin().await?;
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;
    let found = psp.look_up_refund(&psp_payment, key).await;
    send::note(app, &call.id, &said(&found)).await?;
    Ok(found)
}

/// The PSP that has the payment, and its name for it.
pub(super) async fn psp_of(app: &App, refund: &Refund) -> Result<(std::sync::Arc<dyn Psp>, String), PaymentError> {
    let payment = payments::find(&app.db, &refund.payment).await?.ok_or(PaymentError::NotFound)?;
    let psp_payment = payment.registered.ok_or(PaymentError::NotRegistered)?.psp_payment;
    let psp = app.psps.get(&refund.psp).cloned().ok_or(PaymentError::NoPsp(refund.tenant.mode.as_str()))?;
    Ok((psp, psp_payment))
}

/// A call about `refund` that is about to be sent.
pub(super) fn new_call(refund: &Refund, operation: &str, now: Timestamp) -> Call {
    Call {
        id: CallId::new(),
        tenant: refund.tenant.clone(),
        payment: refund.payment.clone(),
        attempt: None,
        operation: operation.to_owned(),
        psp: refund.psp.clone(),
        psp_key: refund.id.to_string(),
        sent_at: now,
        answered_at: None,
        result: None,
    }
}

fn said(found: &Result<Finding<RefundOutcome>, NotDone>) -> String {
    match found {
        Ok(Finding::Found(RefundOutcome::Done { .. })) => "succeeded".to_owned(),
        Ok(Finding::Found(RefundOutcome::Failed { .. } | RefundOutcome::Returned { .. })) => "failed".to_owned(),
        Ok(Finding::Found(RefundOutcome::Pending | RefundOutcome::Unknown { .. })) => {
            "no answer that can be trusted".to_owned()
        }
        Ok(Finding::NotFound) => "not found".to_owned(),
        Err(not_done) => not_done.to_string(),
    }
}
