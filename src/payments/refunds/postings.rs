//! What a refund means for the books: first held apart, then gone to the PSP or put back.

use super::{Part, Refund};
use crate::ledger::{Account, Posting, Transfer};
use crate::words::{Money, Timestamp};

/// Asked: what each seller had of it, and the platform's fee in it, is held apart.
pub(super) fn asked(refund: &Refund) -> Posting {
    let held = refund.parts.iter().flat_map(|part| {
        let reserved = || Account::Reserved(part.seller.clone());
        [
            Transfer { debit: Account::Pending(part.seller.clone()), credit: reserved(), amount: part.from_pending },
            Transfer {
                debit: Account::Available(part.seller.clone()),
                credit: reserved(),
                amount: from_available(part),
            },
            Transfer { debit: Account::PlatformFees, credit: reserved(), amount: part.fee },
        ]
    });
    posting(refund, "refund_asked", held, refund.created_at)
}

/// Done: the PSP gave it back, so it owes us that much less.
pub(super) fn done(refund: &Refund, now: Timestamp) -> Posting {
    if refund.attempt.is_some() {
        return of_charge(refund, "second_charge_refund", (Account::Suspense, psp(refund)), now);
    }
    let gone = refund.parts.iter().map(|part| Transfer {
        debit: Account::Reserved(part.seller.clone()),
        credit: psp(refund),
        amount: part.amount,
    });
    posting(refund, "refund", gone, now)
}

/// Failed: everybody has theirs again. `to_pending` says how much of each part waits for its order's delivery again. Nothing was held
/// of a second charge, so nothing moves.
pub(super) fn failed(refund: &Refund, to_pending: &[Money], now: Timestamp) -> Option<Posting> {
    let back = || back(refund, to_pending, |part| Account::Reserved(part.seller.clone()));
    refund.attempt.is_none().then(|| posting(refund, "refund_failed", back(), now))
}

/// Failed after it was done: the PSP has the money again, so it owes us that much more.
pub(super) fn came_back(refund: &Refund, to_pending: &[Money], now: Timestamp) -> Posting {
    if refund.attempt.is_some() {
        return of_charge(refund, "second_charge_refund_failed", (psp(refund), Account::Suspense), now);
    }
    posting(refund, "refund_failed", back(refund, to_pending, |_| psp(refund)), now)
}

fn psp(refund: &Refund) -> Account {
    Account::Psp(refund.psp.clone())
}

/// What becomes of a second charge stands against suspense, where its money is.
fn of_charge(refund: &Refund, kind: &'static str, (debit, credit): (Account, Account), now: Timestamp) -> Posting {
    posting(refund, kind, std::iter::once(Transfer { debit, credit, amount: refund.amount }), now)
}

fn back<'a>(
    refund: &'a Refund,
    to_pending: &'a [Money],
    from: impl Fn(&Part) -> Account + 'a,
) -> impl Iterator<Item = Transfer> + 'a {
    refund.parts.iter().zip(to_pending).flat_map(move |(part, &pending)| {
        let available = share(part).checked_sub(pending).unwrap_or(pending);
        [
            Transfer { debit: from(part), credit: Account::Pending(part.seller.clone()), amount: pending },
            Transfer { debit: from(part), credit: Account::Available(part.seller.clone()), amount: available },
            Transfer { debit: from(part), credit: Account::PlatformFees, amount: part.fee },
        ]
    })
}

/// The seller's share in a part. A part's fee never exceeds the part: the database refuses such a row.
fn share(part: &Part) -> Money {
    part.amount.checked_sub(part.fee).unwrap_or(part.amount)
}

/// What of a part came from what the seller had available.
pub(super) fn from_available(part: &Part) -> Money {
    share(part).checked_sub(part.from_pending).unwrap_or(Money::zero(part.amount.currency()))
}

fn posting(refund: &Refund, kind: &'static str, transfers: impl Iterator<Item = Transfer>, now: Timestamp) -> Posting {
    Posting {
        kind,
        source_id: refund.id.to_string(),
        tenant: refund.tenant.clone(),
        payment: Some(refund.payment.clone()),
        transfers: transfers.filter(|transfer| !transfer.amount.is_zero()).collect(),
        now,
    }
}
