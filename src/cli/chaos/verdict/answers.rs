//! What clients were told, against what was taken.

use std::collections::HashSet;

use super::{ByPayment, Findings, Witnesses, total};
use crate::cli::chaos::told::{Ordered, Told};

pub(super) fn compare(witnesses: &Witnesses, captures: &ByPayment<'_>, found: &mut Findings) {
    let told_of: HashSet<&str> = witnesses.told.iter().filter_map(|told| told.delivered.as_deref()).collect();
    for order in witnesses.delivered.iter().filter(|order| !told_of.contains(order.as_str())) {
        found.false_answers.push(format!("{order}: delivered, and nobody was told so"));
    }
    for told in &witnesses.told {
        let taken = total(captures.get(told.payment.as_str()));
        let theirs = witnesses.record.statuses.get(&told.payment).map_or("nothing", String::as_str);
        let held = told.manual && matches!(theirs, "authorized" | "voided");
        if told.paid && taken == 0 && !held {
            found.false_answers.push(format!("{}: told that it is paid, and nothing was taken", told.payment));
        }
        if told.not_paid && (taken > 0 || theirs == "authorized") {
            found
                .false_answers
                .push(format!("{}: told that it is not paid ({}), and it was taken", told.payment, told.last));
        }
        if !told.manual && taken > 0 && taken != told.amount {
            found.false_answers.push(format!("{}: {taken} taken, and asked for {}", told.payment, told.amount));
        }
        orders(told, taken, theirs, found);
        for order in told.delivered.iter().filter(|order| !witnesses.delivered.contains(*order)) {
            found.false_answers.push(format!("{order}: told that it is delivered, and it is not in our tables"));
        }
        found.false_answers.extend(told.contradictions.iter().cloned());
    }
}

/// An order that was taken on is carried out, and no second one with it.
fn orders(told: &Told, taken: i64, theirs: &str, found: &mut Findings) {
    if told.orders.len() > 1 {
        found.false_answers.push(format!("{}: a capture and a cancel were both taken on", told.payment));
    }
    for order in &told.orders {
        let done = match order {
            Ordered::Capture(amount) => taken == *amount,
            Ordered::Cancel => taken == 0 && theirs == "voided",
        };
        if !done {
            let payment = &told.payment;
            found
                .false_answers
                .push(format!("{payment}: {order:?} was taken on, {taken} taken, the PSP says {theirs}"));
        }
    }
    if told.manual && told.orders.is_empty() && taken > 0 {
        found.false_answers.push(format!("{}: {taken} taken of a hold, and nobody asked for it", told.payment));
    }
}
