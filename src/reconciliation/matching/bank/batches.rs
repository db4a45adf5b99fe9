//! The PSP's batches that a bank's lines bring, or take back.

use std::collections::{BTreeMap, HashMap};

use super::super::context::Context;
use super::super::decide::{Circumstance, Decided};
use super::super::entry::{Entry, summed};
use super::super::store::{self, Batch};
use super::super::told::Told;
use crate::db::DbError;
use crate::reconciliation::words::Outcome;
use crate::words::LineId;

/// Batches of which every set is tried; with more the sets are too many for one of them to mean anything.
const MOST_IN_A_SET: usize = 12;

/// The batches that a bank's lines may be, and those that have landed.
pub(super) struct Batches {
    pending: Vec<Batch>,
    landed: Vec<(Batch, LineId)>,
    /// Batches that land with lines of this same turn.
    landing: Vec<Batch>,
    /// The batches that several lines of this turn bring together, by the place of each line.
    pieces: HashMap<usize, Batch>,
}

impl Batches {
    pub(super) async fn of(context: &Context<'_>, words: &[&str], lines: &[Told]) -> Result<Self, DbError> {
        let (db, sources) = (&context.app.db, context.psp_sources());
        let mut pending = store::batches_to_land(db, &sources).await?;
        let mut landed = store::landed_batches(db, &sources, words).await?;
        if context.run.dry {
            // A line that is rehearsed has not landed yet what it has landed in earnest.
            let ids: Vec<&LineId> = lines.iter().map(|line| &line.id).collect();
            landed.retain(|(_, by)| !ids.contains(&by));
            pending.extend(store::landed_with(db, &sources, &ids).await?);
        }
        Ok(Self { pending, landed, landing: Vec::new(), pieces: HashMap::new() })
    }

    /// Finds the batches that several of the lines at `free` name, and no other, and that they come to exactly together.
    pub(super) fn find_pieces(&mut self, free: &[usize], lines: &[Told], words: &[Vec<String>]) {
        let names = |at: usize, batch: &Batch| words.get(at).is_some_and(|words| words.contains(&batch.name));
        for batch in self.pending.iter().filter(|batch| !batch.unread) {
            let brings = |at: usize| {
                let told = lines.get(at).filter(|told| !told.reversal && told.currency == batch.currency)?;
                let others = self.pending.iter().filter(|other| other.name != batch.name);
                (names(at, batch) && !others.clone().any(|other| names(at, other))).then_some((at, told.net))
            };
            let parts: Vec<(usize, i64)> = free.iter().filter_map(|&at| brings(at)).collect();
            let sum = parts.iter().try_fold(0_i64, |sum, (_, net)| sum.checked_add(*net));
            // Two PSPs may have sent as much under one name.
            let what = |it: &Batch| (it.name.clone(), it.currency, it.sum);
            let is_twin = |it: &&Batch| what(it) == what(batch);
            let alone = self.pending.iter().filter(is_twin).count() == 1;
            if alone && parts.len() > 1 && sum == Some(batch.sum) {
                self.pieces.extend(parts.into_iter().map(|(at, _)| (at, batch.clone())));
            }
        }
    }

    /// A line that names no payout to a seller; what it lands is pending no longer.
    pub(super) fn decide(&mut self, context: &Context<'_>, at: usize, told: Told, words: &[String]) -> Entry {
        if let Some(batch) = self.pieces.remove(&at) {
            return self.piece(context, told, batch);
        }
        let named = |batch: &&Batch| words.contains(&batch.name);
        let takes_back = |batch: &Batch| told.reversal && named(&batch) && batch.currency == told.currency;
        let back = self.landed.iter().filter(|(batch, _)| takes_back(batch)).cloned().collect();
        let back = of_one_psp(context, back, |(batch, _)| batch, Some(told.net.saturating_neg()));
        if !back.is_empty() && told.net == sum_of(back.iter().map(|(batch, _)| batch)).saturating_neg() {
            self.landed.retain(|landed| !back.contains(landed));
            return Entry { taken_back: back, ..of_batches(context, told, Vec::new(), Found::TakenBack) };
        }
        let before: Vec<&Batch> =
            self.landed.iter().map(|(batch, _)| batch).chain(&self.landing).filter(named).collect();
        let again = !before.is_empty();
        let same = before.iter().find(|batch| batch.currency == told.currency).map(|batch| (*batch).clone());
        let mut found: Vec<Batch> = self.pending.iter().filter(named).filter(|batch| !batch.unread).cloned().collect();
        // An amount means nothing where the line names a batch, whichever.
        if !again && !self.pending.iter().any(|batch| named(&batch)) && told.net != 0 {
            found = by_amount(context, &told, &self.pending);
        }
        // One name may stand for a batch of each currency: the line's own is meant, else the one that was exchanged.
        let mut meant = [Some(told.currency), told.presented.map(|(currency, _)| currency)].into_iter().flatten();
        if let Some(currency) = meant.find(|it| found.iter().any(|batch| batch.currency == *it)) {
            found.retain(|batch| batch.currency == currency);
        }
        let amount = found.first().and_then(|batch| told.in_currency(batch.currency));
        let mut found = of_one_psp(context, found, |batch| batch, amount);
        // Where another PSP's of this name has landed, only the amount tells whose this is.
        let is_others = |batch: &&Batch| found.iter().any(|it| context.psp_of(it) != context.psp_of(batch));
        if before.iter().any(is_others) && amount != Some(sum_of(&found)) {
            found.clear();
        }
        let entry = of_batches(context, told, found, if again { Found::Again } else { Found::Anew });
        self.pending.retain(|batch| !entry.land.contains(batch));
        self.landing.extend(entry.land.iter().cloned());
        Entry { names: same, ..entry }
    }

    /// One of several lines that bring a batch together: with the first of them it lands, whole.
    fn piece(&mut self, context: &Context<'_>, told: Told, batch: Batch) -> Entry {
        let decided = Decided { outcome: Outcome::Matched, circumstance: Circumstance::Agrees, expected: told.net };
        let entry = Entry::of_bank(told, decided, context.owner.clone());
        if self.landing.contains(&batch) {
            return Entry { names: Some(batch), ..entry };
        }
        self.pending.retain(|pending| *pending != batch);
        self.landing.push(batch.clone());
        Entry { land: vec![batch], ..entry }
    }
}

/// What a line that names no payout to a seller says of batches.
#[derive(Clone, Copy)]
enum Found {
    /// That they have arrived, or nothing.
    Anew,
    /// What another line has said before.
    Again,
    /// That what had arrived is gone.
    TakenBack,
}

fn of_batches(context: &Context<'_>, told: Told, batches: Vec<Batch>, found: Found) -> Entry {
    let sum = sum_of(&batches);
    let currency = batches.first().map_or(told.currency, |batch| batch.currency);
    let amount = told.in_currency(currency).filter(|_| batches.iter().all(|batch| batch.currency == currency));
    let is_own = currency == told.currency && amount.is_some();
    let (outcome, circumstance, differs) = match &batches[..] {
        [] => match found {
            Found::TakenBack => (Outcome::Matched, Circumstance::Agrees, 0),
            Found::Again => (Outcome::Duplicate, Circumstance::Again, told.net),
            Found::Anew => (Outcome::Unknown, Circumstance::Strange, told.net),
        },
        // Money that was exchanged agrees when the bank says from what, and that is what was sent.
        _ if amount == Some(sum) && (is_own || sum != 0) => (Outcome::Matched, Circumstance::Agrees, 0),
        _ if !is_own => (Outcome::CurrencyDiffers, Circumstance::OtherCurrency, told.net),
        _ => (Outcome::AmountDiffers, Circumstance::OtherAmount, told.net.saturating_sub(sum)),
    };
    let is_exchanged = outcome == Outcome::Matched && currency != told.currency;
    let sides = [(told.currency, told.net), (currency, sum.saturating_neg())];
    Entry {
        differs: summed([(told.currency, differs)]),
        exchanged: if is_exchanged { summed(sides) } else { Vec::new() },
        // In another currency it has not landed before somebody has said what was exchanged.
        land: if outcome == Outcome::CurrencyDiffers { Vec::new() } else { batches },
        ..Entry::of_bank(told, Decided { outcome, circumstance, expected: sum }, context.owner.clone())
    }
}

fn sum_of<'b>(batches: impl IntoIterator<Item = &'b Batch>) -> i64 {
    batches.into_iter().fold(0, |sum, batch| sum.saturating_add(batch.sum))
}

/// Of what belongs to several PSPs, which may give what they send one name: that of the one PSP whose comes to `amount`, and
/// nothing where that is none or two.
fn of_one_psp<T>(context: &Context<'_>, found: Vec<T>, batch: impl Fn(&T) -> &Batch, amount: Option<i64>) -> Vec<T> {
    let mut by_psp: BTreeMap<&str, Vec<T>> = BTreeMap::new();
    for it in found {
        by_psp.entry(context.psp_of(batch(&it))).or_default().push(it);
    }
    if by_psp.len() > 1 {
        by_psp.retain(|_, of| amount == Some(sum_of(of.iter().map(&batch))));
    }
    let mut left = by_psp.into_values();
    left.next().filter(|_| left.next().is_none()).unwrap_or_default()
}

/// By what the bank says was sent: before it was exchanged, where it was.
fn by_amount(context: &Context<'_>, told: &Told, pending: &[Batch]) -> Vec<Batch> {
    let (currency, amount) = told.presented.unwrap_or((told.currency, told.net));
    let days = i64::from(context.source.in_transit_days);
    let in_time = |batch: &&Batch| {
        let since = told.business_date.since(batch.last_day).map_or(i64::MAX, |span| i64::from(span.get_days()));
        (0..=days).contains(&since)
    };
    let mut by_psp: BTreeMap<&str, Vec<&Batch>> = BTreeMap::new();
    let fitting = pending.iter().filter(|batch| !batch.unread && batch.currency == currency).filter(in_time);
    for batch in fitting {
        by_psp.entry(context.psp_of(batch)).or_default().push(batch);
    }
    let by_psp: Vec<Vec<&Batch>> = by_psp.into_values().collect();
    the_one_set(&by_psp, amount).into_iter().cloned().collect()
}

/// The one batch that comes to exactly `amount`, else the one set of one PSP's batches that does; nothing when there is none, or when
/// there are two, whosever: an amount alone proves nothing then.
fn the_one_set<'b>(by_psp: &[Vec<&'b Batch>], amount: i64) -> Vec<&'b Batch> {
    let alone: Vec<&Batch> = by_psp.iter().flatten().copied().filter(|batch| batch.sum == amount).collect();
    match &alone[..] {
        [] => {}
        [one] => return vec![one],
        _ => return Vec::new(),
    }
    if by_psp.iter().any(|batches| batches.len() > MOST_IN_A_SET) {
        return Vec::new();
    }
    let mut found: Option<Vec<&Batch>> = None;
    for batches in by_psp {
        for set in 1_u32..(1 << batches.len()) {
            let members: Vec<&Batch> =
                batches.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0).map(|(_, batch)| *batch).collect();
            let sum = members.iter().try_fold(0_i64, |sum, batch| sum.checked_add(batch.sum));
            if sum == Some(amount) {
                if found.is_some() {
                    return Vec::new();
                }
                found = Some(members);
            }
        }
    }
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Currency;

    fn batch(name: &str, sum: i64) -> Batch {
        Batch {
            source: "list".into(),
            name: name.into(),
            currency: Currency::parse("USD").unwrap(),
            sum,
            last_day: "2025-10-09".parse().unwrap(),
            unread: false,
        }
    }

    fn names(batches: &[Batch], amount: i64) -> Vec<String> {
        of_psps(&[batches], amount)
    }

    fn of_psps(by_psp: &[&[Batch]], amount: i64) -> Vec<String> {
        let by_psp: Vec<Vec<&Batch>> = by_psp.iter().map(|batches| batches.iter().collect()).collect();
        the_one_set(&by_psp, amount).iter().map(|batch| batch.name.clone()).collect()
    }

    #[test]
    fn what_two_psps_have_sent_is_never_one_entry() {
        let (one, other) = ([batch("a", 100), batch("b", 250)], [batch("c", 70), batch("d", 30)]);
        assert!(of_psps(&[&one, &other], 170).is_empty());
        assert_eq!(of_psps(&[&one, &other], 350), ["a", "b"]);
        assert!(of_psps(&[&one, &other], 100).len() == 1, "the one batch counts before any set");
        assert!(of_psps(&[&one, &[batch("e", 300), batch("f", 50)]], 350).is_empty(), "two PSPs may have sent it");
    }

    #[test]
    fn only_the_one_set_that_comes_to_the_amount_counts() {
        let batches = [batch("a", 100), batch("b", 250), batch("c", 70)];
        assert_eq!(names(&batches, 250), ["b"]);
        assert_eq!(names(&batches, 170), ["a", "c"]);
        assert!(names(&batches, 171).is_empty());
    }

    #[test]
    fn two_ways_to_come_to_an_amount_prove_nothing() {
        assert!(names(&[batch("a", 100), batch("b", 100)], 100).is_empty());
        assert!(names(&[batch("a", 60), batch("b", 40), batch("c", 30), batch("d", 70)], 100).is_empty());
    }
}
