//! Webhooks of the stand-in: written with the change they tell of, signed, and sent until they are acknowledged.
//!
//! Header `Simulator-Signature: t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">`; the key is the whole secret text.
//! An event keeps its id over all tries and copies. Delivery is unordered, as in real life.

mod deliver;
mod sign;
mod store;

pub use deliver::{deliver_now, keep_delivering};
pub use sign::{HEADER, signature};

use serde_json::{Value, json};

use super::disputes::{Dispute, dispute_view};
use super::faults::WebhookFaults;
use super::payments::{Attempt, Payment, Refund, payment_view, refund_view};
use super::payouts::{Payout, payout_view};
use super::refusal::Refusal;
use super::state::Sim;
use super::store::Tx;
use crate::words::{Secret, Timestamp};

/// Where webhooks go.
#[derive(Clone, Debug)]
pub struct Target {
    /// The gateway's address for them.
    pub url: String,
    /// What signs them.
    pub secret: Secret<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Processing,
    RequiresAction,
    Authorized,
    Succeeded,
    Failed,
    Captured,
    Voided,
    Refunded,
    RefundFailed,
    DisputeOpened,
    DisputeUpdated,
    DisputeClosed,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "payment.processing",
            Self::RequiresAction => "payment.requires_action",
            Self::Authorized => "payment.authorized",
            Self::Succeeded => "payment.succeeded",
            Self::Failed => "payment.failed",
            Self::Captured => "payment.captured",
            Self::Voided => "payment.voided",
            Self::Refunded => "payment.refunded",
            Self::RefundFailed => "refund.failed",
            Self::DisputeOpened => "dispute.opened",
            Self::DisputeUpdated => "dispute.updated",
            Self::DisputeClosed => "dispute.closed",
        }
    }
}

/// Writes an event into the transaction of the change it tells of; it leaves when that is committed.
pub async fn append(
    sim: &Sim,
    tx: &mut Tx,
    kind: Kind,
    payment: &Payment,
    attempt: Option<&Attempt>,
    refund: Option<&Refund>,
    faults: WebhookFaults,
) -> Result<String, Refusal> {
    let data = json!({
        "payment": payment_view(&sim.public_url, payment, attempt),
        "refund": refund.map(refund_view),
    });
    write(sim, tx, kind, payment, data, payment.updated_at, faults).await
}

/// The same for an event of a dispute.
pub async fn append_dispute(
    sim: &Sim,
    tx: &mut Tx,
    kind: Kind,
    payment: &Payment,
    dispute: &Dispute,
    faults: WebhookFaults,
) -> Result<String, Refusal> {
    let data = json!({
        "payment": payment_view(&sim.public_url, payment, None),
        "dispute": dispute_view(dispute, payment),
    });
    write(sim, tx, kind, payment, data, dispute.updated_at, faults).await
}

async fn write(
    sim: &Sim,
    tx: &mut Tx,
    kind: Kind,
    payment: &Payment,
    data: Value,
    at: i64,
    faults: WebhookFaults,
) -> Result<String, Refusal> {
    let id = sim.new_id("sevt");
    let payload = json!({
        "id": id,
        "type": kind.as_str(),
        "created_at": Timestamp::from_micros(at),
        "data": data,
    });
    let event = store::NewEvent {
        id: &id,
        kind: kind.as_str(),
        payment_id: Some(&payment.id),
        payout_id: None,
        payload: payload.to_string(),
        copies: copies(faults),
        due_at: due_at(sim, faults),
        created_at: at,
    };
    store::insert(tx, &event).await?;
    Ok(id)
}

/// The same about a payout: `payout.paid`, `payout.failed` or `payout.returned`.
pub async fn append_payout(sim: &Sim, tx: &mut Tx, payout: &Payout, faults: WebhookFaults) -> Result<(), Refusal> {
    let id = sim.new_id("sevt");
    let kind = format!("payout.{}", payout.status);
    let payload = json!({
        "id": id,
        "type": kind,
        "created_at": Timestamp::from_micros(payout.updated_at),
        "data": { "payout": payout_view(payout) },
    });
    let event = store::NewEvent {
        id: &id,
        kind: &kind,
        payment_id: None,
        payout_id: Some(&payout.id),
        payload: payload.to_string(),
        copies: copies(faults),
        due_at: due_at(sim, faults),
        created_at: payout.updated_at,
    };
    Ok(store::insert(tx, &event).await?)
}

fn due_at(sim: &Sim, faults: WebhookFaults) -> i64 {
    if faults.before_response {
        // The handler delivers it; this is for the case that it dies in between.
        sim.machine_after(deliver::LEASE)
    } else {
        sim.machine_after(std::time::Duration::from_millis(faults.delay_ms))
    }
}

const fn copies(faults: WebhookFaults) -> i64 {
    match faults {
        WebhookFaults { never: true, .. } => 0,
        WebhookFaults { twice: true, .. } => 2,
        WebhookFaults { .. } => 1,
    }
}
