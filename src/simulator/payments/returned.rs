//! A refund that comes back: it was made, and the shopper's bank returns it, by the admin's order or by the card's meaning.

use super::record::Refund;
use super::store;
use crate::simulator::faults::Operation;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::webhooks::{self, Kind};

/// The card whose refunds come back by themselves, and after how long.
pub const CARD: &str = "refund_returned";
/// Long enough for the caller to have seen it succeed.
pub const AFTER: std::time::Duration = std::time::Duration::from_secs(3);

/// Why banks return refunds, in the words of the wire.
const CLOSED: &str = "account_closed";

/// Lets the refund with this id, or made under this key, come back.
///
/// # Errors
/// When there is none, or it came back before.
pub async fn come_back(sim: &Sim, name: &str) -> Result<Refund, Refusal> {
    let draw = sim.faults.draw(Operation::Completion).webhooks;
    let mut tx = sim.store.begin().await?;
    let mut refund = store::refund(&mut *tx, name).await?.ok_or_else(|| Refusal::not_found("refund"))?;
    if refund.failed_at.is_some() {
        return Err(Refusal::conflict("refund_failed", "the refund has come back already"));
    }
    let mut payment =
        store::payment(&mut *tx, &refund.payment_id).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    let now = sim.now();
    if refund.charge.is_none() {
        payment.refunded_amount = payment.refunded_amount.saturating_sub(refund.amount);
    }
    payment.updated_at = now;
    (refund.failed_at, refund.failure_code, refund.returns_at) = (Some(now), Some(CLOSED.to_owned()), None);
    store::update_payment(&mut tx, &payment).await?;
    store::update_refund(&mut tx, &refund).await?;
    let event = webhooks::append(sim, &mut tx, Kind::RefundFailed, &payment, None, Some(&refund), draw).await?;
    tx.commit().await?;
    sim.wake_all();
    if draw.before_response {
        webhooks::deliver_now(sim, &event).await;
    }
    Ok(refund)
}

/// Lets every refund come back whose time has come.
pub async fn return_due(sim: &Sim) -> Result<(), Refusal> {
    for refund in store::refunds_returning(&sim.store.read, sim.machine_now()).await? {
        match come_back(sim, &refund.id).await {
            Ok(_) => {}
            // Somebody else was quicker.
            Err(refusal) if refusal.status() == axum::http::StatusCode::CONFLICT => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(())
}
