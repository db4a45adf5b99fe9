//! Payouts to sellers: the lines that name one, and a line that names several of them. Pure.

use std::collections::HashMap;

use super::super::context::Context;
use super::super::decide::{Circumstance, Decided, of_movement};
use super::super::entry::{Entry, summed};
use super::super::find::Group;
use super::super::store::Named;
use super::super::told::{Here, Ours, Told};
use crate::reconciliation::words::{ObjectKind, Outcome};

/// The payouts that a line names. Of several that do not come to its amount together, the one that does alone.
pub(super) fn named(told: &Told, words: &[String], payouts: &[Named]) -> Vec<Ours> {
    let of_line = payouts.iter().filter(|of| of.names.iter().any(|name| words.contains(name)));
    let out_or_back = |of: &Named| if told.net < 0 { Some(of.ours.clone()) } else { of.back.clone() };
    let named: Vec<Ours> = of_line.filter_map(out_or_back).collect();
    if sum(&named) != Some(told.net)
        && let Some(one) = named.iter().find(|ours| ours.amount == told.net)
    {
        return vec![one.clone()];
    }
    named
}

fn sum(payouts: &[Ours]) -> Option<i64> {
    payouts.iter().try_fold(0_i64, |sum, ours| sum.checked_add(ours.amount))
}

/// Lines that name one payout to a seller, or its return.
pub(super) fn of_payout(lines: &[&Told], ours: &Ours) -> Vec<Entry> {
    let decided = of_movement(lines, ours, &|_| None, 0);
    let entry = |(told, decided): (&&Told, Decided)| {
        let differs = match decided.outcome {
            Outcome::Matched => Vec::new(),
            Outcome::AmountDiffers => vec![(told.currency, told.net.saturating_sub(decided.expected))],
            Outcome::CurrencyDiffers => {
                vec![(told.currency, told.net), (ours.currency, decided.expected.saturating_neg())]
            }
            _ => vec![(told.currency, told.net)],
        };
        // The bank has exchanged it, and says what it was told to pay.
        let is_exchanged = decided.outcome == Outcome::Matched && told.currency != ours.currency;
        let sides = [(told.currency, told.net), (ours.currency, decided.expected.saturating_neg())];
        Entry {
            exchanged: if is_exchanged { summed(sides) } else { Vec::new() },
            differs: summed(differs),
            ours: Some(ours.clone()),
            ..Entry::of_bank((*told).clone(), decided, ours.tenant.clone())
        }
    };
    lines.iter().zip(decided).map(entry).collect()
}

/// Payouts that are named by lines which name others beside them, and by no line alone.
pub(super) struct Together(HashMap<(ObjectKind, String), Ours>);

impl Together {
    /// Adds to the groups of lines what is only named together, so that what was told of it before is asked for.
    pub(super) fn add(groups: &mut Vec<Group>, named: &[Vec<Ours>]) {
        for ours in named.iter().filter(|named| named.len() > 1).flatten() {
            let is_it = |(of, _): &Group| of.as_ref().is_some_and(|of| (of.kind, &of.id) == (ours.kind, &ours.id));
            if !groups.iter().any(is_it) {
                groups.push((Some(ours.clone()), Vec::new()));
            }
        }
    }

    /// Those that [`Self::add`] has added.
    pub(super) fn of(groups: &[Group]) -> Self {
        let alone = groups.iter().filter(|(_, lines)| lines.is_empty()).filter_map(|(ours, _)| ours.as_ref());
        Self(alone.map(|ours| ((ours.kind, ours.id.clone()), ours.clone())).collect())
    }

    /// One line for several payouts: all of them have left with it, or come back, when they come to exactly its amount.
    pub(super) fn decide(&mut self, context: &Context<'_>, told: Told, named: &[Ours]) -> Entry {
        let members: Vec<Ours> = named.iter().filter_map(|ours| self.0.remove(&(ours.kind, ours.id.clone()))).collect();
        let there = |ours: &Ours| ours.here == Here::Done && !ours.is_settled() && ours.currency == told.currency;
        let agrees = members.len() == named.len() && members.iter().all(there) && sum(&members) == Some(told.net);
        let again = members.len() < named.len() || members.iter().any(Ours::is_settled);
        let (outcome, circumstance, differs) = match (agrees, again) {
            (true, _) => (Outcome::Matched, Circumstance::Agrees, 0),
            (_, true) => (Outcome::Duplicate, Circumstance::Again, told.net),
            _ => (Outcome::Unknown, Circumstance::Peculiar, told.net),
        };
        let decided = Decided { outcome, circumstance, expected: told.net.saturating_sub(differs) };
        let members = if agrees { members } else { Vec::new() };
        let tenant = members.first().map_or(&context.owner, |ours| &ours.tenant).clone();
        let differs = summed([(told.currency, differs)]);
        Entry { differs, members, ..Entry::of_bank(told, decided, tenant) }
    }
}
