//! Lines of a file that is only tried out. Pure.

use std::collections::HashMap;

use super::super::line::{Line, LineKind};
use super::super::words::Outcome;
use super::decide::of_batch;
use super::told::Told;
use crate::words::{Currency, LineId};

impl Told {
    /// A line as a parser gives it, under an id that nothing else has.
    pub(super) fn rehearsed(line: Line) -> Self {
        let it = line.references;
        Self {
            id: LineId::new(),
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
        }
    }
}

/// The batches of a file and what the PSP says that it has sent of each.
#[derive(Debug, Default)]
pub struct Batches {
    sums: HashMap<(String, Currency), i64>,
    payouts: Vec<Told>,
}

impl Batches {
    /// Counts lines, and takes the PSP's payouts out of them.
    pub(super) fn add(&mut self, lines: &mut Vec<Told>) {
        let is_payout = |line: &mut Told| line.kind == LineKind::Payout && line.batch.is_some();
        self.payouts.extend(lines.extract_if(.., is_payout));
        for line in lines {
            if let Some(batch) = &line.batch {
                let sum = self.sums.entry((batch.clone(), line.currency)).or_default();
                *sum = sum.saturating_add(line.net);
            }
        }
    }

    /// What would be decided about the PSP's payouts, with each one's currency and amount.
    pub fn payouts(&self) -> impl Iterator<Item = (Outcome, Currency, i64)> {
        self.payouts.iter().map(|line| {
            let key = (line.batch.clone().unwrap_or_default(), line.currency);
            let decided = of_batch(line, self.sums.get(&key).copied().unwrap_or(0));
            (decided.outcome, line.currency, line.gross)
        })
    }
}
