//! What shoppers' banks contest: our disputes, the PSP's, and what the shop was told of its word.

use std::collections::{HashMap, HashSet};

use super::{Findings, Witnesses};
use crate::cli::chaos::record::Contested;
use crate::cli::chaos::store::OurDispute;

pub(super) fn compare(witnesses: &Witnesses, found: &mut Findings) {
    let theirs: HashMap<&str, &Contested> =
        witnesses.record.disputes.iter().map(|it| (it.reference.as_str(), it)).collect();
    let mut known: HashSet<&str> = HashSet::new();
    for our in &witnesses.disputes {
        let twice = !known.insert(&our.reference);
        let their = theirs.get(our.reference.as_str());
        if twice || !their.is_some_and(|their| same(our, their)) {
            found.disputes_that_differ.push(format!("we say {our:?}, the PSP {their:?}"));
        }
    }
    for their in witnesses.record.disputes.iter().filter(|their| !known.contains(their.reference.as_str())) {
        found.disputes_that_differ.push(format!("{their:?} is not known to us"));
    }
    let heard: HashSet<&str> =
        witnesses.disputes.iter().filter(|our| our.word.is_some()).map(|our| our.id.as_str()).collect();
    for id in witnesses.told.iter().filter_map(|told| told.answered.as_deref()).filter(|id| !heard.contains(id)) {
        found.false_answers.push(format!("{id}: told that the shop's word is taken on, and the PSP has none"));
    }
}

fn same(our: &OurDispute, their: &Contested) -> bool {
    (&our.payment, our.amount, our.fee, &our.status, &our.word)
        == (&their.payment, their.amount, their.fee, &their.status, &their.word)
}
