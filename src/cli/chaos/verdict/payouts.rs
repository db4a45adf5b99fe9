//! Money sent to sellers: our payouts, the provider's own record, and what the shop was told.

use std::collections::{HashMap, HashSet};

use super::{Findings, Witnesses};
use crate::cli::chaos::record::Sent;
use crate::cli::chaos::store::OurPayout;

pub(super) fn compare(witnesses: &Witnesses, found: &mut Findings) {
    let at_psp: HashMap<&str, &Sent> = witnesses.record.payouts.iter().map(|it| (it.key.as_str(), it)).collect();
    for our in &witnesses.payouts {
        // How often its money left, and how often it came back.
        let meant = match our.status.as_str() {
            "paid" => (1, 0),
            "returned" => (1, 1),
            "failed" | "canceled" => (0, 0),
            _ => continue,
        };
        let theirs = at_psp.get(our.id.as_str());
        let same = theirs.map_or(meant == (0, 0), |sent| (sent.paid, sent.returned) == meant);
        if !same || theirs.is_some_and(|sent| sent.amount != our.amount) {
            found.payouts_that_differ.push(format!("{}: we say {}, the provider {theirs:?}", our.id, our.status));
        }
    }
    let ours: HashSet<&str> = witnesses.payouts.iter().map(|payout| payout.id.as_str()).collect();
    for sent in &witnesses.record.payouts {
        if sent.paid > 1 {
            found.payouts_sent_twice.push(format!("{}: sent {} times", sent.key, sent.paid));
        }
        if !ours.contains(sent.key.as_str()) {
            found.payouts_that_differ.push(format!("{} sent under {}, unknown to us", sent.amount, sent.key));
        }
    }
    told(witnesses, found);
}

/// What the shop was told of payouts, against our tables: no other ones, of the same amount, and with the end that was told.
fn told(witnesses: &Witnesses, found: &mut Findings) {
    let ours: HashMap<&str, &OurPayout> = witnesses.payouts.iter().map(|it| (it.id.as_str(), it)).collect();
    let mut known: HashSet<&str> = HashSet::new();
    for payout in witnesses.told.iter().flat_map(|told| &told.payouts) {
        known.insert(&payout.id);
        let ends = |our: &OurPayout| match payout.status.as_str() {
            "paid" => matches!(our.status.as_str(), "paid" | "returned"),
            end @ ("failed" | "returned" | "canceled") => our.status == end,
            _ => true,
        };
        let our = ours.get(payout.id.as_str());
        if !our.is_some_and(|our| our.amount == payout.amount && ends(our)) {
            found.payouts_that_differ.push(format!("told {payout:?}, and we have {our:?}"));
        }
    }
    for our in witnesses.payouts.iter().filter(|our| !known.contains(our.id.as_str())) {
        found.payouts_that_differ.push(format!("{}: {} taken on, and nobody was told of it", our.id, our.amount));
    }
}
