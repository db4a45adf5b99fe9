//! What goes wrong on purpose: the PSP's bad days, and gateways killed without warning.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::process::Process;
use super::stage::Stage;
use crate::simulator::faults::{FaultKind, FaultOrder, Operation};

const KINDS: [FaultKind; 10] = [
    FaultKind::LoseResponse,
    FaultKind::TimeoutBefore,
    FaultKind::Error500,
    FaultKind::Error500After,
    FaultKind::RateLimit429,
    FaultKind::DuplicateWebhooks,
    FaultKind::WebhooksOutOfOrder,
    FaultKind::WebhookBeforeResponse,
    FaultKind::LateWebhook,
    FaultKind::NoWebhook,
];

const OPERATIONS: [Option<Operation>; 7] = [
    None,
    Some(Operation::Register),
    Some(Operation::Confirm),
    Some(Operation::Confirm),
    Some(Operation::Refund),
    Some(Operation::Lookup),
    Some(Operation::Completion),
];

/// Changes the PSP's faults until `stop`; says how often each kind struck. Leaves none switched on.
pub async fn bad_days(stage: &Stage, stop: CancellationToken) -> BTreeMap<String, u64> {
    let mut dice = Dice::of(stage.seed, u64::MAX);
    let mut struck = BTreeMap::new();
    while !stop.is_cancelled() {
        for _ in 0..dice.between(1, 5) {
            stage.psp.faults().add(order(&mut dice));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(dice.millis(300, 2000)) => {}
        }
        for fault in stage.psp.faults().list() {
            let name = serde_json::to_value(fault.order.kind).ok().and_then(|name| name.as_str().map(str::to_owned));
            *struck.entry(name.unwrap_or_default()).or_default() += fault.struck;
        }
        stage.psp.faults().remove(None);
    }
    struck
}

fn order(dice: &mut Dice) -> FaultOrder {
    let kind = *dice.pick(&KINDS);
    let delay = match kind {
        FaultKind::RateLimit429 => 1000,
        _ => dice.between(200, 3000),
    };
    FaultOrder {
        kind,
        operation: *dice.pick(&OPERATIONS),
        count: Some(dice.between(1, 12)),
        skip: 0,
        percent: u8::try_from(dice.between(20, 100)).ok(),
        seed: dice.throw(),
        delay_ms: Some(delay),
    }
}

/// Kills gateways and starts them again until `stop`; says how often. Leaves all of them running.
pub async fn murders(stage: &Stage, processes: &mut [Process], stop: CancellationToken) -> anyhow::Result<u64> {
    let mut dice = Dice::of(stage.seed, u64::MAX - 1);
    let mut kills = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(kills),
            () = tokio::time::sleep(dice.millis(200, 2500)) => {}
        }
        let victim = usize::try_from(dice.between(0, u64::MAX - 1))? % processes.len().max(1);
        processes[victim].kill()?;
        kills += 1;
        // The PSP tells somebody else meanwhile, who may be the dead one.
        stage.psp.send_webhooks_to(stage.webhook_target(&mut dice));
        tokio::time::sleep(dice.millis(0, 700)).await;
        processes[victim].start(&stage.net.door).await?;
    }
}
