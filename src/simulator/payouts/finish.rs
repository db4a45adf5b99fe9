//! How a payout goes on by itself: paid or not after a while, and perhaps sent back days later.

use super::{Payout, store};
use crate::simulator::faults::Operation;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::store::Tx;
use crate::simulator::webhooks;

/// Does with every payout what is due.
pub async fn finish_due(sim: &Sim) -> Result<(), Refusal> {
    for due in store::due(&sim.store.read, sim.machine_now()).await? {
        let mut tx = sim.store.begin().await?;
        let still = store::by_id(&mut *tx, &due.id).await?.filter(|payout| payout.due_at == due.due_at);
        if let Some(payout) = still {
            step(sim, &mut tx, payout).await?;
            tx.commit().await?;
            sim.wake_all();
        }
    }
    Ok(())
}

/// Does at once what would be due next, whatever the time. `None` when nothing more will become of it.
pub async fn advance(sim: &Sim, id: &str, comes_back: bool) -> Result<Option<Payout>, Refusal> {
    let mut tx = sim.store.begin().await?;
    let mut payout = store::by_id(&mut *tx, id).await?.ok_or_else(|| Refusal::not_found("payout"))?;
    if comes_back && payout.status == "paid" {
        payout.next = Some("returned".to_owned());
    }
    if payout.next.is_none() {
        return Ok(None);
    }
    let payout = step(sim, &mut tx, payout).await?;
    tx.commit().await?;
    sim.wake_all();
    Ok(Some(payout))
}

async fn step(sim: &Sim, tx: &mut Tx, mut payout: Payout) -> Result<Payout, Refusal> {
    let Some(next) = payout.next.take() else { return Ok(payout) };
    match next.as_str() {
        "paid" => {
            payout.times_paid = payout.times_paid.saturating_add(1);
            payout.paid_at = Some(sim.now());
            payout.next = payout.afterwards.take();
            payout.due_at = payout.next.as_ref().map(|_| sim.machine_after(sim.delays.payout_return));
        }
        "returned" => {
            payout.times_returned = payout.times_returned.saturating_add(1);
            payout.returned_at = Some(sim.now());
            payout.failure_code = Some("account_closed".to_owned());
            payout.due_at = None;
        }
        _ => {
            payout.failure_code = Some("account_frozen".to_owned());
            payout.afterwards = None;
            payout.due_at = None;
        }
    }
    payout.status = next;
    payout.updated_at = sim.now();
    store::update(tx, &payout).await?;
    let draw = sim.faults.draw(Operation::PayoutCompletion);
    webhooks::append_payout(sim, tx, &payout, draw.webhooks).await?;
    Ok(payout)
}
