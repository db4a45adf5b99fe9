//! How an attempt ends: at once, after a challenge, or when its time has come.

use super::record::{Attempt, Payment};
use super::{confirm, keys, money, store};
use crate::simulator::cards::{Behaviour, DeclineCode};
use crate::simulator::disputes;
use crate::simulator::faults::{Operation, WebhookFaults};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;
use crate::simulator::webhooks::{self, Kind};

/// The issuer's last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approve,
    Decline(DeclineCode),
}

/// Writes the verdict into both values. Changes no database.
pub fn decide(payment: &mut Payment, attempt: &mut Attempt, verdict: Verdict, now: i64) {
    attempt.due_at = None;
    attempt.updated_at = now;
    payment.updated_at = now;
    let status = match verdict {
        Verdict::Decline(code) => {
            attempt.decline_code = Some(code.as_str().to_owned());
            "declined"
        }
        Verdict::Approve if payment.capture == "manual" => "authorized",
        Verdict::Approve => {
            payment.captured_amount = payment.amount;
            "succeeded"
        }
    };
    status.clone_into(&mut attempt.status);
    status.clone_into(&mut payment.status);
}

/// Writes what follows from a decided attempt: the payment, its capture, its event. The attempt itself is the caller's to
/// write. Gives back the event's id.
pub async fn record(
    sim: &Sim,
    tx: &mut Tx,
    payment: &Payment,
    attempt: &Attempt,
    faults: WebhookFaults,
) -> Result<String, Refusal> {
    store::update_payment(tx, payment).await?;
    let now = attempt.updated_at;
    if attempt.status == "succeeded" {
        let fee = money::sale_fee(payment.amount);
        store::insert_capture(tx, &sim.new_id("scap"), payment, &attempt.key, payment.amount, fee, now).await?;
        disputes::schedule(sim, tx, payment, attempt).await?;
    }
    let kind = match attempt.status.as_str() {
        "succeeded" => Kind::Succeeded,
        "authorized" => Kind::Authorized,
        "declined" => Kind::Failed,
        "requires_action" => Kind::RequiresAction,
        _ => Kind::Processing,
    };
    webhooks::append(sim, tx, kind, payment, Some(attempt), None, faults).await
}

/// Ends an attempt that was left open, and gives the waiting caller of its key an answer.
async fn end(
    sim: &Sim,
    tx: &mut Tx,
    mut attempt: Attempt,
    verdict: Verdict,
    faults: WebhookFaults,
) -> Result<String, Refusal> {
    let mut payment =
        store::payment(&mut **tx, &attempt.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    decide(&mut payment, &mut attempt, verdict, sim.now());
    store::update_attempt(tx, &attempt).await?;
    let event = record(sim, tx, &payment, &attempt, faults).await?;
    let answer = confirm::answer(sim, &payment, &attempt);
    store::answer_key(tx, &attempt.key, i64::from(answer.status), &answer.body).await?;
    Ok(event)
}

/// Ends every attempt whose time has come: slow answers arrive, pending payments succeed, challenges run out.
pub async fn finish_due(sim: &Sim) -> Result<(), Refusal> {
    let due = store::attempts_due(&sim.store.read, sim.machine_now()).await?;
    for found in due {
        let mut tx = sim.store.begin().await?;
        let Some(attempt) = store::attempt_by_key(&mut *tx, &found.key).await?.filter(|a| a.due_at.is_some()) else {
            continue;
        };
        let verdict = if attempt.status == "requires_action" {
            Verdict::Decline(DeclineCode::AuthenticationExpired)
        } else {
            Verdict::Approve
        };
        let draw = sim.faults.draw(Operation::Completion).webhooks;
        end(sim, &mut tx, attempt, verdict, draw).await?;
        tx.commit().await?;
        sim.wake_all();
    }
    Ok(())
}

/// The caller gives up the attempt of `key` if it still waits for the shopper. Needs no idempotency key of its own: done
/// twice it changes nothing more.
pub async fn give_up(sim: &Sim, payment_id: &str, key: &str, faults: WebhookFaults) -> Result<(), Refusal> {
    let mut tx = sim.store.begin().await?;
    let waiting = store::attempt_by_key(&mut *tx, key)
        .await?
        .filter(|attempt| attempt.payment_id == payment_id && attempt.status == "requires_action");
    if let Some(attempt) = waiting {
        end(sim, &mut tx, attempt, Verdict::Decline(DeclineCode::AuthenticationAbandoned), faults).await?;
        tx.commit().await?;
        sim.wake_all();
    }
    Ok(())
}

/// The shopper's verdict on the challenge page: `true` approves, a code declines.
///
/// # Errors
/// When the challenge is over already or never was.
pub async fn pass_verdict(sim: &Sim, challenge_token: &str, wish: Result<(), DeclineCode>) -> Result<Attempt, Refusal> {
    let draw = sim.faults.draw(Operation::Challenge).webhooks;
    let mut tx = sim.store.begin().await?;
    let attempt =
        store::attempt_by_challenge(&mut *tx, challenge_token).await?.ok_or_else(|| Refusal::not_found("challenge"))?;
    if attempt.status != "requires_action" {
        return Err(Refusal::conflict("challenge_over", "this challenge has ended already"));
    }
    let verdict = match (wish, attempt.behaviour()) {
        (Err(code), _) => Verdict::Decline(code),
        (Ok(()), Behaviour::ChallengeThenDecline) => Verdict::Decline(DeclineCode::DoNotHonor),
        (Ok(()), _) => Verdict::Approve,
    };
    let key = attempt.key.clone();
    let event = end(sim, &mut tx, attempt, verdict, draw).await?;
    tx.commit().await?;
    sim.wake_all();
    if draw.before_response {
        webhooks::deliver_now(sim, &event).await;
    }
    keys::attempt(sim, &key).await
}
