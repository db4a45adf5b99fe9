//! The order to pay out: executed once per key, and answered with the same bytes for ever.

use std::time::Duration;

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::destinations::{Behaviour, behaviour};
use super::{Payout, store, view};
use crate::simulator::faults::Draw;
use crate::simulator::payments::store::{self as keys, KeyRow};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::words::Currency;

/// Body of `POST /v1/payouts`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub destination: String,
    pub reference: String,
}

/// What is answered, and whether the answer is lost.
pub struct Answered {
    pub status: u16,
    pub body: String,
    pub replayed: bool,
    pub lost: bool,
}

const OPERATION: &str = "payout";

/// Sends the money, or finds the former answer of its key.
pub async fn run(sim: &Sim, key: &str, body: Body, draw: &Draw) -> Result<Answered, Refusal> {
    check(&body)?;
    let fingerprint = hex::encode(Sha256::digest(serde_json::to_vec(&body)?));
    let mut tx = sim.store.begin().await?;
    if let Some(row) = keys::key(&mut *tx, key).await? {
        if row.operation != OPERATION || row.fingerprint != fingerprint {
            let reason = "this Idempotency-Key was used for another call";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", reason));
        }
        keys::count_call(&mut tx, key).await?;
        tx.commit().await?;
        let status = row.status.and_then(|status| u16::try_from(status).ok()).unwrap_or(500);
        return Ok(Answered { status, body: row.answer.unwrap_or_default(), replayed: true, lost: false });
    }
    let behaviour = if draw.payouts.reject { Behaviour::Reject } else { behaviour(&body.destination) };
    let payout = made(sim, key, body, behaviour, draw);
    let (status, answer) = if payout.status == "failed" {
        let refusal = Refusal::new(StatusCode::PAYMENT_REQUIRED, "payout_refused", "the bank does not take it");
        let mut answer = refusal.body();
        answer["payout"] = view::payout(&payout);
        (StatusCode::PAYMENT_REQUIRED, answer)
    } else {
        (StatusCode::CREATED, json!({ "payout": view::payout(&payout) }))
    };
    let row = KeyRow {
        operation: OPERATION.to_owned(),
        fingerprint,
        payment_id: None,
        status: Some(i64::from(status.as_u16())),
        answer: Some(answer.to_string()),
    };
    store::insert(&mut tx, &payout).await?;
    keys::insert_key(&mut tx, key, &row, sim.now()).await?;
    tx.commit().await?;
    sim.wake_all();
    let lost = behaviour == Behaviour::LoseAnswer;
    Ok(Answered { status: status.as_u16(), body: answer.to_string(), replayed: false, lost })
}

fn made(sim: &Sim, key: &str, body: Body, behaviour: Behaviour, draw: &Draw) -> Payout {
    let now = sim.now();
    let rejected = behaviour == Behaviour::Reject;
    let wait = match draw.payouts.slow_ms {
        Some(millis) => Duration::from_millis(millis),
        None if behaviour == Behaviour::PaySlowly => sim.delays.payout_slow,
        None => sim.delays.payout,
    };
    let comes_back = behaviour == Behaviour::PayAndReturn || draw.payouts.comes_back;
    Payout {
        id: sim.new_id("spo"),
        key: key.to_owned(),
        reference: body.reference,
        destination: body.destination,
        amount: body.amount,
        currency: body.currency,
        status: if rejected { "failed" } else { "processing" }.to_owned(),
        failure_code: rejected.then(|| "invalid_destination".to_owned()),
        next: match behaviour {
            Behaviour::Reject => None,
            Behaviour::FailLater => Some("failed".to_owned()),
            _ => Some("paid".to_owned()),
        },
        afterwards: (comes_back && !rejected).then(|| "returned".to_owned()),
        due_at: (!rejected).then(|| sim.machine_after(wait)),
        times_paid: 0,
        times_returned: 0,
        paid_at: None,
        returned_at: None,
        created_at: now,
        updated_at: now,
    }
}

fn check(body: &Body) -> Result<(), Refusal> {
    if !(1..=1_000_000_000_000_000).contains(&body.amount) {
        return Err(Refusal::invalid("amount", "minor units, 1 to 1000000000000000"));
    }
    if Currency::parse(&body.currency).is_err() {
        return Err(Refusal::invalid("currency", "an ISO 4217 code in capitals"));
    }
    if body.destination.is_empty() || body.destination.len() > 255 {
        return Err(Refusal::invalid("destination", "1 to 255 characters"));
    }
    if body.reference.is_empty() || body.reference.len() > 200 {
        return Err(Refusal::invalid("reference", "1 to 200 characters"));
    }
    Ok(())
}
