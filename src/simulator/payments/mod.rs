//! Payments at the stand-in PSP: registered, confirmed with a card token, captured, voided, refunded, looked up.
//!
//! Promises that one idempotency key is executed once and answered the same for ever, and that a payment is paid at most
//! once whatever the callers do. Knows nothing of the gateway: order ids and references are text it gives back.

mod api;
mod command;
mod confirm;
mod keys;
mod money;
mod record;
mod returned;
mod settle;
pub(super) mod store;
mod view;

pub use api::{
    abandon, capture, carry_out, confirm, idempotency_key, lookup, refund, register, search, search_refunds, void,
};
pub use command::{Answer, Command, Performed};
pub use record::{Attempt, Card, Payment, Refund};
pub use returned::{come_back, return_due};
pub use settle::{finish_due, pass_verdict};
pub use store::{payment as by_id, update_payment as write};
pub use view::{payment as payment_view, refund as refund_view};

use super::refusal::Refusal;
use super::state::Sim;

/// The payment a browser names by its client token.
pub async fn by_client_token(sim: &Sim, client_token: &str) -> Result<Option<Payment>, Refusal> {
    Ok(store::payment_by_client_token(&sim.store.read, client_token).await?)
}

/// The attempt a challenge belongs to, and its payment.
pub async fn by_challenge(sim: &Sim, challenge_token: &str) -> Result<Option<(Payment, Attempt)>, Refusal> {
    let Some(attempt) = store::attempt_by_challenge(&sim.store.read, challenge_token).await? else {
        return Ok(None);
    };
    let payment = store::payment(&sim.store.read, &attempt.payment_id).await?;
    Ok(payment.map(|payment| (payment, attempt)))
}

/// Keeps what may be kept of a card under its token.
pub async fn keep_card(sim: &Sim, token: &str, payment_id: &str, card: &Card) -> Result<(), Refusal> {
    let mut tx = sim.store.begin().await?;
    store::insert_card_token(&mut tx, token, payment_id, card, sim.now()).await?;
    tx.commit().await?;
    Ok(())
}
