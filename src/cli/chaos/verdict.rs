//! The comparison of the witnesses. Pure: what they say goes in, what does not agree comes out.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::receiver::Fact;
use super::record::{Moved, Record};
use super::store::{OurPayment, OurRefund};
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
    /// What our ledger says the PSP owes us.
    pub psp_balance: i64,
    /// The PSP's record.
    pub record: Record,
    /// What the merchant heard.
    pub facts: BTreeMap<Fact, BTreeSet<String>>,
}

/// What does not agree, each in a sentence.
#[derive(Debug, Default)]
pub struct Findings {
    /// More than one capture for one checkout, or for too much.
    pub double_charges: Vec<String>,
    /// Taken by the PSP and not known to us, or the other way round, or never made although asked for.
    pub lost_payments: Vec<String>,
    /// Somebody was told what is not so.
    pub false_answers: Vec<String>,
    /// More given back than was taken.
    pub refunds_beyond_capture: Vec<String>,
    /// Given back by the PSP and not known to us, or the other way round.
    pub refunds_that_differ: Vec<String>,
    /// The ledger and the PSP differ in the sum.
    pub ledger: Vec<String>,
    /// A fact without its event.
    pub events_missing: Vec<String>,
    /// An event without its fact, or a second one for it.
    pub events_doubled: Vec<String>,
}

/// Compares them all.
pub fn compare(witnesses: &Witnesses) -> Findings {
    let mut found = Findings::default();
    let captures = by_payment(&witnesses.record.captures);
    let given_back = by_payment(&witnesses.record.refunds);
    charges(witnesses, &captures, &mut found);
    answers(witnesses, &captures, &mut found);
    refunds(witnesses, &captures, &given_back, &mut found);
    let owed = sum(&witnesses.record.captures) - sum(&witnesses.record.refunds);
    if owed != witnesses.psp_balance {
        found.ledger.push(format!("the ledger says the PSP owes {}, the PSP says {owed}", witnesses.psp_balance));
    }
    events(witnesses, &mut found);
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

fn sum(moved: &[Moved]) -> i64 {
    moved.iter().map(|one| one.amount).sum()
}

fn total(moved: Option<&Vec<&Moved>>) -> i64 {
    moved.map_or(0, |moved| moved.iter().map(|one| one.amount).sum())
}

fn charges(witnesses: &Witnesses, captures: &ByPayment<'_>, found: &mut Findings) {
    let ours: BTreeMap<&str, &OurPayment> = witnesses.payments.iter().map(|it| (it.id.as_str(), it)).collect();
    for (payment, taken) in captures {
        match ours.get(payment) {
            None => found.lost_payments.push(format!("{payment}: the PSP took money for a payment we do not have")),
            Some(our) if our.status != "succeeded" => {
                found.lost_payments.push(format!("{payment}: the PSP took money and we say {}", our.status));
            }
            Some(our) if total(Some(taken)) > our.amount => {
                found.double_charges.push(format!("{payment}: {} taken for {}", total(Some(taken)), our.amount));
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
    for taken in witnesses.record.captures.iter().filter(|taken| !witnesses.keys.contains(&taken.key)) {
        found.lost_payments.push(format!("{}: the PSP took money under {}, unknown to us", taken.payment, taken.key));
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

fn answers(witnesses: &Witnesses, captures: &ByPayment<'_>, found: &mut Findings) {
    for told in &witnesses.told {
        let taken = captures.contains_key(told.payment.as_str());
        if told.paid && !taken {
            found.false_answers.push(format!("{}: told that it is paid, and nothing was taken", told.payment));
        }
        if told.not_paid && taken {
            found
                .false_answers
                .push(format!("{}: told that it is not paid ({}), and it was taken", told.payment, told.last));
        }
        found.false_answers.extend(told.contradictions.iter().cloned());
    }
}

fn refunds(witnesses: &Witnesses, captures: &ByPayment<'_>, given: &ByPayment<'_>, found: &mut Findings) {
    for (payment, back) in given {
        let (back, taken) = (total(Some(back)), total(captures.get(payment)));
        if back > taken {
            found.refunds_beyond_capture.push(format!("{payment}: {back} given back of {taken}"));
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
    for (id, _) in witnesses.told.iter().flat_map(|told| &told.refunds).filter(|(id, _)| !ours.contains(id.as_str())) {
        found.refunds_that_differ.push(format!("{id}: taken on by an answer and not in our tables"));
    }
}

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
            "succeeded" => {
                add("payment.succeeded", &our.id, 1);
                add("checkout.session.completed", &our.session, 1);
            }
            "expired" => add("checkout.session.expired", &our.session, 1),
            _ => {}
        }
        add("payment.attempt_declined", &our.id, usize::try_from(our.declines).unwrap_or(usize::MAX));
    }
    for refund in witnesses.refunds.iter().filter(|refund| refund.status != "pending") {
        add(&format!("refund.{}", refund.status), &refund.id, 1);
    }
    facts
}

fn events(witnesses: &Witnesses, found: &mut Findings) {
    let happened = happened(witnesses);
    for (fact, times) in &happened {
        let heard = witnesses.facts.get(fact).map_or(0, BTreeSet::len);
        if heard < *times {
            found.events_missing.push(format!("{} {}: {heard} of {times}", fact.0, fact.1));
        }
    }
    for (fact, ids) in &witnesses.facts {
        let times = happened.get(fact).copied().unwrap_or_default();
        if ids.len() > times {
            found.events_doubled.push(format!("{} {}: {} events for {times}", fact.0, fact.1, ids.len()));
        }
    }
}
