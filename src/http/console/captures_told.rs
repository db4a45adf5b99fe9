//! How captures and voids of a payment are told, and what can still be done. Pure.

use super::chips;
use super::components::{Moment, Sum, Tone};
use super::payment::{CaptureRow as Row, Open, Truth};
use super::records::Records;
use super::story::{Happening, Lane};
use crate::checkout;
use crate::payments::PaymentStatus;
use crate::payments::captures::{Capture, Operation, Reason};

/// Two moments: when it was asked for, and when its outcome was known.
pub(super) fn happenings(capture: &Capture) -> Vec<Happening> {
    let amount = Sum::of(capture.amount).plain();
    let name = name(capture);
    let reason = capture.reason.map(Reason::as_str).unwrap_or_default().replace('_', " ");
    let detail: Vec<&str> =
        [amount.as_str(), &reason, capture.id.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    let chip = chips::capture(capture.operation.as_str(), capture.status.as_str());
    let asked = Happening::new(capture.created_at, Lane::Payment, format!("{name} asked for"))
        .detail(detail.join(", "))
        .first();
    match capture.settled_at {
        None => vec![asked.chip(chip)],
        Some(at) => {
            let settled =
                Happening::new(at, Lane::Payment, format!("{name} of {amount}")).chip(chip).detail(answer(capture));
            vec![asked, settled]
        }
    }
}

fn name(capture: &Capture) -> &'static str {
    match capture.operation {
        Operation::Capture => "Capture",
        Operation::Void => "Void",
    }
}

/// What the PSP said of it.
fn answer(capture: &Capture) -> String {
    match (&capture.psp_reference, &capture.failure_code) {
        (Some(reference), _) => format!("PSP reference {reference}"),
        (None, Some(code)) => format!("the PSP says {code}"),
        (None, None) => String::new(),
    }
}

/// The lines of the table.
pub(super) fn rows(records: &Records) -> Vec<Row> {
    let row = |capture: &Capture| Row {
        id: capture.id.to_string(),
        name: name(capture),
        status: chips::capture(capture.operation.as_str(), capture.status.as_str()),
        reason: capture.reason.map(Reason::as_str).unwrap_or_default().replace('_', " "),
        answer: answer(capture),
        asked: Moment::of(capture.created_at),
        amount: Sum::of(capture.amount),
    };
    records.captures.iter().map(row).collect()
}

/// How the hold stands; nothing where the money is taken at once.
pub(super) fn truth(records: &Records) -> Option<Truth> {
    let payment = &records.payment;
    if payment.capture != checkout::Capture::Manual {
        return None;
    }
    let (tone, word) = match (payment.status, payment.pending_operation) {
        (PaymentStatus::Authorized, Some(operation)) => (Tone::Wait, format!("A {} is on the way", operation.as_str())),
        (PaymentStatus::Authorized, None) => (Tone::Wait, "The card holds it".to_owned()),
        (PaymentStatus::Succeeded, _) => (Tone::Good, format!("{} taken", Sum::of(payment.captured).plain())),
        (PaymentStatus::Canceled, _) if payment.authorized_at.is_some() => (Tone::Idle, "Let go".to_owned()),
        _ => (Tone::Idle, "Nothing is held".to_owned()),
    };
    Some(Truth { name: "Hold", word, tone })
}

/// What an operator can do now; nothing about a payment that is over, or while the PSP owes an answer.
pub(super) fn open(records: &Records) -> Option<Open> {
    let payment = &records.payment;
    match (payment.status, payment.pending_operation) {
        (PaymentStatus::Authorized, None) => Some(Open {
            held: Some(Sum::of(payment.amount)),
            amount: payment.amount.to_string(),
            until: payment.authorization_expires_at.map(Moment::of),
        }),
        (PaymentStatus::RequiresPayment, _) => Some(Open { held: None, amount: String::new(), until: None }),
        _ => None,
    }
}
