//! What a payout means for the books: first held apart, then gone from the bank or put back.

use super::Payout;
use crate::ledger::{Account, Posting, Transfer};
use crate::words::Timestamp;

/// Asked: what was available is on its way.
pub(super) fn asked(payout: &Payout) -> Posting {
    posting(payout, "payout_asked", available(payout), paying_out(payout), payout.created_at)
}

/// Paid: it has left the bank.
pub(super) fn paid(payout: &Payout, now: Timestamp) -> Posting {
    posting(payout, "payout_paid", paying_out(payout), Account::Bank, now)
}

/// Failed or canceled: it never left.
pub(super) fn failed(payout: &Payout, now: Timestamp) -> Posting {
    posting(payout, "payout_failed", paying_out(payout), available(payout), now)
}

/// Returned: it is on our bank account again, and the seller's to be paid out.
pub(super) fn returned(payout: &Payout, now: Timestamp) -> Posting {
    posting(payout, "payout_returned", Account::Bank, available(payout), now)
}

fn available(payout: &Payout) -> Account {
    Account::Available(payout.seller.clone())
}

fn paying_out(payout: &Payout) -> Account {
    Account::PayingOut(payout.seller.clone())
}

fn posting(payout: &Payout, kind: &'static str, debit: Account, credit: Account, now: Timestamp) -> Posting {
    Posting {
        kind,
        source_id: payout.id.to_string(),
        tenant: payout.tenant.clone(),
        payment: None,
        transfers: vec![Transfer { debit, credit, amount: payout.amount }],
        now,
    }
}
