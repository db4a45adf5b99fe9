//! How disputes change: scheduled, opened, decided. Each change and its webhook are one transaction.

use std::time::Duration;

use super::record::{self, Dispute};
use super::store;
use crate::simulator::cards::Behaviour;
use crate::simulator::faults::{Operation, WebhookFaults};
use crate::simulator::payments::{self, Attempt, Payment};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;
use crate::simulator::webhooks::{self, Kind};
use crate::words::Timestamp;

/// How long the merchant has to answer, unless the admin says otherwise.
pub const WINDOW: Duration = Duration::from_hours(7 * 24);

/// After a capture: the card may say that its owner will contest it.
pub async fn schedule(sim: &Sim, tx: &mut Tx, payment: &Payment, attempt: &Attempt) -> Result<(), Refusal> {
    let Behaviour::Disputed(reason) = attempt.behaviour() else { return Ok(()) };
    let now = sim.now();
    let dispute = Dispute {
        status: "scheduled".to_owned(),
        due_at: Some(sim.machine_after(sim.delays.dispute)),
        opened_at: None,
        ..unwritten(sim, payment, 0, reason, WINDOW, now)
    };
    Ok(store::insert(tx, &dispute).await?)
}

/// A dispute that opens now; not written yet.
pub fn unwritten(sim: &Sim, payment: &Payment, amount: i64, reason: &str, window: Duration, now: i64) -> Dispute {
    Dispute {
        id: sim.new_id("sdp"),
        payment_id: payment.id.clone(),
        amount,
        fee: record::fee(&payment.currency),
        reason: reason.to_owned(),
        status: "needs_response".to_owned(),
        evidence: None,
        evidence_key: None,
        fate: None,
        due_at: None,
        respond_by: Timestamp::from_micros(now).plus(window).micros(),
        opened_at: Some(now),
        closed_at: None,
        created_at: now,
        updated_at: now,
    }
}

/// What of a payment can still be contested.
pub fn contestable(payment: &Payment) -> i64 {
    payment.captured_amount.saturating_sub(payment.refunded_amount).saturating_sub(payment.disputed_amount)
}

/// Takes the contested money from the merchant and tells of it. The dispute itself is the caller's to write.
pub async fn opened(
    sim: &Sim,
    tx: &mut Tx,
    payment: &mut Payment,
    dispute: &Dispute,
    faults: WebhookFaults,
) -> Result<String, Refusal> {
    payment.disputed_amount = payment.disputed_amount.saturating_add(dispute.amount);
    payments::write(tx, payment).await?;
    webhooks::append_dispute(sim, tx, Kind::DisputeOpened, payment, dispute, faults).await
}

/// Writes how it ended; money that was won is the merchant's again.
pub async fn closed(
    sim: &Sim,
    tx: &mut Tx,
    mut dispute: Dispute,
    won: bool,
    faults: WebhookFaults,
) -> Result<(Payment, Dispute, String), Refusal> {
    let now = sim.now();
    let mut payment =
        payments::by_id(&mut **tx, &dispute.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    if won {
        payment.disputed_amount = payment.disputed_amount.saturating_sub(dispute.amount);
        payments::write(tx, &payment).await?;
    }
    (if won { "won" } else { "lost" }).clone_into(&mut dispute.status);
    (dispute.closed_at, dispute.updated_at, dispute.due_at) = (Some(now), now, None);
    store::update(tx, &dispute).await?;
    let event = webhooks::append_dispute(sim, tx, Kind::DisputeClosed, &payment, &dispute, faults).await?;
    Ok((payment, dispute, event))
}

/// Goes on with every dispute whose time has come: scheduled ones open, evidence is judged, silence loses.
pub async fn go_on(sim: &Sim) -> Result<(), Refusal> {
    for found in store::due(&sim.store.read, sim.machine_now(), sim.now()).await? {
        let mut tx = sim.store.begin().await?;
        let Some(dispute) = store::by_id(&mut *tx, &found.id).await? else { continue };
        let faults = sim.faults.draw(Operation::Dispute).webhooks;
        match (dispute.status.as_str(), dispute.fate.as_deref()) {
            ("scheduled", _) => open_scheduled(sim, &mut tx, dispute, faults).await?,
            ("under_review", Some(fate)) => {
                let won = fate == "won";
                closed(sim, &mut tx, dispute, won, faults).await?;
            }
            ("needs_response", _) if dispute.respond_by <= sim.now() => {
                closed(sim, &mut tx, dispute, false, faults).await?;
            }
            _ => continue,
        }
        tx.commit().await?;
        sim.wake_all();
    }
    Ok(())
}

async fn open_scheduled(sim: &Sim, tx: &mut Tx, mut dispute: Dispute, faults: WebhookFaults) -> Result<(), Refusal> {
    let now = sim.now();
    let mut payment =
        payments::by_id(&mut **tx, &dispute.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    dispute.amount = contestable(&payment);
    if dispute.amount == 0 {
        return Ok(store::drop_scheduled(tx, &dispute.id).await?);
    }
    "needs_response".clone_into(&mut dispute.status);
    (dispute.opened_at, dispute.updated_at, dispute.due_at) = (Some(now), now, None);
    dispute.respond_by = Timestamp::from_micros(now).plus(WINDOW).micros();
    store::update(tx, &dispute).await?;
    opened(sim, tx, &mut payment, &dispute, faults).await?;
    Ok(())
}
