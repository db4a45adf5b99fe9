//! Come back: a refund that had succeeded is returned by the shopper's bank, weeks later (the card is closed, say). The PSP
//! says so by webhook, and is asked: only what it answers counts. Where that webhook was lost its settlement list says so.

use super::look::look;
use super::settle::to_a_person;
use super::{Refund, RefundStatus, of_payment, postings, store, view};
use crate::app::App;
use crate::db::retrying;
use crate::events::{self, NewEvent};
use crate::payments::error::PaymentError;
use crate::psp::{Finding, NotDone, RefundOutcome};
use crate::wallets;
use crate::words::{PaymentId, RefundId, Tenant};

/// Asks the PSP about every refund of a payment that had succeeded, and puts the money of those that came back where it was;
/// says how many did.
pub async fn look_for_returned(app: &App, payment: &PaymentId) -> Result<usize, PaymentError> {
    let mut returned = 0;
    let refunds = of_payment(&app.db, payment).await?;
    let unsettled = refunds.iter().any(|refund| refund.status == RefundStatus::Pending);
    for refund in refunds.into_iter().filter(|refund| refund.status == RefundStatus::Succeeded) {
        if let Some(code) = what_became(app, &refund).await?
            && put_back(app, refund, code).await?
        {
            returned += 1;
        }
    }
    if returned > 0 {
        app.wake.notify_one();
    }
    if unsettled {
        // It may be the one the PSP spoke of, done and returned before its answer has arrived here.
        let reason = "a refund of this payment is not settled yet".to_owned();
        return Err(NotDone::Unreachable { reason, after: None }.into());
    }
    Ok(returned)
}

/// The PSP's reason when a refund failed after all.
async fn what_became(app: &App, refund: &Refund) -> Result<Option<String>, PaymentError> {
    match look(app, refund, refund.id.as_str()).await? {
        Ok(Finding::Found(RefundOutcome::Failed { psp_code } | RefundOutcome::Returned { psp_code, .. })) => {
            Ok(Some(psp_code))
        }
        Err(unreachable @ NotDone::Unreachable { .. }) => Err(unreachable.into()),
        // Anything but a plain no leaves it as it was: it had succeeded.
        Ok(_) | Err(NotDone::Refused { .. }) => Ok(None),
    }
}

/// A refund of `tenant` that had succeeded failed after all, for the PSP's reason `code`, as the PSP's own record says: puts the
/// money back where it was, once. Says whether it did; a refund that is unknown, not done yet or back already stays as it is.
///
/// # Errors
/// When the books or the database refuse; nothing was changed then.
pub async fn come_back(app: &App, tenant: &Tenant, id: &RefundId, code: &str) -> Result<bool, PaymentError> {
    let refund = store::get(&app.db, tenant, id).await?;
    let Some(refund) = refund.filter(|refund| refund.status == RefundStatus::Succeeded) else { return Ok(false) };
    let done = put_back(app, refund, code.to_owned()).await?;
    if done {
        app.wake.notify_one();
    }
    Ok(done)
}

/// Writes it down: state, what may be refunded again, books and event together, once.
async fn put_back(app: &App, refund: Refund, code: String) -> Result<bool, PaymentError> {
    let now = app.now();
    let after = Refund { status: RefundStatus::Failed, failure_code: Some(code), settled_at: Some(now), ..refund };
    retrying(|| async {
        let mut tx = app.db.begin().await?;
        if !store::fail_late(&mut tx, &after).await? {
            return Ok(false);
        }
        let to_pending = store::give_back(&mut tx, &after).await?;
        to_a_person(&mut tx, &after, now).await?;
        let (kind, object_id, data) = ("refund.failed", after.id.as_str(), view(&after));
        events::append(&mut tx, NewEvent { tenant: &after.tenant, kind, object_id, data, now }).await?;
        wallets::post(&mut tx, &[postings::came_back(&after, &to_pending, now)]).await?;
        tx.commit().await?;
        Ok::<_, PaymentError>(true)
    })
    .await
}
