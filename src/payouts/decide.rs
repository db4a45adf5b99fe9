//! Decide: a second person lets a large payout go or refuses it, and whoever asked takes one back that is not ordered yet.

use super::settle::tell;
use super::{DecideError, Payout, PayoutStatus, jobs, postings, store};
use crate::db::Tx;
use crate::wallets;
use crate::words::{OperatorId, PayoutId, Tenant, Timestamp};

/// Lets a payout go that waits for approval. Whoever asked for it may not; a key that asked is nobody's person.
pub async fn approve(tx: &mut Tx, id: &PayoutId, by: &OperatorId, now: Timestamp) -> Result<Payout, DecideError> {
    let payout = waiting(tx, id, by).await?;
    if !store::approve(tx, id, by, now).await? {
        return Err(DecideError::TooLate("decided about"));
    }
    jobs::carry_out(tx, &payout, now).await?;
    Ok(Payout { status: PayoutStatus::Pending, decided_by: Some(by.clone()), decided_at: Some(now), ..payout })
}

/// Refuses a payout that waits for approval; the money is the seller's again.
pub async fn reject(tx: &mut Tx, id: &PayoutId, by: &OperatorId, now: Timestamp) -> Result<Payout, DecideError> {
    let payout = waiting(tx, id, by).await?;
    let refused = Payout {
        failure_code: Some("approval_refused".to_owned()),
        decided_by: Some(by.clone()),
        decided_at: Some(now),
        ..payout
    };
    take_back(tx, refused, now).await
}

/// Takes back a payout that was not ordered yet; the money is the seller's again.
pub async fn cancel(tx: &mut Tx, tenant: &Tenant, id: &PayoutId, now: Timestamp) -> Result<Payout, DecideError> {
    let payout = store::get(&mut *tx, tenant, id).await?.ok_or(DecideError::NotFound)?;
    take_back(tx, payout, now).await
}

async fn waiting(tx: &mut Tx, id: &PayoutId, by: &OperatorId) -> Result<Payout, DecideError> {
    let payout = store::find(&mut *tx, id).await?.ok_or(DecideError::NotFound)?;
    if payout.status != PayoutStatus::NeedsApproval {
        return Err(DecideError::TooLate(payout.status.as_str()));
    }
    if payout.asked_by == by.as_str() {
        return Err(DecideError::SamePerson);
    }
    Ok(payout)
}

async fn take_back(tx: &mut Tx, payout: Payout, now: Timestamp) -> Result<Payout, DecideError> {
    if !matches!(payout.status, PayoutStatus::NeedsApproval | PayoutStatus::Pending) {
        return Err(DecideError::TooLate(payout.status.as_str()));
    }
    let canceled = Payout { status: PayoutStatus::Canceled, settled_at: Some(now), ..payout };
    // That it is not ordered yet is asked by the update itself: the order is written under the same condition.
    if !store::cancel(tx, &canceled).await? {
        return Err(DecideError::TooLate(PayoutStatus::Processing.as_str()));
    }
    tell(tx, &canceled, "payout.canceled", now).await?;
    wallets::post(tx, &[postings::failed(&canceled, now)]).await?;
    Ok(canceled)
}
