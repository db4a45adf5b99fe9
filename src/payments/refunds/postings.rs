//! What a refund means for the books: first held apart, then gone to the PSP or put back.

use super::Refund;
use crate::ledger::{Account, Posting, Transfer};
use crate::words::{Money, SellerId, Timestamp};

/// Asked: what each seller had of it, and the platform's fee in it, is held apart.
pub(super) fn asked(refund: &Refund) -> Posting {
    let transfers = both(refund, |seller, share, fee| {
        let reserved = || Account::Reserved(seller.clone());
        [
            Transfer { debit: Account::Pending(seller.clone()), credit: reserved(), amount: share },
            Transfer { debit: Account::PlatformFees, credit: reserved(), amount: fee },
        ]
    });
    posting(refund, "refund_asked", transfers, refund.created_at)
}

/// Done: the PSP gave it back, so it owes us that much less.
pub(super) fn done(refund: &Refund, now: Timestamp) -> Posting {
    let gone = refund.parts.iter().map(|part| Transfer {
        debit: Account::Reserved(part.seller.clone()),
        credit: Account::Psp(refund.psp.clone()),
        amount: part.amount,
    });
    posting(refund, "refund", gone.collect(), now)
}

/// Failed: everybody has theirs again.
pub(super) fn failed(refund: &Refund, now: Timestamp) -> Posting {
    let transfers = both(refund, |seller, share, fee| {
        let reserved = || Account::Reserved(seller.clone());
        [
            Transfer { debit: reserved(), credit: Account::Pending(seller.clone()), amount: share },
            Transfer { debit: reserved(), credit: Account::PlatformFees, amount: fee },
        ]
    });
    posting(refund, "refund_failed", transfers, now)
}

/// The two transfers of each part that move anything.
fn both(refund: &Refund, make: impl Fn(&SellerId, Money, Money) -> [Transfer; 2]) -> Vec<Transfer> {
    let parts = refund.parts.iter().flat_map(|part| {
        // A part's fee never exceeds the part: the database refuses such a row.
        let share = part.amount.checked_sub(part.fee).unwrap_or(part.amount);
        make(&part.seller, share, part.fee)
    });
    parts.filter(|transfer| !transfer.amount.is_zero()).collect()
}

fn posting(refund: &Refund, kind: &'static str, transfers: Vec<Transfer>, now: Timestamp) -> Posting {
    Posting {
        kind,
        source_id: refund.id.to_string(),
        tenant: refund.tenant.clone(),
        payment: Some(refund.payment.clone()),
        transfers,
        now,
    }
}
