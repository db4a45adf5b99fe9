//! What a paid order means for the books: the PSP owes us, the seller is owed, the platform has earned its fee.

use super::payment::{Order, Payment};
use crate::ledger::{Account, Posting, Transfer};
use crate::words::Timestamp;

/// One journal per order, so that every seller's sale stands for itself and cannot be posted twice.
pub(super) fn postings(payment: &Payment, orders: &[Order], psp: &str, now: Timestamp) -> Vec<Posting> {
    orders
        .iter()
        .map(|order| Posting {
            kind: "sale",
            source_id: order.id.to_string(),
            tenant: payment.tenant.clone(),
            payment: Some(payment.id.clone()),
            transfers: transfers(order, psp),
            now,
        })
        .collect()
}

fn transfers(order: &Order, psp: &str) -> Vec<Transfer> {
    let psp = || Account::Psp(psp.to_owned());
    // An order's fee never exceeds what was taken of it: a rule of opening and of capturing, held by the split.
    let share = order.captured.checked_sub(order.captured_fee).unwrap_or(order.captured);
    [
        Transfer { debit: psp(), credit: Account::Pending(order.seller.clone()), amount: share },
        Transfer { debit: psp(), credit: Account::PlatformFees, amount: order.captured_fee },
    ]
    .into_iter()
    .filter(|transfer| !transfer.amount.is_zero())
    .collect()
}
