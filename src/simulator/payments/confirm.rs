//! Confirming a payment with a card token.

use axum::http::StatusCode;
use serde_json::json;

use super::command::{Answer, ConfirmBody, Performed};
use super::record::{Attempt, Card, Payment};
use super::settle::{self, Verdict};
use super::{store, view};
use crate::simulator::cards::{self, Behaviour, DeclineCode};
use crate::simulator::faults::WebhookFaults;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;

/// Executes one confirm call.
pub async fn perform(
    sim: &Sim,
    tx: &mut Tx,
    key: &str,
    mut payment: Payment,
    body: &ConfirmBody,
    faults: WebhookFaults,
) -> Result<Performed, Refusal> {
    let card = card_behind(tx, &body.payment_method, &payment.id).await?;
    let other_amount = body.amount.is_some_and(|amount| amount != payment.amount);
    if other_amount || body.currency.as_ref().is_some_and(|currency| *currency != payment.currency) {
        return Ok(refused(sim, &payment, "amount_mismatch", "not the amount that was registered"));
    }
    let now = sim.now();
    let mut events = Vec::new();
    match payment.status.as_str() {
        "registered" | "declined" => {}
        "succeeded" if sim.faults.charges_again() => {}
        "requires_action" => {
            // Another card is tried while a challenge is open: the shopper has abandoned it.
            let abandoned = Verdict::Decline(DeclineCode::AuthenticationAbandoned);
            if let Some(mut former) = store::latest_attempt(&mut **tx, &payment.id).await? {
                settle::decide(&mut payment, &mut former, abandoned, now);
                store::update_attempt(tx, &former).await?;
                events.push(settle::record(sim, tx, &payment, &former, faults).await?);
            }
        }
        "processing" => {
            return Ok(refused(sim, &payment, "payment_processing", "another confirm call is being executed"));
        }
        "voided" => return Ok(refused(sim, &payment, "payment_voided", "the payment was voided")),
        _ => return Ok(refused(sim, &payment, "payment_already_succeeded", "the payment was paid before")),
    }
    let mut attempt = Attempt {
        id: sim.new_id("satt"),
        payment_id: payment.id.clone(),
        key: key.to_owned(),
        status: "processing".to_owned(),
        decline_code: None,
        card: card.magic,
        brand: card.brand,
        last4: card.last4,
        challenge_token: None,
        due_at: None,
        saved_card: body.save.then(|| sim.new_id("card_sim")),
        created_at: now,
        updated_at: now,
    };
    let behaviour = match attempt.behaviour() {
        Behaviour::Challenge | Behaviour::ChallengeThenDecline if body.off_session => {
            Behaviour::Decline(DeclineCode::AuthenticationRequired)
        }
        Behaviour::DeclineOffSession if body.off_session => Behaviour::Decline(DeclineCode::InsufficientFunds),
        Behaviour::DeclineOffSession => Behaviour::Approve,
        other => other,
    };
    match behaviour {
        Behaviour::Approve | Behaviour::DeclineOffSession | Behaviour::LostAnswer | Behaviour::Disputed(_) => {
            settle::decide(&mut payment, &mut attempt, Verdict::Approve, now);
        }
        Behaviour::Decline(code) => settle::decide(&mut payment, &mut attempt, Verdict::Decline(code), now),
        Behaviour::Challenge | Behaviour::ChallengeThenDecline => {
            leave_open(&mut payment, &mut attempt, "requires_action", sim.machine_after(sim.delays.challenge));
            attempt.challenge_token = Some(sim.new_id("chal"));
        }
        Behaviour::Slow => {
            leave_open(&mut payment, &mut attempt, "processing", sim.machine_after(sim.delays.slow));
        }
        Behaviour::Pending => {
            leave_open(&mut payment, &mut attempt, "processing", sim.machine_after(sim.delays.pending));
        }
    }
    store::insert_attempt(tx, &attempt).await?;
    if attempt.status == "processing" {
        store::update_payment(tx, &payment).await?;
    } else {
        events.push(settle::record(sim, tx, &payment, &attempt, faults).await?);
    }
    Ok(Performed {
        answer: (behaviour != Behaviour::Slow).then(|| answer(sim, &payment, &attempt)),
        payment_id: payment.id,
        events,
        lose_answer: behaviour == Behaviour::LostAnswer,
    })
}

fn leave_open(payment: &mut Payment, attempt: &mut Attempt, status: &str, due_at: i64) {
    status.clone_into(&mut payment.status);
    status.clone_into(&mut attempt.status);
    payment.updated_at = attempt.created_at;
    attempt.due_at = Some(due_at);
}

async fn card_behind(tx: &mut Tx, token: &str, payment_id: &str) -> Result<Card, Refusal> {
    if let Some(card) = cards::by_test_token(token) {
        return Ok(Card {
            magic: card.name.to_owned(),
            brand: card.brand().as_str().to_owned(),
            last4: card.last4().to_owned(),
        });
    }
    if let Some(card) = store::saved_card(tx, token).await? {
        return Ok(card);
    }
    store::card_of_token(tx, token, payment_id)
        .await?
        .ok_or_else(|| Refusal::invalid("payment_method", "no such card token for this payment"))
}

/// The answer of a confirm call whose attempt stands like this.
pub fn answer(sim: &Sim, payment: &Payment, attempt: &Attempt) -> Answer {
    let shown = view::payment(&sim.public_url, payment, Some(attempt));
    match (attempt.status.as_str(), &attempt.decline_code) {
        ("declined", code) => Answer::new(
            StatusCode::PAYMENT_REQUIRED,
            &json!({
                "error": {"code": "card_declined", "decline_code": code, "message": "the issuer declined the card", "param": null},
                "payment": shown,
            }),
        ),
        ("processing", _) => Answer::new(StatusCode::ACCEPTED, &shown),
        _ => Answer::new(StatusCode::OK, &shown),
    }
}

fn refused(sim: &Sim, payment: &Payment, code: &'static str, message: &str) -> Performed {
    Performed::refused(sim, payment, &Refusal::conflict(code, message))
}
