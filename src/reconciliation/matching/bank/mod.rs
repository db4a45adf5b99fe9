//! A bank's lines: what a PSP sent has arrived, what was sent to sellers has left, or came back.
//!
//! References first, in the order in which the settings say they are to be searched: one line for one thing, several lines that
//! together bring one batch, one line for several payouts. Then two declared rules: the one batch that comes to exactly this amount,
//! and the one set of batches that does.

mod batches;
mod payouts;

use super::context::Context;
use super::entry::Entry;
use super::find::{grouped, remember_told};
use super::store;
use super::told::{Ours, Told};
use crate::db::DbError;
use batches::Batches;
use payouts::{Together, named, of_payout};

/// Decides about lines of a bank: those of payouts to sellers by payout, the others one after the other, for a batch lands once.
pub async fn bank_lines(context: &Context<'_>, lines: Vec<Told>) -> Result<Vec<Entry>, DbError> {
    let db = &context.app.db;
    let words: Vec<Vec<String>> = lines.iter().map(words).collect();
    let every: Vec<&str> = words.iter().flatten().map(String::as_str).collect();
    let mut known = Vec::new();
    for psp in context.source.psps() {
        known.extend(store::payouts(db, psp, context.owner.mode, &every).await?);
    }
    let named: Vec<Vec<Ours>> = lines.iter().zip(&words).map(|(told, words)| named(told, words, &known)).collect();
    let mut groups = grouped(named.iter().map(|named| if let [one] = &named[..] { Some(one.clone()) } else { None }));
    Together::add(&mut groups, &named);
    remember_told(context, &lines, &mut groups).await?;
    let mut together = Together::of(&groups);
    let mut batches = Batches::of(context, &every, &lines).await?;
    let free: Vec<usize> = named.iter().enumerate().filter(|(_, named)| named.is_empty()).map(|(at, _)| at).collect();
    batches.find_pieces(&free, &lines, &words);
    let mut entries: Vec<Option<Entry>> = lines.iter().map(|_| None).collect();
    for (ours, members) in groups {
        let group: Vec<&Told> = members.iter().filter_map(|&at| lines.get(at)).collect();
        let found: Vec<Entry> = match (&ours, &group[..], &members[..]) {
            (Some(ours), ..) => of_payout(&group, ours),
            (None, [told], [at]) => match (named.get(*at).map(Vec::as_slice), words.get(*at)) {
                (Some([]), Some(words)) => vec![batches.decide(context, *at, (*told).clone(), words)],
                (Some(named), _) => vec![together.decide(context, (*told).clone(), named)],
                _ => Vec::new(),
            },
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
