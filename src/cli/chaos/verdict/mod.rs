//! The comparison of the witnesses. Pure: what they say goes in, what does not agree comes out.

mod answers;
mod authorizations;
mod disputes;
mod events;
mod ledger;
mod payouts;
mod refunds;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::receiver::{Events, Fact};
use super::record::{Moved, Record};
use super::store::{OurDispute, OurPayment, OurPayout, OurRefund};
use super::told::Told;

/// What the witnesses say.
#[derive(Debug, Default)]
pub struct Witnesses {
    /// What clients were told.
    pub told: Vec<Told>,
    /// Our payments.
    pub payments: Vec<OurPayment>,
    /// The keys under which we asked for money, of all attempts.
    pub keys: HashSet<String>,
    /// Our refunds.
    pub refunds: Vec<OurRefund>,
    /// The orders that were delivered.
    pub delivered: Vec<String>,
    /// Our payouts.
    pub payouts: Vec<OurPayout>,
    /// Our disputes.
    pub disputes: Vec<OurDispute>,
    /// The cards that were saved.
    pub saved: Vec<String>,
    /// What our ledger says the PSP owes us, by payment.
    pub psp_balances: BTreeMap<String, i64>,
    /// What our ledger says came to the bank, or left it, by payout.
    pub bank_balances: BTreeMap<String, i64>,
    /// The PSP's record.
    pub record: Record,
    /// What the merchant heard.
    pub facts: BTreeMap<Fact, Events>,
}

/// What does not agree, each in a sentence.
#[derive(Debug, Default)]
pub struct Findings {
    /// More than one capture for one checkout, or for too much.
    pub double_charges: Vec<String>,
    /// More taken than the card was held for.
    pub captures_beyond: Vec<String>,
    /// Held by the PSP and not known to us, or the other way round.
    pub holds_that_differ: Vec<String>,
    /// Taken by the PSP and not known to us, or the other way round, or never made although asked for.
    pub lost_payments: Vec<String>,
    /// Somebody was told what is not so.
    pub false_answers: Vec<String>,
    /// More given back than was taken.
    pub refunds_beyond_capture: Vec<String>,
    /// Given back by the PSP and not known to us, or the other way round.
    pub refunds_that_differ: Vec<String>,
    /// Money sent to a seller more than once.
    pub payouts_sent_twice: Vec<String>,
    /// Sent by the provider and not known to us, or the other way round.
    pub payouts_that_differ: Vec<String>,
    /// Contested at the PSP and not known to us alike, or the other way round.
    pub disputes_that_differ: Vec<String>,
    /// The ledger and the PSP differ about a payment, or about what left the bank.
    pub ledger: Vec<String>,
    /// A fact without its event.
    pub events_missing: Vec<String>,
    /// An event without its fact, or a second one for it.
    pub events_doubled: Vec<String>,
    /// An event that says something else of its object than is so.
    pub events_that_differ: Vec<String>,
}

/// Compares them all.
pub fn compare(witnesses: &Witnesses) -> Findings {
    let mut found = Findings::default();
    let captures = by_payment(&witnesses.record.captures);
    let given_back = by_payment(&witnesses.record.refunds);
    charges(witnesses, &captures, &mut found);
    answers::compare(witnesses, &captures, &mut found);
    authorizations::compare(witnesses, &mut found);
    refunds::compare(witnesses, &captures, &given_back, &mut found);
    payouts::compare(witnesses, &mut found);
    disputes::compare(witnesses, &mut found);
    ledger::compare(witnesses, &captures, &given_back, &mut found);
    events::compare(witnesses, &mut found);
    found
}

type ByPayment<'a> = BTreeMap<&'a str, Vec<&'a Moved>>;

fn by_payment(moved: &[Moved]) -> ByPayment<'_> {
    let mut map = ByPayment::new();
    for one in moved {
        map.entry(one.payment.as_str()).or_default().push(one);
    }
    map
}

fn total(moved: Option<&Vec<&Moved>>) -> i64 {
    moved.map_or(0, |moved| moved.iter().map(|one| one.amount).sum())
}

fn charges(witnesses: &Witnesses, captures: &ByPayment<'_>, found: &mut Findings) {
    let ours: BTreeMap<&str, &OurPayment> = witnesses.payments.iter().map(|it| (it.id.as_str(), it)).collect();
    // First, as it says the most and only the first few are named.
    for taken in witnesses.record.captures.iter().filter(|taken| !witnesses.keys.contains(&taken.key)) {
        found.lost_payments.push(format!("{}: the PSP took money under {}, unknown to us", taken.payment, taken.key));
    }
    for (payment, taken) in captures {
        match ours.get(payment) {
            None => found.lost_payments.push(format!("{payment}: the PSP took money for a payment we do not have")),
            Some(our) if our.status != "succeeded" => {
                found.lost_payments.push(format!("{payment}: the PSP took money and we say {}", our.status));
            }
            Some(our) if total(Some(taken)) > our.amount => {
                let list = if our.manual { &mut found.captures_beyond } else { &mut found.double_charges };
                list.push(format!("{payment}: {} taken for {}", total(Some(taken)), our.amount));
            }
            Some(our) if total(Some(taken)) != our.captured => {
                let (says, took) = (our.captured, total(Some(taken)));
                found.lost_payments.push(format!("{payment}: we say {says} was taken, the PSP {took}"));
            }
            Some(_) => {}
        }
        if taken.len() > 1 {
            found.double_charges.push(format!("{payment}: captured {} times", taken.len()));
        }
    }
    for our in witnesses.payments.iter().filter(|our| our.status == "succeeded") {
        if !captures.contains_key(our.id.as_str()) {
            found.lost_payments.push(format!("{}: we say succeeded and the PSP took nothing", our.id));
        }
    }
    let asked: BTreeSet<&str> = witnesses.told.iter().map(|told| told.payment.as_str()).collect();
    for our in witnesses.payments.iter().filter(|our| !asked.contains(our.id.as_str())) {
        found.false_answers.push(format!("{}: a payment that nobody was told of", our.id));
    }
    for told in
        witnesses.told.iter().filter(|told| !told.payment.is_empty() && !ours.contains_key(told.payment.as_str()))
    {
        found.lost_payments.push(format!("{}: told to a client and not in our tables", told.payment));
    }
}
