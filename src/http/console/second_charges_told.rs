//! How a payment is told that the PSP charged twice: which charge the sale stands on, which is nobody's, and what has become of it.
//! Pure.

use super::chips;
use super::components::{Chip, Sum, Tone};
use super::once::Once;
use super::records::Records;
use crate::checkout::Capture;
use crate::payments::AttemptState;
use crate::payments::attempts::Attempt;
use crate::payments::refunds::RefundStatus;

/// One charge beside the one that paid.
pub struct SecondCharge {
    pub attempt: String,
    /// The PSP's name for it.
    pub charge: String,
    pub card: String,
    pub status: Chip,
    /// Who resolved it, and why; or why it is not back.
    pub remark: String,
    /// The refund that gives it back, or the last one that did not.
    pub refund: String,
    /// The dead letter that tells a person.
    pub letter: Option<String>,
    pub amount: Sum,
    /// Of the form that gives it back; none when nothing is to be done.
    pub once: Option<String>,
}

/// The lines of the table; none where the payment was charged once.
pub(super) fn rows(records: &Records) -> Vec<SecondCharge> {
    records.attempts.iter().filter_map(|attempt| row(records, attempt)).collect()
}

fn row(records: &Records, attempt: &Attempt) -> Option<SecondCharge> {
    let charge = attempt.second_charge.clone()?;
    let letter = records.second_charges.get(attempt.id.as_str());
    let resolved = letter.and_then(|letter| letter.resolved.as_ref());
    let refund = records.refunds.iter().rfind(|refund| refund.attempt.as_ref() == Some(&attempt.id));
    let on_its_way = refund.filter(|refund| refund.status != RefundStatus::Failed);
    let status = match (on_its_way, letter, resolved) {
        (Some(refund), ..) => chips::refund(refund.status.as_str()),
        (None, _, Some(_)) => Chip::new(Tone::Idle, "Resolved"),
        (None, Some(_), None) => Chip::new(Tone::Bad, "Waits for a person"),
        (None, None, None) => Chip::new(Tone::Warn, "On its way to a person"),
    };
    let failure = refund.and_then(|refund| refund.failure_code.as_deref());
    let is_the_sales = charge == booked(records);
    let remark = match (resolved, failure) {
        (Some(resolved), _) => format!("{}, by {}", resolved.reason, resolved.by),
        (None, Some(code)) => format!("not given back: {code}"),
        (None, None) if is_the_sales => "the sale's own charge, told twice: nothing is to be given back".to_owned(),
        (None, None) => String::new(),
    };
    // What a card only holds it lets go by itself.
    let is_taken = records.payment.capture == Capture::Automatic && !is_the_sales;
    let may_go = is_taken && on_its_way.is_none() && resolved.is_none();
    let card = attempt.card.as_ref().map_or_else(String::new, |card| format!("{} {}", card.brand, card.last4));
    Some(SecondCharge {
        attempt: attempt.id.to_string(),
        charge,
        card,
        status,
        remark,
        refund: refund.map(|refund| refund.id.to_string()).unwrap_or_default(),
        letter: letter.map(|letter| letter.id.to_string()),
        amount: Sum::of(records.payment.amount),
        once: may_go.then(Once::word),
    })
}

/// The PSP's name for the charge that the sale stands on.
pub(super) fn booked(records: &Records) -> String {
    let paid = records.attempts.iter().find(|attempt| attempt.state == AttemptState::Approved);
    paid.and_then(|attempt| attempt.psp_reference.clone()).unwrap_or_default()
}
