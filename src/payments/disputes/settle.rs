//! Settle: the one place where what was heard of a dispute becomes state, books and events, all in one transaction.

use std::time::Duration;

use super::part::parts;
use super::status::{News, news};
use super::{Dispute, postings, store, view, watch};
use crate::db::Tx;
use crate::events::{self, NewEvent};
use crate::ledger::Posting;
use crate::payments::error::PaymentError;
use crate::payments::payment::Payment;
use crate::payments::refunds::before;
use crate::payments::store as payments;
use crate::psp::{DisputeStatus, PspDispute};
use crate::wallets;
use crate::words::{DisputeId, Money, Timestamp};

/// How long after a dispute was opened its payment's capture may still be unknown: as long as its outcome is asked for before a
/// person gets it.
const EARLY: Duration = Duration::from_hours(24);

/// Settles what was heard; says whether it changed anything. One that is decided before we heard of it is opened and closed.
///
/// On an error nothing of the transaction may be committed.
pub(super) async fn heard(
    tx: &mut Tx,
    payment: &Payment,
    psp: &str,
    said: &PspDispute,
    now: Timestamp,
) -> Result<bool, PaymentError> {
    store::lock_payment(tx, &payment.id).await?;
    let mut posted: Vec<Posting> = Vec::new();
    let mut dispute = match store::at_psp(&mut *tx, psp, &said.reference).await? {
        Some(known) if known.payment != payment.id || known.amount != said.amount => {
            return Err(contradiction(payment, psp, said));
        }
        Some(mut known) => {
            if let Some(fee) = said.fee.filter(|fee| charged_late(&known, *fee))
                && store::charge(tx, &known.id, fee).await?
            {
                known.fee = fee;
                posted.push(postings::charged(&known, now));
            }
            known
        }
        None => {
            let dispute = open(tx, payment, psp, said, now).await?;
            posted.push(postings::opened(&dispute, now));
            dispute
        }
    };
    let changed = !posted.is_empty();
    match news(dispute.status, said.status) {
        News::Contradiction => return Err(contradiction(payment, psp, said)),
        News::Nothing => {}
        News::To(status) => {
            let was = dispute.status;
            dispute.status = status;
            dispute.closed_at = status.is_closed().then_some(now);
            if !store::advance(tx, &dispute, was).await? {
                return Err(PaymentError::Overtaken);
            }
            match status {
                DisputeStatus::Won => {
                    let to_pending = store::give_back(tx, &dispute).await?;
                    posted.push(postings::won(&dispute, &to_pending, now));
                }
                DisputeStatus::Lost => posted.push(postings::lost(&dispute, now)),
                DisputeStatus::NeedsResponse | DisputeStatus::UnderReview => {}
            }
            if status.is_closed() {
                tell(tx, "dispute.closed", &dispute, now).await?;
            }
        }
    }
    let changed = changed || dispute.closed_at == Some(now);
    if !posted.is_empty() {
        // The seller's bank of last resort: a dispute is not asked whether the money is still there.
        wallets::post_owing(tx, &posted).await?;
    }
    Ok(changed)
}

/// Whether this is the first that is heard of what the PSP charges: some say so only when it is decided.
fn charged_late(known: &Dispute, fee: Money) -> bool {
    known.fee.is_zero() && !fee.is_zero() && fee.currency() == known.amount.currency()
}

async fn open(
    tx: &mut Tx,
    payment: &Payment,
    psp: &str,
    said: &PspDispute,
    now: Timestamp,
) -> Result<Dispute, PaymentError> {
    let currency = payment.amount.currency();
    let fee = said.fee.unwrap_or(Money::zero(currency));
    let same_currency = said.amount.currency() == currency && fee.currency() == currency;
    if !same_currency {
        return Err(contradiction(payment, psp, said));
    }
    if !store::contest(tx, &payment.id, said.amount).await? {
        let early = payment.captured.is_zero() && now.since(said.opened_at) < EARLY;
        return Err(if early { too_early(payment, psp, said) } else { contradiction(payment, psp, said) });
    }
    // Read after the row is ours: refunds and deliveries of the payment wait for it.
    let orders = payments::orders(&mut *tx, &payment.id).await?;
    let before = before(&mut *tx, &payment.id, currency).await?;
    let dispute = Dispute {
        id: DisputeId::new(),
        tenant: payment.tenant.clone(),
        payment: payment.id.clone(),
        psp: psp.to_owned(),
        psp_reference: said.reference.clone(),
        amount: said.amount,
        fee,
        reason: said.reason,
        // Whatever it has become since: it was opened first, and merchants are told so.
        status: DisputeStatus::NeedsResponse,
        evidence_due_by: said.evidence_due_by,
        opened_at: said.opened_at,
        created_at: now,
        closed_at: None,
        parts: parts(said.amount, &orders, &before).ok_or_else(|| contradiction(payment, psp, said))?,
    };
    if !store::insert(tx, &dispute, now.plus(watch::LOOK)).await? {
        // Somebody else heard of it at this moment.
        return Err(PaymentError::Overtaken);
    }
    store::take_pending(tx, &dispute).await?;
    tell(tx, "dispute.opened", &dispute, now).await?;
    Ok(dispute)
}

/// Writes the event of a dispute whose row this transaction has changed.
pub(super) async fn tell(
    tx: &mut Tx,
    kind: &'static str,
    dispute: &Dispute,
    now: Timestamp,
) -> Result<(), PaymentError> {
    let evidence = store::evidence_of(&mut *tx, &dispute.id).await?;
    let data = view(dispute, evidence.as_ref());
    events::append(tx, NewEvent { tenant: &dispute.tenant, kind, object_id: dispute.id.as_str(), data, now }).await?;
    Ok(())
}

fn too_early(payment: &Payment, psp: &str, said: &PspDispute) -> PaymentError {
    let (psp, reference) = (psp.to_owned(), said.reference.clone());
    PaymentError::DisputeEarly { psp, reference, payment: payment.id.clone() }
}

fn contradiction(payment: &Payment, psp: &str, said: &PspDispute) -> PaymentError {
    PaymentError::DisputeContradiction {
        psp: psp.to_owned(),
        reference: said.reference.clone(),
        said: format!("{} of {} {}", said.status.as_str(), said.amount, said.amount.currency().code()),
        payment: payment.id.clone(),
    }
}
