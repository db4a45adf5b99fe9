//! Money given back: our refunds, the PSP's, and what the shop was told.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{ByPayment, Findings, Witnesses, total};
use crate::cli::chaos::record::Moved;
use crate::cli::chaos::store::OurRefund;

pub(super) fn compare(witnesses: &Witnesses, captures: &ByPayment<'_>, given: &ByPayment<'_>, found: &mut Findings) {
    let mut contested: BTreeMap<&str, i64> = BTreeMap::new();
    for dispute in witnesses.record.disputes.iter().filter(|dispute| dispute.status != "won") {
        *contested.entry(dispute.payment.as_str()).or_default() += dispute.amount;
    }
    for (payment, back) in given {
        let (back, taken) = (total(Some(back)), total(captures.get(payment)));
        let contested = contested.get(payment).copied().unwrap_or_default();
        if back + contested > taken {
            found
                .refunds_beyond_capture
                .push(format!("{payment}: {back} given back and {contested} contested of {taken}"));
        }
    }
    let mut promised: BTreeMap<&str, i64> = BTreeMap::new();
    for refund in witnesses.refunds.iter().filter(|refund| refund.status != "failed") {
        *promised.entry(refund.payment.as_str()).or_default() += refund.amount;
    }
    for our in &witnesses.payments {
        let promised = promised.get(our.id.as_str()).copied().unwrap_or_default();
        if promised > our.captured {
            found
                .refunds_beyond_capture
                .push(format!("{}: refunds of {promised} taken on for {}", our.id, our.captured));
        }
        if promised != our.refunded {
            found
                .refunds_that_differ
                .push(format!("{}: {} marked as refunded, refunds say {promised}", our.id, our.refunded));
        }
    }
    let at_psp: BTreeMap<&str, &Moved> = witnesses.record.refunds.iter().map(|it| (it.key.as_str(), it)).collect();
    for refund in &witnesses.refunds {
        match (refund.status.as_str(), at_psp.get(refund.id.as_str())) {
            ("succeeded", Some(moved)) if moved.amount == refund.amount && moved.payment == refund.payment => {}
            ("failed" | "pending", None) => {}
            (status, at_psp) => found.refunds_that_differ.push(format!(
                "{}: we say {status} of {}, the PSP {:?}",
                refund.id,
                refund.amount,
                at_psp.map(|moved| moved.amount)
            )),
        }
    }
    let ours: BTreeSet<&str> = witnesses.refunds.iter().map(|refund| refund.id.as_str()).collect();
    for (key, moved) in at_psp.iter().filter(|(key, _)| !ours.contains(*key)) {
        found
            .refunds_that_differ
            .push(format!("{}: the PSP gave back {} under {key}, unknown to us", moved.payment, moved.amount));
    }
    told(witnesses, found);
}

/// What the shop was told of refunds, against our tables: no other ones, of the same amount, and with the end that was told.
fn told(witnesses: &Witnesses, found: &mut Findings) {
    let ours: HashMap<&str, &OurRefund> = witnesses.refunds.iter().map(|it| (it.id.as_str(), it)).collect();
    let mut known: HashSet<&str> = HashSet::new();
    for told in &witnesses.told {
        for refund in &told.refunds {
            known.insert(&refund.id);
            let same = |our: &OurRefund| {
                our.payment == told.payment
                    && our.amount == refund.amount
                    && (refund.status == "pending" || our.status == refund.status)
            };
            let our = ours.get(refund.id.as_str());
            if !our.is_some_and(|our| same(our)) {
                found.refunds_that_differ.push(format!("told {refund:?} of {}, and we have {our:?}", told.payment));
            }
        }
    }
    for our in witnesses.refunds.iter().filter(|our| !known.contains(our.id.as_str())) {
        let OurRefund { id, amount, payment, .. } = our;
        found.refunds_that_differ.push(format!("{id}: {amount} of {payment} taken on, and nobody was told of it"));
    }
}
