//! Lines of a file that is only tried out. Pure.

use std::collections::HashMap;

use super::super::line::{Line, LineKind};
use super::super::words::Outcome;
use super::decide::of_batch;
use super::told::Told;
use crate::words::{Currency, LineId};

impl Told {
    /// A line as a parser gives it, under the id that it has when it was taken in before, or else one that nothing else has.
    pub(super) fn rehearsed(line: Line, id: LineId) -> Self {
        let it = line.references;
        Self {
            id,
            side: line.side,
            kind: line.kind,
            business_date: line.business_date,
            currency: line.currency,
            gross: line.gross,
            fee: line.fee,
            net: line.net,
            presented: line.presented,
            psp_payment: it.psp_payment,
            psp_movement: it.psp_movement,
            our_key: it.our_key,
            ours: it.ours,
            batch: it.batch,
            texts: it.texts,
            reversal: line.reversal,
        }
    }
}

/// The batches of a file and what the PSP says that it has sent of each.
#[derive(Debug, Default)]
pub struct Batches {
    sums: HashMap<(String, Currency), i64>,
    paid: HashMap<(String, Currency), i64>,
    payouts: Vec<Told>,
}

impl Batches {
    /// Counts lines, and gives them without the PSP's payouts.
    pub(super) fn add(&mut self, lines: Vec<Told>) -> Vec<Told> {
        let is_payout = |line: &Told| line.kind == LineKind::Payout && line.batch.is_some();
        let (payouts, others): (Vec<Told>, Vec<Told>) = lines.into_iter().partition(is_payout);
        add_up(&mut self.paid, &payouts);
        add_up(&mut self.sums, &others);
        self.payouts.extend(payouts);
        others
    }

    /// What would be decided about the PSP's payouts, with each one's currency and amount.
    pub fn payouts(&self) -> impl Iterator<Item = (Outcome, Currency, i64)> {
        self.payouts.iter().map(|line| {
            let key = (line.batch.clone().unwrap_or_default(), line.currency);
            let of = |sums: &HashMap<_, i64>| sums.get(&key).copied().unwrap_or(0);
            let decided = of_batch(of(&self.sums), of(&self.paid));
            (decided.outcome, line.currency, line.gross)
        })
    }
}

fn add_up(sums: &mut HashMap<(String, Currency), i64>, lines: &[Told]) {
    for line in lines {
        if let Some(batch) = &line.batch {
            let sum = sums.entry((batch.clone(), line.currency)).or_default();
            *sum = sum.saturating_add(line.net);
        }
    }
}
