//! Settle: what became of a refund, as state, books and event together, once.

use super::{Refund, RefundStatus, postings, store, view};
use crate::db::Tx;
use crate::events::{self, NewEvent};
use crate::payments::error::PaymentError;
use crate::payments::jobs;
use crate::psp::RefundOutcome;
use crate::wallets;
use crate::words::Timestamp;

/// Whether what was heard fits what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    /// It does.
    Agrees,
    /// The PSP gave back what has failed here, and whose money is the seller's again.
    Contradicts,
}

/// Writes what a refund that was pending has become. Whoever comes second changes nothing.
pub(super) async fn settle(tx: &mut Tx, after: &Refund, now: Timestamp) -> Result<Settled, PaymentError> {
    let done = after.status == RefundStatus::Succeeded;
    if !store::settle(tx, after).await? {
        let known = store::find(&mut *tx, &after.id).await?;
        let failed = known.is_some_and(|known| known.never_was_done());
        return Ok(if done && failed { Settled::Contradicts } else { Settled::Agrees });
    }
    let (kind, posting) = if done {
        ("refund.succeeded", Some(postings::done(after, now)))
    } else {
        let to_pending = store::give_back(tx, after).await?;
        to_a_person(tx, after, now).await?;
        ("refund.failed", postings::failed(after, &to_pending, now))
    };
    let (data, object_id) = (view(after), after.id.as_str());
    events::append(tx, NewEvent { tenant: &after.tenant, kind, object_id, data, now }).await?;
    wallets::post(tx, posting.as_slice()).await?;
    Ok(Settled::Agrees)
}

/// A second charge that is not given back is a person's: nobody else misses it.
pub(super) async fn to_a_person(tx: &mut Tx, refund: &Refund, now: Timestamp) -> Result<(), PaymentError> {
    if let Some(attempt) = &refund.attempt {
        jobs::recover(tx, attempt, &refund.tenant, now).await?;
    }
    Ok(())
}

/// What was heard of a pending refund by another road than its job; says whether it has ended so.
pub async fn settle_heard(
    tx: &mut Tx,
    refund: Refund,
    outcome: &RefundOutcome,
    now: Timestamp,
) -> Result<bool, PaymentError> {
    let after = match outcome {
        RefundOutcome::Done { reference } => Refund {
            status: RefundStatus::Succeeded,
            psp_reference: Some(reference.clone()),
            succeeded_at: Some(now),
            settled_at: Some(now),
            ..refund
        },
        RefundOutcome::Failed { psp_code } => Refund {
            status: RefundStatus::Failed,
            failure_code: Some(psp_code.clone()),
            settled_at: Some(now),
            ..refund
        },
        RefundOutcome::Pending | RefundOutcome::Unknown { .. } | RefundOutcome::Returned { .. } => return Ok(false),
    };
    settle(tx, &after, now).await?;
    Ok(store::find(tx, &after.id).await?.is_some_and(|known| known.status == after.status))
}
