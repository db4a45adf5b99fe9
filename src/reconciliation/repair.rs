//! Repair: what is known to come right when the PSP is asked is asked, through the verbs that its webhooks end in; then the line
//! is looked at again.
//!
//! A PSP that cannot be reached is asked again by the next run. What the PSP has answered and still does not agree is a person's.
//! Either way the line's money waits in suspense meanwhile, so that the books say what the file says.

use super::breaks::{self, Break};
use super::causes::Repair;
use super::matching::{Context, Entry, entries_of, store, write};
use super::reconcile::ReconcileError;
use super::words::{Class, ObjectKind, Outcome};
use crate::app::App;
use crate::db::retrying;
use crate::ledger::Account;
use crate::payments::captures::CaptureStatus;
use crate::payments::{PaymentError, ask_now, captures, disputes, refunds};
use crate::payouts::{self, PayoutError};
use crate::psp::NotDone;
use crate::wallets;
use crate::words::{PaymentId, PayoutId, RefundId};

/// Breaks in one go.
const BATCH: i64 = 200;

/// Looks again at every open break of a source that may have come right.
pub async fn all(context: &Context<'_>) -> Result<(), ReconcileError> {
    let mut after = String::new();
    loop {
        let found = breaks::store::with_line(&context.app.db, &context.source.name, &after, BATCH).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.id.to_string();
        for it in &found {
            one(context, it).await?;
        }
    }
}

async fn one(context: &Context<'_>, it: &Break) -> Result<(), ReconcileError> {
    let Some(entry) = again(context, it).await? else { return Ok(()) };
    if is_right(&entry) {
        return came_right(context, it, &entry).await;
    }
    let asks = context.causes.named(&it.cause).is_some_and(|cause| cause.repair == Repair::AskPsp);
    let mut reached = None;
    if asks && it.class == Class::Automatic {
        reached = Some(ask(context.app, it, &entry).await);
        if let Some(entry) = again(context, it).await?.filter(is_right) {
            return came_right(context, it, &entry).await;
        }
    }
    let parked = breaks::store::was_parked(&context.app.db, &it.id).await?;
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        if !parked {
            write::park(&mut tx, it, &entry, now).await?;
        }
        if let Some(Ok(())) = reached {
            let said = "the PSP was asked, and it still differs";
            breaks::store::escalate(&mut tx, &it.id, Class::Investigate, said, now).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

/// The line of a break as it would be decided now.
async fn again(context: &Context<'_>, it: &Break) -> Result<Option<Entry>, ReconcileError> {
    let Some(line) = &it.line else { return Ok(None) };
    let Some(told) = store::line(&context.app.db, line).await? else { return Ok(None) };
    let mut entry = entries_of(context, vec![told]).await?.pop();
    // The fee of a line whose amount alone differs was booked when it was found.
    if let Some(entry) = entry.as_mut().filter(|_| it.outcome == Outcome::AmountDiffers) {
        entry.fee = 0;
    }
    Ok(entry)
}

fn is_right(entry: &Entry) -> bool {
    matches!(entry.decided.outcome, Outcome::Matched | Outcome::FeeDiffers)
}

/// Takes out of suspense what was parked, books what was not, and closes the break with it.
async fn came_right(context: &Context<'_>, it: &Break, entry: &Entry) -> Result<(), ReconcileError> {
    retrying(|| async {
        let now = context.app.now();
        let mut tx = context.app.db.begin().await?;
        if !breaks::close_itself(&mut tx, it, "the other side was asked, and both agree now", now).await? {
            return Ok(());
        }
        let parked = breaks::parked(&mut tx, &it.id).await?;
        if !parked.is_empty() {
            breaks::store::release(&mut tx, &it.id).await?;
        }
        let journals = write::book(context, &mut tx, &[entry], now).await?;
        store::mark(&mut tx, &[write::mark(entry, "closed", it.outcome, &journals)]).await?;
        let asset = if entry.land.is_empty() { entry.asset.clone() } else { Account::Bank };
        if let Some(posting) = super::postings::released(&it.tenant, &asset, &it.id, &parked, now) {
            wallets::post(&mut tx, &[posting]).await?;
        }
        tx.commit().await?;
        Ok::<_, ReconcileError>(())
    })
    .await
}

/// Asks whoever must know. `Err` when that could not be reached, or has not decided yet.
async fn ask(app: &App, it: &Break, entry: &Entry) -> Result<(), String> {
    let kind = entry.ours.as_ref().map(|ours| ours.kind);
    let payment = entry.ours.as_ref().or(entry.payment.as_ref()).and_then(|ours| ours.payment.clone());
    let asked = match (kind, &payment, &it.object) {
        (Some(ObjectKind::Charge), Some(payment), _) => charge(app, payment).await,
        (Some(ObjectKind::Refund), _, Some((_, id))) => refund(app, id).await,
        (Some(ObjectKind::RefundFailure), Some(payment), _) => refunds::look_for_returned(app, payment).await.map(drop),
        (Some(ObjectKind::Payout | ObjectKind::PayoutReturn), _, Some((_, id))) => return payout(app, id).await,
        (_, Some(payment), _) => disputes::look(app, payment).await.map(drop),
        _ => return Ok(()),
    };
    match asked {
        Ok(()) => Ok(()),
        Err(error @ PaymentError::Psp(NotDone::Unreachable { .. })) => Err(error.to_string()),
        Err(error) => {
            tracing::warn!(break_id = %it.id, error = &error as &dyn std::error::Error, "what was asked did not repair it");
            Ok(())
        }
    }
}

async fn charge(app: &App, payment: &PaymentId) -> Result<(), PaymentError> {
    ask_now(app, payment).await?;
    for asked in captures::of_payment(&app.db, payment).await? {
        if asked.status == CaptureStatus::Pending {
            captures::carry_out(app, &asked.id).await?;
        }
    }
    Ok(())
}

async fn refund(app: &App, id: &str) -> Result<(), PaymentError> {
    let Ok(id) = RefundId::parse(id) else { return Ok(()) };
    refunds::carry_out(app, &id).await.map(drop)
}

async fn payout(app: &App, id: &str) -> Result<(), String> {
    let Ok(id) = PayoutId::parse(id) else { return Ok(()) };
    match payouts::look(app, &id).await {
        Ok(crate::queue::Verdict::Again { .. }) => Err("the provider does not answer".to_owned()),
        Ok(_) => Ok(()),
        Err(PayoutError::Overtaken) => Err(PayoutError::Overtaken.to_string()),
        Err(error) => {
            tracing::warn!(payout = %id, error = &error as &dyn std::error::Error, "what was asked did not repair it");
            Ok(())
        }
    }
}
