//! The jobs the payment service leaves for later, by name.

use serde_json::Value;

use super::captures::{Capture, Operation};
use super::disputes::Dispute;
use super::notices::Notice;
use super::refunds::Refund;
use crate::db::{DbError, Tx};
use crate::queue::{self, NewJob};
use crate::words::{AttemptId, PaymentId, Tenant, Timestamp};

/// Asks the PSP what became of an attempt; the key is the attempt.
pub const RECOVER: &str = "payments.recover";
/// Asks the PSP for a refund; the key is the refund.
pub const REFUND: &str = "payments.refund";
/// Asks the PSP to take money that a card holds; the key is the capture.
pub const CAPTURE: &str = "payments.capture";
/// Asks the PSP to let such money go; the key is the void, which is a capture of nothing.
pub const VOID: &str = "payments.void";
/// Charges a saved card; the key is the payment.
pub const CHARGE: &str = "payments.charge";
/// Hands in evidence; the key is the dispute.
pub const EVIDENCE: &str = "payments.dispute_evidence";
/// Asks the PSP for the disputes of a payment; the key is the payment.
pub const DISPUTES: &str = "payments.disputes";
/// Asks a PSP for disputes that nobody told us of; the key is the PSP's name.
pub const NEW_DISPUTES: &str = "payments.new_disputes";
/// Deals with a PSP's webhook; the key is our id of it.
pub const NOTICE: &str = "payments.notice";

/// Deals with a webhook about a payout, which is not ours to know; the key is our id of it.
pub const PAYOUT_NOTICE: &str = "payouts.notice";

pub(super) async fn recover(tx: &mut Tx, id: &AttemptId, tenant: &Tenant, now: Timestamp) -> Result<(), DbError> {
    let job = NewJob { kind: RECOVER, key: id.as_str(), payload: Value::Null, run_at: now, tenant: Some(tenant) };
    queue::enqueue(tx, job).await
}

pub(super) async fn refund(tx: &mut Tx, refund: &Refund, now: Timestamp) -> Result<(), DbError> {
    let (key, tenant) = (refund.id.as_str(), Some(&refund.tenant));
    queue::enqueue(tx, NewJob { kind: REFUND, key, payload: Value::Null, run_at: now, tenant }).await
}

/// Leaves the work of a capture or void, or brings it forward when it waits.
pub(super) async fn capture(tx: &mut Tx, capture: &Capture, now: Timestamp) -> Result<(), DbError> {
    let kind = match capture.operation {
        Operation::Capture => CAPTURE,
        Operation::Void => VOID,
    };
    let (key, tenant) = (capture.id.as_str(), Some(&capture.tenant));
    queue::enqueue(tx, NewJob { kind, key, payload: Value::Null, run_at: now, tenant }).await
}

pub(super) async fn charge(tx: &mut Tx, id: &PaymentId, tenant: &Tenant, now: Timestamp) -> Result<(), DbError> {
    let job = NewJob { kind: CHARGE, key: id.as_str(), payload: Value::Null, run_at: now, tenant: Some(tenant) };
    queue::enqueue(tx, job).await
}

pub(super) async fn read_notice(tx: &mut Tx, notice: &Notice) -> Result<(), DbError> {
    let kind = if notice.payout.is_some() { PAYOUT_NOTICE } else { NOTICE };
    let (key, run_at) = (notice.id.as_str(), notice.received_at);
    queue::enqueue(tx, NewJob { kind, key, payload: Value::Null, run_at, tenant: None }).await
}

pub(super) async fn hand_in(tx: &mut Tx, dispute: &Dispute, now: Timestamp) -> Result<(), DbError> {
    let (key, tenant) = (dispute.id.as_str(), Some(&dispute.tenant));
    queue::enqueue(tx, NewJob { kind: EVIDENCE, key, payload: Value::Null, run_at: now, tenant }).await
}

pub(super) async fn look_at_disputes(
    tx: &mut Tx,
    payment: &PaymentId,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<(), DbError> {
    let (key, tenant) = (payment.as_str(), Some(tenant));
    queue::enqueue(tx, NewJob { kind: DISPUTES, key, payload: Value::Null, run_at: now, tenant }).await
}

pub(super) async fn list_disputes(tx: &mut Tx, psp: &str, now: Timestamp) -> Result<(), DbError> {
    let job = NewJob { kind: NEW_DISPUTES, key: psp, payload: Value::Null, run_at: now, tenant: None };
    queue::enqueue(tx, job).await
}
