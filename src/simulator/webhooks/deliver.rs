//! Sending webhooks, with patience.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use reqwest::Method;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::store::{self, DueEvent};
use super::{HEADER, signature};
use crate::outbound::Call;
use crate::simulator::state::Sim;

/// An event that was taken for sending and not recorded comes due again after this: the sender died.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long the receiver may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const AT_ONCE: usize = 32;

/// Sends what is due until it is told to stop.
pub async fn keep_delivering(sim: Arc<Sim>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let tasks = TaskTracker::new();
    while !stop.is_cancelled() {
        match send_due(&sim, &places, &tasks).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(error = %error, "simulator: webhooks cannot be read"),
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = sim.deliveries.notified() => {}
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
        }
    }
    tasks.close();
    // What is on its way may finish; what does not is due again after its lease.
    let _ = tokio::time::timeout(Duration::from_secs(2), tasks.wait()).await;
}

/// Starts sending a batch. Says whether there was one.
async fn send_due(sim: &Arc<Sim>, places: &Arc<Semaphore>, tasks: &TaskTracker) -> Result<bool, sqlx::Error> {
    let now = sim.machine_now();
    if !store::any_due(&sim.store, now).await? {
        return Ok(false);
    }
    let Ok(place) = Arc::clone(places).acquire_owned().await else {
        return Ok(false);
    };
    let free = i64::try_from(places.available_permits()).unwrap_or(0).saturating_add(1);
    let events = store::claim(&sim.store, now, sim.machine_after(LEASE), free).await?;
    let mut first_place = Some(place);
    for event in events {
        let place = match first_place.take() {
            Some(place) => place,
            None => match Arc::clone(places).acquire_owned().await {
                Ok(place) => place,
                Err(_) => return Ok(false),
            },
        };
        let sim = Arc::clone(sim);
        tasks.spawn(async move {
            send_and_record(&sim, event).await;
            drop(place);
        });
    }
    Ok(true)
}

/// Sends one event at once and waits for the receiver.
pub async fn deliver_now(sim: &Sim, id: &str) {
    match store::take(&sim.store, id, sim.machine_after(LEASE)).await {
        Ok(Some(event)) => send_and_record(sim, event).await,
        Ok(None) => {}
        Err(error) => tracing::error!(error = %error, "simulator: a webhook cannot be read"),
    }
}

async fn send_and_record(sim: &Sim, event: DueEvent) {
    let mut acknowledged = 0_i64;
    let mut result = String::new();
    while acknowledged < event.copies_left {
        match send(sim, &event.payload).await {
            Ok(status) => {
                result = status.to_string();
                acknowledged += 1;
            }
            Err(reason) => {
                result = reason;
                break;
            }
        }
    }
    let due_at = (acknowledged < event.copies_left)
        .then(|| sim.machine_after(wait_before(sim.delays.webhook_retry, event.tries)));
    if let Err(error) = store::record(&sim.store, &event.id, acknowledged, &result, due_at).await {
        tracing::error!(error = %error, event = event.id, "simulator: a delivery cannot be recorded");
    }
}

/// The wait after the `tries`-th try: doubling, up to a minute.
fn wait_before(first: Duration, tries: i64) -> Duration {
    let doublings = u32::try_from(tries.saturating_sub(1).clamp(0, 16)).unwrap_or(0);
    first.saturating_mul(1 << doublings).min(Duration::from_mins(1))
}

async fn send(sim: &Sim, payload: &str) -> Result<u16, String> {
    let target = sim.webhook_target.read().unwrap_or_else(PoisonError::into_inner).clone();
    let target = target.ok_or("no webhook address is set")?;
    let now = sim.clock.now().unix_seconds();
    let signature = signature(target.secret.expose(), now, payload.as_bytes()).ok_or("the secret cannot sign")?;
    let mut call = Call::new(Method::POST, &target.url);
    call.headers = vec![("content-type", "application/json".to_owned()), (HEADER, signature)];
    call.body = payload.as_bytes().to_vec();
    call.timeout = ANSWER_WITHIN;
    let status = sim.door.send(call).await.map_err(|failure| failure.to_string())?.status;
    if status.is_success() { Ok(status.as_u16()) } else { Err(format!("answered {}", status.as_u16())) }
}

#[cfg(test)]
mod tests {
    use super::wait_before;
    use std::time::Duration;

    #[test]
    fn waits_double_up_to_a_minute() {
        let waits: Vec<u64> = (1..=8).map(|tries| wait_before(Duration::from_secs(1), tries).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(wait_before(Duration::from_secs(1), i64::MAX).as_secs(), 60);
    }
}
