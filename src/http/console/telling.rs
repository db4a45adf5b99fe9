//! How the records of a payment are told: each as a happening of the timeline, and all of them in a few words. Pure.

use std::collections::HashMap;

use super::captures_told;
use super::chips;
use super::components::{Chip, Fact, Moment, Resend, Sum, Tone, grouped, signed};
use super::deliveries::{answer, status as delivery_status};
use super::delivery::outcome;
use super::payment::{Journal, Line, Order, Told, Total, Truth};
use super::records::Records;
use super::refunds_told;
use super::story::{Happening, Lane};
use crate::ledger;
use crate::payments::attempts::Attempt;
use crate::payments::calls::Call;
use crate::payments::methods::PaymentMethod;
use crate::payments::notices::Notice;
use crate::payments::{AttemptState, OrderStatus, PaymentStatus};
use crate::words::{Currency, Timestamp};

/// The payment's status; while it is processing, the attempt knows more.
pub(super) fn status(records: &Records) -> Chip {
    match (records.payment.status, records.attempts.last().map(|attempt| attempt.state)) {
        (PaymentStatus::Processing, Some(state @ (AttemptState::Unknown | AttemptState::ActionRequired))) => {
            chips::payment(state.as_str())
        }
        (status, _) => chips::payment(status.as_str()),
    }
}

/// Everything that happened.
pub(super) fn happenings(records: &Records) -> Vec<Happening> {
    let mut all = vec![opened(records)];
    for (index, attempt) in records.attempts.iter().enumerate() {
        all.extend(attempt_told(index.saturating_add(1), attempt));
    }
    all.extend(records.calls.iter().flat_map(call));
    all.extend(records.notices.iter().map(notice));
    all.extend(records.events.iter().map(|event| {
        Happening::new(event.created_at, Lane::Event, &event.kind)
            .detail(format!("{} no. {}", event.object_id, event.sequence))
            .raw("The object as it was then", &event.object.to_string())
    }));
    all.extend(records.journals.iter().map(posted));
    for (delivery, tries) in &records.deliveries {
        let url = records.urls.get(delivery.endpoint.as_str()).map_or(delivery.endpoint.as_str(), String::as_str);
        all.extend(tries.iter().map(|attempt| {
            let millis = grouped(&attempt.millis.to_string());
            Happening::new(attempt.at, Lane::Told, &delivery.kind)
                .chip(outcome(attempt))
                .detail(format!("{url}, try {}, {millis} ms", attempt.number))
                .raw("What came back", &attempt.excerpt)
        }));
    }
    all.extend(records.captures.iter().flat_map(captures_told::happenings));
    all.extend(records.refunds.iter().flat_map(refunds_told::happenings));
    if let Some(at) = records.payment.succeeded_at {
        all.push(Happening::new(at, Lane::Payment, "Payment").chip(chips::payment("succeeded")));
    }
    all
}

fn opened(records: &Records) -> Happening {
    let sellers = match records.orders.len() {
        1 => "1 seller".to_owned(),
        several => format!("{several} sellers"),
    };
    let mut detail = vec![sellers];
    if let Some(session) = &records.session {
        detail.push(format!("open until {}", Moment::of(session.expires_at).text()));
    }
    if let Some(reference) = &records.payment.reference {
        detail.insert(0, format!("reference {reference}"));
    }
    let what = if records.session.is_some() { "Checkout session opened" } else { "Payment opened" };
    Happening::new(records.payment.created_at, Lane::Payment, what).detail(detail.join(", ")).first()
}

/// Two moments: when it was sent, and when its outcome was known.
fn attempt_told(number: usize, attempt: &Attempt) -> Vec<Happening> {
    let title = format!("Attempt {number}");
    let sent = Happening::new(attempt.sent_at, Lane::Payment, &title)
        .chip(chips::attempt("sent"))
        .detail(format!("to {}, {}", attempt.psp, attempt.id))
        .first();
    let chip = chips::attempt(attempt.state.as_str());
    let detail: Vec<String> = [
        attempt.card.as_ref().map(|card| format!("{} {}", card.brand, card.last4)),
        attempt.decline.map(|code| code.as_str().to_owned()),
        attempt.psp_code.as_ref().map(|code| format!("the PSP says {code}")),
        attempt.psp_reference.as_ref().map(|reference| format!("PSP reference {reference}")),
        attempt.second_charge.as_ref().map(|charge| format!("charged all the same, as {charge}")),
        attempt.note.clone(),
    ]
    .into_iter()
    .flatten()
    .collect();
    match attempt.settled_at {
        Some(at) => {
            vec![sent, Happening::new(at, Lane::Payment, &title).chip(chip).detail(detail.join(", "))]
        }
        None if attempt.state == AttemptState::Sent => vec![sent],
        None => vec![sent.chip(chip).detail(format!("to {}, {}", attempt.psp, detail.join(", ")))],
    }
}

/// Two moments: when it was written down to be sent, and when the answer was.
fn call(call: &Call) -> Vec<Happening> {
    let title = call.operation.replace('_', " ");
    let sent = Happening::new(call.sent_at, Lane::Call, &title).detail(format!("{}, key {}", call.psp, call.psp_key));
    let Some(at) = call.answered_at else {
        return vec![sent.chip(Chip::new(Tone::Warn, "no answer written down"))];
    };
    let result = call.result.as_deref().unwrap_or("answered");
    let tone = match result {
        "approved" | "registered" | "succeeded" => Tone::Good,
        "pending" | "action required" => Tone::Wait,
        "declined" | "failed" => Tone::Bad,
        _ => Tone::Warn,
    };
    let took = format!("{}, after {} ms", call.psp, grouped(&at.since(call.sent_at).as_millis().to_string()));
    vec![
        sent.chip(Chip::new(Tone::Idle, "asked")),
        Happening::new(at, Lane::Call, title).chip(Chip::new(tone, result)).detail(took),
    ]
}

fn notice(notice: &Notice) -> Happening {
    let chip = match &notice.result {
        Some(result) => Chip::new(Tone::Good, result),
        None => Chip::new(Tone::Wait, "not dealt with yet"),
    };
    Happening::new(notice.received_at, Lane::Heard, &notice.kind)
        .chip(chip)
        .detail(format!("{}, event {}", notice.psp, notice.event_id))
        .raw("The body as it came", &String::from_utf8_lossy(&notice.raw_body))
}

fn posted(journal: &ledger::Journal) -> Happening {
    let moved: Vec<String> = totals(&journal.lines)
        .into_iter()
        .map(|(currency, debit, _)| format!("{} {}", signed(debit, currency), currency.code()))
        .collect();
    Happening::new(journal.created_at, Lane::Ledger, &journal.kind).detail(format!(
        "{} moved for {}",
        moved.join(" and "),
        journal.source_id
    ))
}

/// Debits and credits per currency, in minor units, both above zero.
fn totals(lines: &[ledger::Line]) -> Vec<(Currency, i64, i64)> {
    let mut sums: Vec<(Currency, i64, i64)> = Vec::new();
    for line in lines {
        let at = sums.iter().position(|(currency, ..)| *currency == line.currency).unwrap_or_else(|| {
            sums.push((line.currency, 0, 0));
            sums.len() - 1
        });
        if let Some((_, debit, credit)) = sums.get_mut(at) {
            *debit = debit.saturating_add(line.amount.max(0));
            *credit = credit.saturating_add(line.amount.min(0).saturating_neg());
        }
    }
    sums
}

/// A journal as people read it.
pub(super) fn journal(journal: &ledger::Journal, sellers: &HashMap<String, String>) -> Journal {
    let shown = |amount: i64, currency| if amount > 0 { signed(amount, currency) } else { String::new() };
    Journal {
        id: journal.id.to_string(),
        kind: journal.kind.clone(),
        at: Moment::of(journal.created_at),
        lines: journal
            .lines
            .iter()
            .map(|line| Line {
                account: line.account.clone(),
                seller: line.account.split(':').find_map(|part| sellers.get(part)).cloned().unwrap_or_default(),
                debit: shown(line.amount, line.currency),
                credit: shown(line.amount.saturating_neg(), line.currency),
            })
            .collect(),
        totals: totals(&journal.lines)
            .into_iter()
            .map(|(currency, debit, credit)| Total {
                currency: currency.code().to_owned(),
                debit: signed(debit, currency),
                credit: signed(credit, currency),
                balanced: debit == credit,
            })
            .collect(),
    }
}

/// The sellers' shares.
pub(super) fn orders(records: &Records) -> Vec<Order> {
    records
        .orders
        .iter()
        .map(|order| {
            let paid = order.status == OrderStatus::Success;
            let id = order.seller.as_str();
            Order {
                id: order.id.to_string(),
                seller: records.sellers.get(id).map_or_else(|| id.to_owned(), Clone::clone),
                status: chips::order(order.status.as_str()),
                wallet: chips::done(order.wallet_updated, paid),
                ledger: chips::done(order.ledger_updated, paid),
                amount: Sum::of(order.amount),
                fee: Sum::of(order.fee),
                delivered: order.fulfilled_at.map(Moment::of),
                waits: paid && order.fulfilled_at.is_none(),
            }
        })
        .collect()
}

/// The webhooks that told of it.
pub(super) fn deliveries(records: &Records, csrf: &str) -> Vec<Told> {
    records
        .deliveries
        .iter()
        .map(|(delivery, _)| Told {
            id: delivery.id.to_string(),
            event: delivery.kind.clone(),
            url: records.urls.get(delivery.endpoint.as_str()).cloned().unwrap_or_default(),
            status: delivery_status(delivery.status.as_str(), delivery.attempts),
            tries: delivery.attempts,
            answer: answer(delivery.last_status, delivery.last_error.as_deref()),
            next: delivery.next_attempt_at.map(Moment::of),
            resend: Resend { delivery: delivery.id.to_string(), csrf: csrf.to_owned(), what: delivery.kind.clone() },
        })
        .collect()
}

/// How far it got, step by step.
pub(super) fn truths(records: &Records) -> Vec<Truth> {
    let truth = |name, tone, word: String| Truth { name, word, tone };
    let card = match records.attempts.last() {
        None => truth("Card", Tone::Idle, "No attempt yet".to_owned()),
        Some(last) => {
            let chip = chips::attempt(last.state.as_str());
            truth("Card", chip.tone(), format!("{}, attempt {}", chip.label(), records.attempts.len()))
        }
    };
    let all = records.orders.len();
    let paid = records.orders.iter().filter(|order| order.status == OrderStatus::Success).count();
    let orders = truth("Orders", progress(paid, all), format!("{paid} of {all} paid"));
    let posted = records.orders.iter().filter(|order| order.ledger_updated).count();
    let balanced =
        records.journals.iter().all(|journal| totals(&journal.lines).iter().all(|(_, debit, credit)| debit == credit));
    let ledger = match (balanced, records.journals.len()) {
        (false, _) => truth("Ledger", Tone::Bad, "Not balanced".to_owned()),
        (true, 0) if paid > 0 => truth("Ledger", Tone::Bad, "Nothing posted".to_owned()),
        (true, 0) => truth("Ledger", Tone::Idle, "Nothing posted".to_owned()),
        (true, _) if posted < paid => truth("Ledger", Tone::Bad, format!("{posted} of {paid} posted")),
        (true, _) => truth("Ledger", Tone::Good, "Posted, balanced".to_owned()),
    };
    let credited = records.orders.iter().filter(|order| order.wallet_updated).count();
    let wallets = match (credited, paid) {
        (_, 0) => truth("Wallets", Tone::Idle, "Nothing to add".to_owned()),
        (credited, paid) if credited < paid => truth("Wallets", Tone::Bad, format!("{credited} of {paid} updated")),
        _ => truth("Wallets", Tone::Good, "Updated".to_owned()),
    };
    [Some(card), captures_told::truth(records), Some(orders), Some(ledger), Some(wallets)]
        .into_iter()
        .flatten()
        .chain(refunds_told::truth(records))
        .chain([merchant_told(records)])
        .collect()
}

fn progress(done: usize, all: usize) -> Tone {
    match done {
        0 => Tone::Idle,
        some if some < all => Tone::Warn,
        _ => Tone::Good,
    }
}

fn merchant_told(records: &Records) -> Truth {
    let all = records.deliveries.len();
    let standing =
        |wanted: &str| records.deliveries.iter().filter(|(delivery, _)| delivery.status.as_str() == wanted).count();
    let (told, failed) = (standing("succeeded"), standing("failed"));
    let (tone, word) = match (all, told, failed) {
        (0, ..) if records.events.is_empty() => (Tone::Idle, "Nothing to tell yet".to_owned()),
        (0, ..) => (Tone::Idle, "No endpoint, or not yet".to_owned()),
        (_, _, failed) if failed > 0 => (Tone::Bad, format!("{told} of {all} told, {failed} given up")),
        (all, told, _) if told < all => (Tone::Warn, format!("{told} of {all} told")),
        _ => (Tone::Good, format!("{told} of {all} told")),
    };
    Truth { name: "Merchant", word, tone }
}

/// The card that stays, and what it has to do with this payment.
fn saved_card(records: &Records, saved: &PaymentMethod) -> String {
    let part = if saved.payment == records.payment.id { "saved with this payment" } else { "charged by the merchant" };
    let gone = if saved.detached_at.is_some() { ", forgotten since" } else { "" };
    format!("{} {} {}, {part}{gone}", saved.id, saved.card.brand, saved.card.last4)
}

/// What people copy and read out.
pub(super) fn facts(records: &Records) -> Vec<Fact> {
    let payment = &records.payment;
    let when = |at: Timestamp| Moment::of(at).text().to_owned();
    let card = records.attempts.iter().rev().find_map(|attempt| attempt.card.as_ref());
    let reference = records.attempts.iter().rev().find_map(|attempt| attempt.psp_reference.clone());
    let mut facts = vec![
        Some(Fact::words("Merchant", &records.merchant)),
        Some(Fact::id("Merchant id", payment.tenant.merchant.as_str())),
        payment.checkout.as_ref().map(|id| Fact::id("Session", id.as_str())),
        records.session.as_ref().map(|session| Fact::words("Session is", session.status.as_str())),
        payment.reference.as_ref().map(|reference| Fact::words("Reference", reference)),
        payment.customer_email.as_ref().map(|email| Fact::words("Shopper", email)),
        Some(Fact::words("What for", &payment.description)),
        Some(Fact::words("Capture", payment.capture.as_str())),
        payment.psp.as_ref().map(|psp| Fact::words("PSP", psp)),
        payment.registered.as_ref().map(|registered| Fact::id("PSP payment", &registered.psp_payment)),
        reference.map(|reference| Fact::id("PSP reference", reference)),
        card.map(|card| Fact::words("Card", format!("{} {}", card.brand, card.last4))),
        records.saved.as_ref().map(|saved| Fact::words("Saved card", saved_card(records, saved))),
        Some(Fact::words("Captured", Sum::of(payment.captured).plain())),
    ];
    if !payment.refunded.is_zero() {
        facts.push(Some(Fact::words("Refunded", Sum::of(payment.refunded).plain())));
    }
    facts.push(payment.authorization_expires_at.map(|at| Fact::words("Held until", when(at))));
    facts.push(payment.cancellation_reason.as_ref().map(|why| Fact::words("Called off", why.replace('_', " "))));
    facts.push(Some(Fact::words("Opened", when(payment.created_at))));
    facts.push(payment.succeeded_at.map(|at| Fact::words("Paid", when(at))));
    facts.into_iter().flatten().collect()
}
