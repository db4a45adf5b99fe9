//! Idempotency: a key is executed once, and answered with the same bytes for ever, also after a restart.
//!
//! The key, what the call did and its answer are written in one transaction, and only one such transaction exists at a
//! time; so calls with one key that arrive together find the answer of the first.

use std::time::Duration;

use axum::http::StatusCode;

use super::command::{Answer, Command};
use super::record::Attempt;
use super::store::{self, KeyRow};
use crate::simulator::faults::WebhookFaults;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::simulator::webhooks;

/// How long a call waits for a slow answer before it is told to come again.
const PATIENCE: Duration = Duration::from_mins(1);

/// A call that was answered.
#[derive(Debug)]
pub struct Ran {
    pub answer: Answer,
    pub replayed: bool,
    pub lose_answer: bool,
}

/// Executes `command` under `key`, or finds its former answer.
pub async fn run(sim: &Sim, key: &str, command: Command, faults: WebhookFaults) -> Result<Ran, Refusal> {
    let operation = command.name();
    let fingerprint = command.fingerprint()?;
    let mut tx = sim.store.begin().await?;
    if let Some(row) = store::key(&mut *tx, key).await? {
        if row.operation != operation || row.fingerprint != fingerprint {
            return Err(Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another call",
            ));
        }
        store::count_call(&mut tx, key).await?;
        tx.commit().await?;
        return Ok(Ran { answer: wait_for_answer(sim, key).await?, replayed: true, lose_answer: false });
    }
    let performed = command.perform(sim, &mut tx, key, faults).await?;
    let row = KeyRow {
        operation: operation.to_owned(),
        fingerprint,
        payment_id: Some(performed.payment_id),
        status: performed.answer.as_ref().map(|answer| i64::from(answer.status)),
        answer: performed.answer.as_ref().map(|answer| answer.body.clone()),
    };
    store::insert_key(&mut tx, key, &row, sim.now()).await?;
    tx.commit().await?;
    sim.wake_all();
    if faults.before_response {
        for event in &performed.events {
            webhooks::deliver_now(sim, event).await;
        }
    }
    let answer = match performed.answer {
        Some(answer) => answer,
        None => wait_for_answer(sim, key).await?,
    };
    Ok(Ran { answer, replayed: false, lose_answer: performed.lose_answer })
}

async fn wait_for_answer(sim: &Sim, key: &str) -> Result<Answer, Refusal> {
    let waiting = async {
        loop {
            if let Some(answer) = stored_answer(sim, key).await? {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| {
        Err(Refusal::conflict("idempotency_key_in_use", "the first call with this key is still being executed"))
    })
}

async fn stored_answer(sim: &Sim, key: &str) -> Result<Option<Answer>, Refusal> {
    let row = store::key(&sim.store.read, key).await?;
    Ok(row.and_then(|row| {
        let status = u16::try_from(row.status?).ok()?;
        Some(Answer { status, body: row.answer? })
    }))
}

/// The attempt a confirm key made.
pub async fn attempt(sim: &Sim, key: &str) -> Result<Attempt, Refusal> {
    store::attempt_by_key(&sim.store.read, key).await?.ok_or_else(|| Refusal::not_found("attempt"))
}
