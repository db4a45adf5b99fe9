//! How the refunds of a payment are told. Pure.

use super::chips;
use super::components::{Moment, Sum, Tone};
use super::payment::{Refund as Row, Truth};
use super::records::Records;
use super::story::{Happening, Lane};
use crate::payments::refunds::{Refund, RefundStatus};

/// Two moments: when it was asked for, and when its outcome was known.
pub(super) fn happenings(refund: &Refund) -> Vec<Happening> {
    let amount = Sum::of(refund.amount).plain();
    let asked = Happening::new(refund.created_at, Lane::Payment, "Refund asked for")
        .detail(
            [Some(amount.as_str()), refund.reason.as_deref(), Some(refund.id.as_str())]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", "),
        )
        .first();
    let Some(at) = refund.settled_at else { return vec![asked.chip(chips::refund(refund.status.as_str()))] };
    let settled = Happening::new(at, Lane::Payment, format!("Refund of {amount}"))
        .chip(chips::refund(refund.status.as_str()))
        .detail(answer(refund));
    vec![asked, settled]
}

/// What the PSP said of it.
fn answer(refund: &Refund) -> String {
    match (&refund.psp_reference, &refund.failure_code) {
        (Some(reference), _) => format!("PSP reference {reference}"),
        (None, Some(code)) => format!("the PSP says {code}"),
        (None, None) => String::new(),
    }
}

/// The lines of the table.
pub(super) fn rows(records: &Records) -> Vec<Row> {
    records
        .refunds
        .iter()
        .map(|refund| Row {
            id: refund.id.to_string(),
            status: chips::refund(refund.status.as_str()),
            reason: refund.reason.clone().unwrap_or_default(),
            answer: answer(refund),
            asked: Moment::of(refund.created_at),
            amount: Sum::of(refund.amount),
        })
        .collect()
}

/// All of them in a few words; nothing where none was asked for.
pub(super) fn truth(records: &Records) -> Option<Truth> {
    // What of a second charge went back stands beside that charge.
    let of_sale: Vec<&Refund> = records.refunds.iter().filter(|refund| refund.attempt.is_none()).collect();
    let standing = |status| of_sale.iter().filter(|refund| refund.status == status).count();
    let (pending, failed) = (standing(RefundStatus::Pending), standing(RefundStatus::Failed));
    let (tone, word) = match (of_sale.len(), pending, failed) {
        (0, ..) => return None,
        (_, 0, 0) => (Tone::Good, format!("{} given back", Sum::of(records.payment.refunded).plain())),
        (_, 0, failed) => (Tone::Bad, format!("{failed} failed")),
        (_, pending, _) => (Tone::Wait, format!("{pending} on the way")),
    };
    Some(Truth { name: "Refunds", word, tone })
}
