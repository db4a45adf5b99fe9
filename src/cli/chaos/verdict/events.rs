//! What the merchant heard, against what happened.

use std::collections::BTreeMap;

use super::{Findings, Witnesses};
use crate::cli::chaos::receiver::{Fact, Said};

/// A fact, and what the events about it must be like.
struct Happened {
    times: usize,
    /// What each of them says of its object; nothing where that is not the same for all of them.
    says: Option<Said>,
}

/// Every fact that happened, from our tables, which are held against the PSP's record elsewhere.
fn happened(witnesses: &Witnesses) -> BTreeMap<Fact, Happened> {
    let mut facts = BTreeMap::new();
    let mut add = |kind: &str, id: &str, times: usize, says: Option<Said>| {
        if times > 0 {
            facts.insert((kind.to_owned(), id.to_owned()), Happened { times, says });
        }
    };
    let said = |status: &str, amount: i64| Some(Said { status: status.to_owned(), amount });
    for our in &witnesses.payments {
        match our.status.as_str() {
            "succeeded" => add("payment.succeeded", &our.id, 1, said("succeeded", our.captured)),
            "failed" => add("payment.failed", &our.id, 1, said("failed", our.amount)),
            "canceled" => add("payment.canceled", &our.id, 1, said("canceled", our.amount)),
            _ => {}
        }
        add("payment.authorized", &our.id, usize::from(our.authorized), said("authorized", our.amount));
        if our.session.is_empty() {
            // A saved card was charged: there is no page, and a decline is the end.
            continue;
        }
        let paid = our.status == "succeeded" || our.authorized;
        add("checkout.session.completed", &our.session, usize::from(paid), said("complete", our.amount));
        let expired = our.status == "expired";
        add("checkout.session.expired", &our.session, usize::from(expired), said("expired", our.amount));
        add("payment.attempt_declined", &our.id, usize::try_from(our.declines).unwrap_or(usize::MAX), None);
    }
    for refund in witnesses.refunds.iter().filter(|refund| refund.status != "pending") {
        add(&format!("refund.{}", refund.status), &refund.id, 1, said(&refund.status, refund.amount));
    }
    for order in &witnesses.delivered {
        add("payment_order.fulfilled", order, 1, None);
    }
    for card in &witnesses.saved {
        add("payment_method.attached", card, 1, None);
    }
    for dispute in &witnesses.disputes {
        add("dispute.opened", &dispute.id, 1, said("needs_response", dispute.amount));
        let closed = matches!(dispute.status.as_str(), "won" | "lost");
        add("dispute.closed", &dispute.id, usize::from(closed), said(&dispute.status, dispute.amount));
        add("dispute.evidence_submitted", &dispute.id, usize::from(dispute.defended), None);
    }
    for payout in &witnesses.payouts {
        add("payout.created", &payout.id, 1, None);
        let ends: &[&str] = match payout.status.as_str() {
            "returned" => &["paid", "returned"],
            "paid" => &["paid"],
            "failed" => &["failed"],
            "canceled" => &["canceled"],
            _ => &[],
        };
        for end in ends {
            add(&format!("payout.{end}"), &payout.id, 1, said(end, payout.amount));
        }
    }
    facts
}

pub(super) fn compare(witnesses: &Witnesses, found: &mut Findings) {
    let happened = happened(witnesses);
    for (fact, Happened { times, says }) in &happened {
        let heard = witnesses.facts.get(fact);
        let count = heard.map_or(0, BTreeMap::len);
        if count < *times {
            found.events_missing.push(format!("{} {}: {count} of {times}", fact.0, fact.1));
        }
        let told = heard.into_iter().flatten();
        for (event, said) in told.filter(|(_, said)| says.as_ref().is_some_and(|says| *said != says)) {
            found.events_that_differ.push(format!("{} {}: {event} says {said:?}, meant is {says:?}", fact.0, fact.1));
        }
    }
    // A wallet's news tell what it holds, as often as it changed or less, and a destination fails as often as somebody has
    // verified it again: there is no number to hold them against.
    let uncounted = ["wallet.updated", "seller.payout_destination_failed"];
    for (fact, events) in witnesses.facts.iter().filter(|((kind, _), _)| !uncounted.contains(&kind.as_str())) {
        let times = happened.get(fact).map_or(0, |happened| happened.times);
        if events.len() > times {
            found.events_doubled.push(format!("{} {}: {} events for {times}", fact.0, fact.1, events.len()));
        }
    }
}
