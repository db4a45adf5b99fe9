//! What the books say of the PSP and of the bank, payment by payment and payout by payout: sums could be right by chance.

use std::collections::{BTreeMap, BTreeSet};

use super::{ByPayment, Findings, Witnesses, total};

pub(super) fn compare(witnesses: &Witnesses, captures: &ByPayment<'_>, given: &ByPayment<'_>, found: &mut Findings) {
    let mut owed: BTreeMap<&str, i64> = BTreeMap::new();
    for payment in captures.keys().chain(given.keys()).copied() {
        owed.insert(payment, total(captures.get(payment)) - total(given.get(payment)));
    }
    for dispute in &witnesses.record.disputes {
        let gone = if dispute.status == "won" { 0 } else { dispute.amount };
        *owed.entry(dispute.payment.as_str()).or_default() -= gone + dispute.fee;
    }
    let left = witnesses.record.payouts.iter();
    let left = left.map(|sent| (sent.key.as_str(), (sent.returned - sent.paid) * sent.amount)).collect();
    differ("the PSP owes", &witnesses.psp_balances, &owed, found);
    differ("at the bank there are", &witnesses.bank_balances, &left, found);
}

/// Each difference between the books and somebody else's record; what only one of them knows is nothing with the other.
fn differ(what: &str, books: &BTreeMap<String, i64>, theirs: &BTreeMap<&str, i64>, found: &mut Findings) {
    let all: BTreeSet<&str> = books.keys().map(String::as_str).chain(theirs.keys().copied()).collect();
    for about in all {
        let (ours, theirs) = (books.get(about).copied().unwrap_or(0), theirs.get(about).copied().unwrap_or(0));
        if ours != theirs {
            found.ledger.push(format!("{about}: {what} {ours} says the ledger, and the record {theirs}"));
        }
    }
}
