//! What a dispute means for the books: the PSP took the money, it is held apart from the sellers, and then it is lost or back.

use super::{Dispute, Part};
use crate::ledger::{Account, Posting, Transfer};
use crate::words::{Money, Timestamp};

/// Opened: the PSP no longer owes it, and the sellers may not spend it. What the PSP charges is the merchant's cost.
pub(super) fn opened(dispute: &Dispute, now: Timestamp) -> Posting {
    let psp = || Account::Psp(dispute.psp.clone());
    let mut transfers = vec![
        Transfer { debit: Account::Disputes, credit: psp(), amount: dispute.amount },
        Transfer { debit: Account::PspFees, credit: psp(), amount: dispute.fee },
    ];
    for part in &dispute.parts {
        let reserved = || Account::Reserved(part.seller.clone());
        let (pending, available) = (part.from_pending, rest(part, part.from_pending));
        transfers.push(Transfer { debit: Account::Pending(part.seller.clone()), credit: reserved(), amount: pending });
        transfers.push(Transfer {
            debit: Account::Available(part.seller.clone()),
            credit: reserved(),
            amount: available,
        });
    }
    posting(dispute, "dispute_opened", transfers, now)
}

/// Charged: what the PSP takes for the dispute, told only after it was opened.
pub(super) fn charged(dispute: &Dispute, now: Timestamp) -> Posting {
    let (debit, credit) = (Account::PspFees, Account::Psp(dispute.psp.clone()));
    posting(dispute, "dispute_charged", vec![Transfer { debit, credit, amount: dispute.fee }], now)
}

/// Lost: what was held of the sellers pays for it.
pub(super) fn lost(dispute: &Dispute, now: Timestamp) -> Posting {
    let held = dispute.parts.iter().map(|part| Transfer {
        debit: Account::Reserved(part.seller.clone()),
        credit: Account::Disputes,
        amount: part.amount,
    });
    posting(dispute, "dispute_lost", held.collect(), now)
}

/// Won: the PSP owes it again, and the sellers have theirs again. `to_pending` says how much of each part waits for its
/// order's delivery; what was delivered since is available.
pub(super) fn won(dispute: &Dispute, to_pending: &[Money], now: Timestamp) -> Posting {
    let psp = Account::Psp(dispute.psp.clone());
    let mut transfers = vec![Transfer { debit: psp, credit: Account::Disputes, amount: dispute.amount }];
    for (part, &pending) in dispute.parts.iter().zip(to_pending) {
        let reserved = || Account::Reserved(part.seller.clone());
        let available = rest(part, pending);
        transfers.push(Transfer { debit: reserved(), credit: Account::Pending(part.seller.clone()), amount: pending });
        transfers.push(Transfer {
            debit: reserved(),
            credit: Account::Available(part.seller.clone()),
            amount: available,
        });
    }
    posting(dispute, "dispute_won", transfers, now)
}

/// A part without what of it is pending. That is never more than the part: the database refuses such a row.
fn rest(part: &Part, pending: Money) -> Money {
    part.amount.checked_sub(pending).unwrap_or(part.amount)
}

fn posting(dispute: &Dispute, kind: &'static str, transfers: Vec<Transfer>, now: Timestamp) -> Posting {
    Posting {
        kind,
        source_id: dispute.id.to_string(),
        tenant: dispute.tenant.clone(),
        payment: Some(dispute.payment.clone()),
        transfers: transfers.into_iter().filter(|transfer| !transfer.amount.is_zero()).collect(),
        now,
    }
}
