//! What goes wrong on purpose: the PSP's bad days, and gateways killed without warning.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::dice::Dice;
use super::process::Process;
use super::stage::Stage;
use crate::simulator::faults::{FaultKind, FaultOrder, Operation};

const KINDS: [FaultKind; 13] = [
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
    FaultKind::PayoutRejected,
    FaultKind::PayoutReturned,
    FaultKind::PayoutSlow,
];

const OPERATIONS: [Option<Operation>; 11] = [
    None,
    Some(Operation::Register),
    Some(Operation::Confirm),
    Some(Operation::Confirm),
    Some(Operation::Refund),
    Some(Operation::Lookup),
    Some(Operation::Completion),
    Some(Operation::Capture),
    Some(Operation::Void),
    Some(Operation::Payout),
    Some(Operation::PayoutLookup),
];

/// Changes the PSP's faults until `stop`; says how often each kind struck. Leaves none switched on but
/// the one that is no fault of a call: that this PSP charges a paid payment again.
///
/// A fault strikes so many calls, and `crowd` times as many when many shoppers are at it.
pub async fn bad_days(stage: &Stage, crowd: u64, stop: CancellationToken) -> BTreeMap<String, u64> {
    let mut dice = Dice::of(stage.seed, u64::MAX);
    let mut struck = BTreeMap::new();
    unforgiving(stage);
    while !stop.is_cancelled() {
        for _ in 0..dice.between(1, 5) {
            stage.psp.faults().add(order(&mut dice, crowd));
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(dice.millis(300, 2000)) => {}
        }
        for fault in stage.psp.faults().list().into_iter().filter(|fault| fault.struck > 0) {
            let name = serde_json::to_value(fault.order.kind).ok().and_then(|name| name.as_str().map(str::to_owned));
            *struck.entry(name.unwrap_or_default()).or_default() += fault.struck;
        }
        stage.psp.faults().remove(None);
        unforgiving(stage);
    }
    struck
}

/// The stand-in would save us from a second charge of one payment. Not every PSP does, so here it does not.
fn unforgiving(stage: &Stage) {
    stage.psp.faults().add(FaultOrder {
        kind: FaultKind::ChargeAgain,
        operation: Some(Operation::Confirm),
        count: None,
        skip: 0,
        percent: None,
        seed: 0,
        delay_ms: None,
    });
}

fn order(dice: &mut Dice, crowd: u64) -> FaultOrder {
    let kind = *dice.pick(&KINDS);
    let delay = match kind {
        FaultKind::RateLimit429 => 1000,
        _ => dice.between(200, 3000),
    };
    let mut operation = *dice.pick(&OPERATIONS);
    if kind == FaultKind::NoWebhook && operation.is_none() {
        // Disputes are found without a webhook, ten minutes later: longer than a run waits.
        operation = Some(Operation::Confirm);
    }
    FaultOrder {
        kind,
        operation,
        count: Some(dice.between(1, 12).saturating_mul(crowd)),
        skip: 0,
        percent: u8::try_from(dice.between(20, 100)).ok(),
        seed: dice.throw(),
        delay_ms: Some(delay),
    }
}

/// Kills gateways and starts them again until `stop`, with at most `lull` in between; says how often. Leaves all of them
/// running.
pub async fn murders(
    stage: &Stage,
    processes: &mut [Process],
    lull: Duration,
    stop: CancellationToken,
) -> anyhow::Result<u64> {
    let mut dice = Dice::of(stage.seed, u64::MAX - 1);
    let lull = u64::try_from(lull.as_millis())?;
    let mut kills = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(kills),
            () = tokio::time::sleep(dice.millis(200, lull)) => {}
        }
        let victim = usize::try_from(dice.between(0, u64::MAX - 1))? % processes.len().max(1);
        processes[victim].kill()?;
        kills += 1;
        // Now and then a second one dies with it, and on one process that is all of them.
        let second = (victim + 1) % processes.len().max(1);
        let both = second != victim && dice.percent(15);
        if both {
            processes[second].kill()?;
            kills += 1;
        }
        tokio::time::sleep(dice.millis(0, 700)).await;
        processes[victim].start(&stage.net.door).await?;
        if both {
            processes[second].start(&stage.net.door).await?;
        }
    }
}
