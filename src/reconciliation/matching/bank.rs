//! A bank's lines: what a PSP sent has arrived, what was sent to sellers has left, or came back.
//!
//! References first, in the order in which the settings say they are to be searched; then two declared rules: the one batch that
//! comes to exactly this amount, and the one set of batches that does.

use super::super::words::Outcome;
use super::context::Context;
use super::decide::{Circumstance, Decided, of_movement};
use super::entry::{Entry, summed};
use super::find::{grouped, remember_told};
use super::store::{self, Batch};
use super::told::{Ours, Told};
use crate::db::DbError;
use crate::ledger::Account;
use crate::words::LineId;
/// Batches of which every set is tried; with more the sets are too many for one of them to mean anything.
const MOST_IN_A_SET: usize = 12;

/// Decides about lines of a bank: those of payouts to sellers by payout, the others one after the other, for a batch lands once.
pub async fn bank_lines(context: &Context<'_>, lines: Vec<Told>) -> Result<Vec<Entry>, DbError> {
    let db = &context.app.db;
    let words: Vec<Vec<String>> = lines.iter().map(words).collect();
    let every: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
    let payouts = store::payouts(db, &context.source.psp, context.owner.mode, &every).await?;
    let mut groups = grouped(lines.iter().zip(&words).map(|(told, words)| {
        let named = |id: &String| words.contains(id);
        let (.., out, back) =
            payouts.iter().find(|(id, reference, ..)| named(id) || reference.as_ref().is_some_and(named))?;
        Some(if told.net < 0 { out.clone() } else { back.clone() })
    }));
    remember_told(context, &lines, &mut groups).await?;
    let mut batches = Batches::of(context, &every, &lines).await?;
    let mut entries: Vec<Option<Entry>> = lines.iter().map(|_| None).collect();
    for (ours, members) in groups {
        let group: Vec<&Told> = members.iter().filter_map(|&at| lines.get(at)).collect();
        let found: Vec<Entry> = match (&ours, &group[..], &members[..]) {
            (Some(ours), ..) => of_payout(&group, ours),
            (None, [told], [at]) => {
                let words = words.get(*at).map_or(&[][..], Vec::as_slice);
                vec![batches.decide(context, (*told).clone(), words)]
            }
            _ => Vec::new(),
        };
        for (at, entry) in members.into_iter().zip(found) {
            if let Some(place) = entries.get_mut(at) {
                *place = Some(entry);
            }
        }
    }
    Ok(entries.into_iter().flatten().collect())
}

/// Lines that name one payout to a seller, or its return.
fn of_payout(lines: &[&Told], ours: &Ours) -> Vec<Entry> {
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
        Entry {
            told: (*told).clone(),
            tenant: ours.tenant.clone(),
            asset: Account::Bank,
            fee: 0,
            fee_known: 0,
            exchanged: Vec::new(),
            differs: summed(differs),
            land: Vec::new(),
            taken_back: Vec::new(),
            payment: None,
            ours: Some(ours.clone()),
            decided,
        }
    };
    lines.iter().zip(decided).map(entry).collect()
}

/// The batches that a bank's lines may be, and those that have landed.
struct Batches {
    pending: Vec<Batch>,
    landed: Vec<(Batch, LineId)>,
    /// Names of batches that land with lines of this same turn.
    landing: Vec<String>,
}

impl Batches {
    async fn of(context: &Context<'_>, words: &[&str], lines: &[Told]) -> Result<Self, DbError> {
        let (db, sources) = (&context.app.db, context.psp_sources());
        let mut pending = store::batches_to_land(db, &sources).await?;
        let mut landed = store::landed_batches(db, &sources, words).await?;
        if context.run.dry {
            // A line that is rehearsed has not landed yet what it has landed in earnest.
            let ids: Vec<&LineId> = lines.iter().map(|line| &line.id).collect();
            landed.retain(|(_, by)| !ids.contains(&by));
            pending.extend(store::landed_with(db, &sources, &ids).await?);
        }
        Ok(Self { pending, landed, landing: Vec::new() })
    }

    /// A line that names no payout to a seller; what it lands is pending no longer.
    fn decide(&mut self, context: &Context<'_>, told: Told, words: &[String]) -> Entry {
        let named = |batch: &&Batch| words.contains(&batch.name);
        let (back, stay): (Vec<_>, Vec<_>) = std::mem::take(&mut self.landed)
            .into_iter()
            .partition(|(batch, _)| told.reversal && named(&batch) && batch.currency == told.currency);
        let sum = back.iter().fold(0_i64, |sum, (batch, _)| sum.saturating_add(batch.sum));
        self.landed = stay;
        if !back.is_empty() && told.net == sum.saturating_neg() {
            return Entry { taken_back: back, ..of_batches(context, told, Vec::new(), Found::TakenBack) };
        }
        self.landed.extend(back);
        let again =
            self.landed.iter().any(|(batch, _)| named(&batch)) || words.iter().any(|word| self.landing.contains(word));
        let mut found: Vec<Batch> = self.pending.iter().filter(named).filter(|batch| !batch.unread).cloned().collect();
        // An amount means nothing where the line names a batch, whichever.
        if !again && !self.pending.iter().any(|batch| named(&batch)) && told.net != 0 {
            found = by_amount(context, &told, &self.pending);
        }
        // One name may stand for a batch of each currency: the line's own is meant.
        if found.iter().any(|batch| batch.currency == told.currency) {
            found.retain(|batch| batch.currency == told.currency);
        }
        self.pending.retain(|batch| !found.contains(batch));
        self.landing.extend(found.iter().map(|batch| batch.name.clone()));
        of_batches(context, told, found, if again { Found::Again } else { Found::Anew })
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
    let sum = batches.iter().fold(0_i64, |sum, batch| sum.saturating_add(batch.sum));
    let same_currency = batches.iter().all(|batch| batch.currency == told.currency);
    let (outcome, circumstance, differs) = match &batches[..] {
        [] => match found {
            Found::TakenBack => (Outcome::Matched, Circumstance::Agrees, 0),
            Found::Again => (Outcome::Duplicate, Circumstance::Again, told.net),
            Found::Anew => (Outcome::Unknown, Circumstance::Strange, told.net),
        },
        _ if !same_currency => (Outcome::CurrencyDiffers, Circumstance::OtherCurrency, told.net),
        _ if sum == told.net => (Outcome::Matched, Circumstance::Agrees, 0),
        _ => (Outcome::AmountDiffers, Circumstance::OtherAmount, told.net.saturating_sub(sum)),
    };
    Entry {
        tenant: context.owner.clone(),
        asset: Account::Bank,
        fee: 0,
        fee_known: 0,
        exchanged: Vec::new(),
        differs: summed([(told.currency, differs)]),
        decided: Decided { outcome, circumstance, expected: sum },
        // In another currency it has not landed before somebody has booked the exchange.
        land: if same_currency { batches } else { Vec::new() },
        taken_back: Vec::new(),
        ours: None,
        payment: None,
        told,
    }
}

fn by_amount(context: &Context<'_>, told: &Told, pending: &[Batch]) -> Vec<Batch> {
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
        // No reference has such characters, and PostgreSQL takes no text with a NUL.
        .filter(|word| word.len() > 2 && !word.contains(char::is_control))
        .collect();
    words.dedup();
    words
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
