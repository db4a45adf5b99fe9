//! A bank's lines: what a PSP sent has arrived, what was sent to sellers has left, or came back.
//!
//! References first, in the order in which the settings say they are to be searched; then two declared rules: the one batch that
//! comes to exactly this amount, and the one set of batches that does.

use super::super::words::Outcome;
use super::context::Context;
use super::decide::{Circumstance, Decided, of_movement};
use super::entry::Entry;
use super::find::with_told;
use super::store::{self, Batch};
use super::told::{Ours, Told};
use crate::db::DbError;
use crate::ledger::Account;
use crate::words::Currency;

/// Batches of which every set is tried; with more the sets are too many for one of them to mean anything.
const MOST_IN_A_SET: usize = 12;

/// Decides about lines of a bank, one after the other: a batch lands once.
pub async fn bank_lines(context: &Context<'_>, lines: Vec<Told>) -> Result<Vec<Entry>, DbError> {
    let db = &context.app.db;
    let sources = context.psp_sources();
    let mut pending = store::batches_to_land(db, &sources).await?;
    let words: Vec<Vec<String>> = lines.iter().map(words).collect();
    let every: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
    let payouts = store::payouts(db, &context.source.psp, context.owner.mode, &every).await?;
    let landed = store::landed_batches(db, &sources, &every).await?;
    let mut entries: Vec<Entry> = Vec::with_capacity(lines.len());
    let mut seen: std::collections::HashMap<String, i64> = std::collections::HashMap::new();
    for (told, words) in lines.into_iter().zip(words) {
        let named = |id: &String| words.iter().any(|word| word == id);
        let payout = payouts.iter().find(|(id, reference, ..)| named(id) || reference.as_ref().is_some_and(named));
        if let Some((.., out, back)) = payout {
            let mut ours = if told.net < 0 { out.clone() } else { back.clone() };
            with_told(context, &mut ours, &told).await?;
            // Lines of this same batch are not written yet.
            let earlier = seen.entry(format!("{}:{}", ours.kind.as_str(), ours.id)).or_default();
            ours.lines = ours.lines.saturating_add(i64::from(*earlier != 0));
            ours.told = ours.told.saturating_add(*earlier);
            *earlier = earlier.saturating_add(told.gross);
            entries.push(of_payout(context, told, ours));
            continue;
        }
        let batches = batches_of(context, &told, &named, &pending);
        let again = batches.is_empty() && words.iter().any(|word| landed.contains(word) || is_taken(&entries, word));
        if !again {
            pending.retain(|batch| !batches.contains(batch));
        }
        entries.push(of_batches(context, told, batches, again));
    }
    Ok(entries)
}

fn is_taken(entries: &[Entry], word: &String) -> bool {
    entries.iter().any(|entry| entry.land.iter().any(|batch| batch.name == *word))
}

fn of_payout(context: &Context<'_>, told: Told, ours: Ours) -> Entry {
    let decided = of_movement(&[&told], &ours, &|_| None, 0).pop();
    let decided =
        decided.unwrap_or(Decided { outcome: Outcome::Unknown, circumstance: Circumstance::Peculiar, expected: 0 });
    let differs = match decided.outcome {
        Outcome::Matched => 0,
        Outcome::AmountDiffers => told.net.saturating_sub(decided.expected),
        _ => told.net,
    };
    Entry {
        tenant: ours.tenant.clone(),
        asset: Account::Bank,
        fee: 0,
        differs: some(told.currency, differs),
        land: Vec::new(),
        payment: None,
        ours: Some(ours),
        told,
        decided,
    }
    .or_owner(context)
}

fn of_batches(context: &Context<'_>, told: Told, batches: Vec<Batch>, again: bool) -> Entry {
    let sum = batches.iter().fold(0_i64, |sum, batch| sum.saturating_add(batch.sum));
    let same_currency = batches.iter().all(|batch| batch.currency == told.currency);
    let (outcome, circumstance, differs) = match &batches[..] {
        [] if again => (Outcome::Duplicate, Circumstance::Again, told.net),
        [] => (Outcome::Unknown, Circumstance::Strange, told.net),
        _ if !same_currency => (Outcome::CurrencyDiffers, Circumstance::OtherCurrency, told.net),
        _ if sum == told.net => (Outcome::Matched, Circumstance::Agrees, 0),
        _ => (Outcome::AmountDiffers, Circumstance::OtherAmount, told.net.saturating_sub(sum)),
    };
    Entry {
        tenant: context.owner.clone(),
        asset: Account::Bank,
        fee: 0,
        differs: some(told.currency, differs),
        decided: Decided { outcome, circumstance, expected: sum },
        // In another currency it has not landed before somebody has booked the exchange.
        land: if same_currency { batches } else { Vec::new() },
        ours: None,
        payment: None,
        told,
    }
}

impl Entry {
    /// A movement of money in another currency than ours stands in the owner's books, for ours has no such account.
    fn or_owner(self, context: &Context<'_>) -> Self {
        let same = self.ours.as_ref().is_none_or(|ours| ours.currency == self.told.currency);
        if same { self } else { Self { tenant: context.owner.clone(), ..self } }
    }
}

fn some(currency: Currency, minor: i64) -> Vec<(Currency, i64)> {
    if minor == 0 { Vec::new() } else { vec![(currency, minor)] }
}

fn batches_of(context: &Context<'_>, told: &Told, named: &dyn Fn(&String) -> bool, pending: &[Batch]) -> Vec<Batch> {
    let by_name: Vec<Batch> = pending.iter().filter(|batch| !batch.unread && named(&batch.name)).cloned().collect();
    if !by_name.is_empty() || told.net == 0 {
        return by_name;
    }
    let days = i64::from(context.source.in_transit_days);
    let in_time = |batch: &&Batch| {
        let since = told.business_date.since(batch.last_day).map_or(i64::MAX, |span| i64::from(span.get_days()));
        (0..=days).contains(&since)
    };
    let fitting: Vec<&Batch> =
        pending.iter().filter(|batch| !batch.unread && batch.currency == told.currency).filter(in_time).collect();
    the_one_set(&fitting, told.net).into_iter().cloned().collect()
}

/// The one batch that comes to exactly `amount`, else the one set of batches that does; nothing when there is none, or when there
/// are two: an amount alone proves nothing then.
fn the_one_set<'b>(batches: &[&'b Batch], amount: i64) -> Vec<&'b Batch> {
    let alone: Vec<&Batch> = batches.iter().copied().filter(|batch| batch.sum == amount).collect();
    match &alone[..] {
        [] => {}
        [one] => return vec![one],
        _ => return Vec::new(),
    }
    if batches.len() > MOST_IN_A_SET {
        return Vec::new();
    }
    let mut found: Option<Vec<&Batch>> = None;
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
    found.unwrap_or_default()
}

/// Every word of a line in which a reference may stand.
fn words(told: &Told) -> Vec<String> {
    let texts = [&told.batch, &told.ours, &told.our_key, &told.psp_movement].into_iter().flatten();
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let mut words: Vec<String> = texts
        .chain(&told.texts)
        .flat_map(|text| {
            let parts = text.split(move |c: char| !inside(c)).map(str::to_owned);
            parts.chain([text.trim().to_owned()]).collect::<Vec<_>>()
        })
        .filter(|word| word.len() > 2)
        .collect();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let batches: Vec<&Batch> = batches.iter().collect();
        the_one_set(&batches, amount).iter().map(|batch| batch.name.clone()).collect()
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
