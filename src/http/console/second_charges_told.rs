//! How a payment is told that the PSP charged twice: which charge is in the books, which is not, and what a person has made
//! of it. Pure.

use super::components::{Chip, Sum, Tone};
use super::records::Records;
use crate::payments::AttemptState;
use crate::payments::attempts::Attempt;

/// One charge beside the one that paid.
pub struct SecondCharge {
    pub attempt: String,
    /// The PSP's name for it, by which it is given back there.
    pub charge: String,
    pub card: String,
    pub status: Chip,
    /// Who resolved it, and why.
    pub resolved: String,
    /// The dead letter that tells a person.
    pub letter: Option<String>,
    pub amount: Sum,
}

/// The lines of the table; none where the payment was charged once.
pub(super) fn rows(records: &Records) -> Vec<SecondCharge> {
    records.attempts.iter().filter_map(|attempt| row(records, attempt)).collect()
}

fn row(records: &Records, attempt: &Attempt) -> Option<SecondCharge> {
    let charge = attempt.second_charge.clone()?;
    let letter = records.second_charges.get(attempt.id.as_str());
    let resolved = letter.and_then(|letter| letter.resolved.as_ref());
    let status = match (letter, resolved) {
        (_, Some(_)) => Chip::new(Tone::Idle, "Resolved"),
        (Some(_), None) => Chip::new(Tone::Bad, "Waits for a person"),
        (None, None) => Chip::new(Tone::Warn, "On its way to a person"),
    };
    let card = attempt.card.as_ref().map_or_else(String::new, |card| format!("{} {}", card.brand, card.last4));
    Some(SecondCharge {
        attempt: attempt.id.to_string(),
        charge,
        card,
        status,
        resolved: resolved.map_or_else(String::new, |it| format!("{}, by {}", it.reason, it.by)),
        letter: letter.map(|letter| letter.id.to_string()),
        amount: Sum::of(records.payment.amount),
    })
}

/// The PSP's name for the charge that is in the books.
pub(super) fn booked(records: &Records) -> String {
    let paid = records.attempts.iter().find(|attempt| attempt.state == AttemptState::Approved);
    paid.and_then(|attempt| attempt.psp_reference.clone()).unwrap_or_default()
}
