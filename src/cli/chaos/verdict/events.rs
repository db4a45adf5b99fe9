//! What the merchant heard, against what happened.

use std::collections::{BTreeMap, BTreeSet};

use super::{Findings, Witnesses};
use crate::cli::chaos::receiver::Fact;

/// How often each fact happened, from the PSP's record where it is the PSP's, else from our tables.
fn happened(witnesses: &Witnesses) -> BTreeMap<Fact, usize> {
    let mut facts = BTreeMap::new();
    let mut add = |kind: &str, id: &str, times: usize| {
        if times > 0 {
            facts.insert((kind.to_owned(), id.to_owned()), times);
        }
    };
    for our in &witnesses.payments {
        match our.status.as_str() {
            "succeeded" => add("payment.succeeded", &our.id, 1),
            "canceled" => add("payment.canceled", &our.id, 1),
            _ => {}
        }
        add("payment.authorized", &our.id, usize::from(our.authorized));
        let paid = our.status == "succeeded" || our.authorized;
        add("checkout.session.completed", &our.session, usize::from(paid));
        add("checkout.session.expired", &our.session, usize::from(our.status == "expired"));
        add("payment.attempt_declined", &our.id, usize::try_from(our.declines).unwrap_or(usize::MAX));
    }
    for refund in witnesses.refunds.iter().filter(|refund| refund.status != "pending") {
        add(&format!("refund.{}", refund.status), &refund.id, 1);
    }
    for order in &witnesses.delivered {
        add("payment_order.fulfilled", order, 1);
    }
    for payout in &witnesses.payouts {
        add("payout.created", &payout.id, 1);
        match payout.status.as_str() {
            "returned" => {
                add("payout.paid", &payout.id, 1);
                add("payout.returned", &payout.id, 1);
            }
            status @ ("paid" | "failed" | "canceled") => add(&format!("payout.{status}"), &payout.id, 1),
            _ => {}
        }
    }
    facts
}

pub(super) fn compare(witnesses: &Witnesses, found: &mut Findings) {
    let happened = happened(witnesses);
    for (fact, times) in &happened {
        let heard = witnesses.facts.get(fact).map_or(0, BTreeSet::len);
        if heard < *times {
            found.events_missing.push(format!("{} {}: {heard} of {times}", fact.0, fact.1));
        }
    }
    // A wallet's news tell what it holds, as often as it changed or less: there is no number to hold them against.
    for (fact, ids) in witnesses.facts.iter().filter(|((kind, _), _)| kind != "wallet.updated") {
        let times = happened.get(fact).copied().unwrap_or_default();
        if ids.len() > times {
            found.events_doubled.push(format!("{} {}: {} events for {times}", fact.0, fact.1, ids.len()));
        }
    }
}
