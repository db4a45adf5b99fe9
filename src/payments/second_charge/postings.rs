//! What a second charge means for the books: money at the PSP that is nobody's. What its refund means stands with refunds.

use crate::ledger::{Account, Posting, Transfer};
use crate::payments::attempts::Attempt;
use crate::payments::payment::Payment;
use crate::words::Timestamp;

/// The PSP has the money of `payment` once more.
pub(super) fn charged(payment: &Payment, attempt: &Attempt, now: Timestamp) -> Posting {
    let transfer =
        Transfer { debit: Account::Psp(attempt.psp.clone()), credit: Account::Suspense, amount: payment.amount };
    Posting {
        kind: "second_charge",
        source_id: attempt.id.to_string(),
        tenant: payment.tenant.clone(),
        payment: Some(payment.id.clone()),
        transfers: vec![transfer],
        now,
    }
}
