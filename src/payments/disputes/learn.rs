//! Learn: ask the PSP for the disputes of a payment, and settle what it says.

use std::time::Duration;

use super::settle::heard;
use super::store;
use crate::app::App;
use crate::db::retrying;
use crate::payments::calls::{self, Call};
use crate::payments::error::PaymentError;
use crate::payments::payment::Payment;
use crate::payments::{send, store as payments};
use crate::psp::{NotDone, PspDispute};
use crate::queue::Verdict;
use crate::words::{CallId, PaymentId};

/// How long to wait for a PSP that does not answer.
const PAUSE: Duration = Duration::from_mins(5);
/// How long to wait for the word that what is contested was captured.
const SOON: Duration = Duration::from_secs(30);

/// Asks for the disputes of a payment and settles each, once, whatever was heard of them before.
pub async fn look(app: &App, payment: &PaymentId) -> Result<usize, PaymentError> {
    let payment = payments::find(&app.db, payment).await?.ok_or(PaymentError::NotFound)?;
    let (said, refused) = ask(app, &payment).await?;
    refused.map_or(Ok(said.len()), Err)
}

/// The job of the same. A PSP that is away is asked again; nothing is lost by waiting.
pub async fn look_again(app: &App, payment: &PaymentId) -> Result<Verdict, PaymentError> {
    match look(app, payment).await {
        Ok(_) => Ok(Verdict::Done),
        Err(PaymentError::Psp(NotDone::Unreachable { after, .. })) => {
            Ok(Verdict::Again { at: app.now().plus(PAUSE.max(after.unwrap_or_default())) })
        }
        Err(PaymentError::DisputeEarly { .. }) => Ok(Verdict::Again { at: app.now().plus(SOON) }),
        Err(error) => Err(error),
    }
}

/// The same; gives what the PSP said, and why one of them is not settled.
pub(super) async fn ask(app: &App, payment: &Payment) -> Result<(Vec<PspDispute>, Option<PaymentError>), PaymentError> {
    let psp_payment = payment.registered.as_ref().ok_or(PaymentError::NotRegistered)?.psp_payment.clone();
    let psp = payment
        .psp
        .as_ref()
        .and_then(|name| app.psps.get(name).cloned())
        .ok_or(PaymentError::NoPsp(payment.tenant.mode.as_str()))?;
    let call = written(app, payment, "look_up_dispute", psp.name(), &psp_payment).await?;
    let said = match psp.disputes(&psp_payment).await {
        Ok(said) => said,
        Err(not_done) => {
            send::note(app, &call, &not_done.to_string()).await?;
            return Err(not_done.into());
        }
    };
    send::note(app, &call, &format!("{} found", said.len())).await?;
    // One that contradicts what is known is a person's, and does not keep the others out of the books.
    let mut refused = None;
    for dispute in said.iter().filter(|dispute| dispute.psp_payment == psp_payment) {
        if let Err(error) = settled(app, payment, psp.name(), dispute).await {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(payment = %payment.id, dispute = dispute.reference, error = cause, "a dispute is not settled");
            refused.get_or_insert(error);
        }
    }
    Ok((said, refused))
}

async fn settled(app: &App, payment: &Payment, psp: &str, dispute: &PspDispute) -> Result<(), PaymentError> {
    let changed = retrying(|| async {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        let changed = heard(&mut tx, payment, psp, dispute, now).await?;
        tx.commit().await?;
        Ok::<_, PaymentError>(changed)
    })
    .await?;
    if changed {
        app.wake.notify_one();
    }
    Ok(())
}

/// Whether a dispute of the PSP's is in our records.
pub(super) async fn is_known(app: &App, psp: &str, reference: &str) -> Result<bool, PaymentError> {
    Ok(store::at_psp(&app.db, psp, reference).await?.is_some())
}

/// Writes that a call about a dispute of `payment` is about to be sent.
pub(super) async fn written(
    app: &App,
    payment: &Payment,
    operation: &str,
    psp: &str,
    key: &str,
) -> Result<CallId, PaymentError> {
    let call = Call {
        id: CallId::new(),
        tenant: payment.tenant.clone(),
        payment: payment.id.clone(),
        attempt: None,
        operation: operation.to_owned(),
        psp: psp.to_owned(),
        psp_key: key.to_owned(),
        sent_at: app.now(),
        answered_at: None,
        result: None,
    };
    let mut tx = app.db.begin().await?;
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;
    Ok(call.id)
}
