//! The jobs that payouts leave for later, by name.

use serde_json::Value;

use super::Payout;
use crate::db::{DbError, Tx};
use crate::merchants::sellers::Seller;
use crate::queue::{self, NewJob};
use crate::words::{PayoutId, Tenant, Timestamp};

/// Orders a payout and asks until it is known what became of it; the key is the payout.
pub const CARRY_OUT: &str = "payouts.carry_out";
/// Asks whether a payout that was paid has come back; the key is the payout.
pub const LOOK: &str = "payouts.look";

/// Takes a turn of a seller's schedule; the key is the seller and the period, as `sel_..:2026-02-28`.
pub const TURN: &str = "payouts.turn";

pub(super) async fn turn(tx: &mut Tx, seller: &Seller, period: &str, now: Timestamp) -> Result<(), DbError> {
    let (key, tenant) = (format!("{}:{period}", seller.id), Some(&seller.tenant));
    queue::enqueue(tx, NewJob { kind: TURN, key: &key, payload: Value::Null, run_at: now, tenant }).await
}

pub(super) async fn carry_out(tx: &mut Tx, payout: &Payout, now: Timestamp) -> Result<(), DbError> {
    leave(tx, CARRY_OUT, &payout.id, &payout.tenant, now).await
}

pub(super) async fn look(tx: &mut Tx, id: &PayoutId, tenant: &Tenant, now: Timestamp) -> Result<(), DbError> {
    leave(tx, LOOK, id, tenant, now).await
}

async fn leave(tx: &mut Tx, kind: &'static str, id: &PayoutId, tenant: &Tenant, now: Timestamp) -> Result<(), DbError> {
    let job = NewJob { kind, key: id.as_str(), payload: Value::Null, run_at: now, tenant: Some(tenant) };
    queue::enqueue(tx, job).await
}
