//! Settle: what was heard of a payout becomes state, books and event at once, and only once, however often it is heard.

use super::status::Change;
use super::{Payout, PayoutError, PayoutStatus, calls, destination, postings, store, view};
use crate::app::App;
use crate::db::{Tx, retrying};
use crate::events::{self, NewEvent};
use crate::ledger::Posting;
use crate::payments;
use crate::psp::PayoutOutcome;
use crate::wallets;
use crate::words::{CallId, PayoutId, Timestamp};

/// Writes what a call brought, and closes the call's record with it.
pub(super) async fn settle_call(
    app: &App,
    id: &PayoutId,
    call: &CallId,
    outcome: &PayoutOutcome,
) -> Result<Change, PayoutError> {
    let change = retrying(|| async {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        calls::answered(&mut tx, call, now, summary(outcome)).await?;
        if let PayoutOutcome::Unknown(doubt) = outcome {
            payments::calls::wait(&mut tx, call, doubt.after.map(|after| now.plus(after))).await?;
        }
        let payout = store::find(&mut tx, id).await?.ok_or(PayoutError::Overtaken)?;
        let change = settle_heard(&mut tx, payout, outcome, now).await?;
        tx.commit().await?;
        Ok::<_, PayoutError>(change)
    })
    .await?;
    app.wake.notify_one();
    Ok(change)
}

/// Fails a payout that was never ordered, and gives the money back.
pub(super) async fn fail_unsent(app: &App, payout: &Payout, code: &str) -> Result<(), PayoutError> {
    retrying(|| async {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        if store::fail_unsent(&mut tx, &payout.id, code, now).await? {
            let failed = Payout {
                status: PayoutStatus::Failed,
                failure_code: Some(code.to_owned()),
                settled_at: Some(now),
                ..payout.clone()
            };
            tell(&mut tx, &failed, "payout.failed", now).await?;
            wallets::post(&mut tx, &[postings::failed(&failed, now)]).await?;
        }
        Ok::<_, PayoutError>(tx.commit().await?)
    })
    .await?;
    app.wake.notify_one();
    Ok(())
}

/// What was heard of a payout, in the caller's transaction; says what followed from it.
pub async fn settle_heard(
    tx: &mut Tx,
    payout: Payout,
    outcome: &PayoutOutcome,
    now: Timestamp,
) -> Result<Change, PayoutError> {
    let change = payout.status.heard(outcome);
    let mut told: Vec<(Payout, &'static str, Posting)> = Vec::new();
    match change {
        Change::Nothing | Change::Contradiction => return Ok(change),
        Change::Seen => {
            store::seen(tx, &payout.id, reference(outcome).as_deref(), now).await?;
            return Ok(change);
        }
        Change::Paid => told.push(paid(payout.clone(), outcome, now)),
        Change::PaidAndReturned => {
            let (was_paid, kind, posting) = paid(payout.clone(), outcome, now);
            let came_back = returned(was_paid.clone(), outcome, now);
            told.extend([(was_paid, kind, posting), came_back]);
        }
        Change::Returned => told.push(returned(payout.clone(), outcome, now)),
        Change::Failed => {
            let failed = Payout {
                status: PayoutStatus::Failed,
                failure_code: code(outcome),
                settled_at: Some(now),
                ..payout.clone()
            };
            let posting = postings::failed(&failed, now);
            told.push((failed, "payout.failed", posting));
        }
    }
    let Some((after, ..)) = told.last() else { return Ok(change) };
    // The former status is the condition: whoever comes second finds it changed and looks again.
    if !store::settle(tx, payout.status, after).await? {
        return Err(PayoutError::Overtaken);
    }
    for (stage, kind, _) in &told {
        tell(tx, stage, kind, now).await?;
    }
    if blames_destination(change, outcome) {
        destination::shut(tx, after, now).await?;
    }
    let postings: Vec<Posting> = told.into_iter().map(|(.., posting)| posting).collect();
    wallets::post(tx, &postings).await?;
    Ok(change)
}

/// Whether the next payout to the same destination would end like this one. What the seller's bank sent back always would.
const fn blames_destination(change: Change, outcome: &PayoutOutcome) -> bool {
    match change {
        Change::Returned | Change::PaidAndReturned => true,
        Change::Failed => matches!(outcome, PayoutOutcome::Failed { of_destination: true, .. }),
        _ => false,
    }
}

fn paid(payout: Payout, outcome: &PayoutOutcome, now: Timestamp) -> (Payout, &'static str, Posting) {
    let paid = Payout {
        status: PayoutStatus::Paid,
        provider_reference: reference(outcome).or(payout.provider_reference),
        seen_at: Some(now),
        settled_at: Some(now),
        ..payout
    };
    let posting = postings::paid(&paid, now);
    (paid, "payout.paid", posting)
}

fn returned(payout: Payout, outcome: &PayoutOutcome, now: Timestamp) -> (Payout, &'static str, Posting) {
    let returned = Payout {
        status: PayoutStatus::Returned,
        failure_code: code(outcome),
        seen_at: Some(now),
        returned_at: Some(now),
        ..payout
    };
    let posting = postings::returned(&returned, now);
    (returned, "payout.returned", posting)
}

/// The caller's transaction has changed the payout's row, which orders its events.
pub(super) async fn tell(
    tx: &mut Tx,
    payout: &Payout,
    kind: &'static str,
    now: Timestamp,
) -> Result<(), crate::db::DbError> {
    let (data, object_id) = (view(payout), payout.id.as_str());
    events::append(tx, NewEvent { tenant: &payout.tenant, kind, object_id, data, now }).await?;
    Ok(())
}

fn reference(outcome: &PayoutOutcome) -> Option<String> {
    match outcome {
        PayoutOutcome::Processing { reference }
        | PayoutOutcome::Paid { reference }
        | PayoutOutcome::Returned { reference, .. } => Some(reference.clone()),
        PayoutOutcome::Failed { .. } | PayoutOutcome::Unknown { .. } => None,
    }
}

/// A provider's word for why, as much of it as is kept.
fn code(outcome: &PayoutOutcome) -> Option<String> {
    match outcome {
        PayoutOutcome::Failed { code, .. } | PayoutOutcome::Returned { code, .. } => {
            Some(code.chars().take(200).collect())
        }
        _ => None,
    }
}

/// What a call's record says came back.
const fn summary(outcome: &PayoutOutcome) -> &'static str {
    match outcome {
        PayoutOutcome::Processing { .. } => "processing",
        PayoutOutcome::Paid { .. } => "paid",
        PayoutOutcome::Failed { .. } => "failed",
        PayoutOutcome::Returned { .. } => "returned",
        PayoutOutcome::Unknown { .. } => "no answer that can be trusted",
    }
}
