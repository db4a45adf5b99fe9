//! Settle: the one place where what was heard of an attempt becomes state, books and events, all in one transaction.
//!
//! The browser's return, the PSP's webhook, the recover job and reconciliation all end here; whoever comes second finds
//! it done.

use super::approve::approve;
use super::attempts::{self, Attempt};
use super::error::PaymentError;
use super::payment::{Order, Payment};
use super::status::{AttemptState, OrderStatus, PaymentStatus};
use super::{calls, late, second_charge, store, view};
use crate::app::App;
use crate::db::{Tx, retrying};
use crate::events::{self, NewEvent};
use crate::psp::Outcome;
use crate::sabotage::GAP;
use crate::sabotage::Protection::{PaymentEvent, SettleBooks, SettleTransaction};
use crate::wallets;
use crate::words::{AttemptId, CallId, Timestamp};

/// What was heard of an attempt.
#[derive(Debug, Clone)]
pub struct Heard<'a> {
    /// Of which attempt.
    pub attempt: &'a AttemptId,
    /// What.
    pub outcome: &'a Outcome,
}

/// Settles one attempt in a transaction of its own; says whether it changed anything.
pub async fn settle(app: &App, attempt: &AttemptId, outcome: &Outcome) -> Result<bool, PaymentError> {
    answered(app, attempt, outcome, None).await
}

/// As [`settle`], and closes the record of the `call` that brought it in the same transaction.
pub(super) async fn answered(
    app: &App,
    attempt: &AttemptId,
    outcome: &Outcome,
    call: Option<&CallId>,
) -> Result<bool, PaymentError> {
    let settled = retrying(|| async {
        let (mut tx, now) = (app.db.begin().await?, app.now());
        if let Some(call) = call {
            calls::answered(&mut tx, call, now, outcome.summary()).await?;
            if let Outcome::Unknown(doubt) = outcome {
                calls::wait(&mut tx, call, doubt.after.map(|after| now.plus(after))).await?;
            }
        }
        let changed = settle_all(app, &mut tx, &[Heard { attempt, outcome }], now).await?;
        tx.commit().await?;
        Ok::<_, PaymentError>(changed > 0)
    })
    .await;
    let changed = match (settled, outcome) {
        (Err(PaymentError::SecondCharge { attempt }), Outcome::Approved(approval)) => {
            second_charge::keep(app, &attempt, approval, call).await?
        }
        (settled, _) => settled?,
    };
    if changed {
        app.wake.notify_one();
    }
    Ok(changed)
}

/// Settles many attempts in one transaction; says how many changed.
///
/// On an error nothing of the transaction may be committed. The wallets, which payments of one seller share, are touched
/// last.
pub async fn settle_all(app: &App, tx: &mut Tx, heard: &[Heard<'_>], now: Timestamp) -> Result<usize, PaymentError> {
    let mut changed = 0;
    let (mut sales, mut unwanted) = (Vec::new(), Vec::new());
    for Heard { attempt, outcome } in heard {
        let before = attempts::get(&mut *tx, attempt).await?.ok_or(PaymentError::NotFound)?;
        let Some(state) = before.state.after(outcome) else { continue };
        let after = become_(&before, state, outcome, now);
        change(tx, &before, &after).await?;
        let payment = store::find(&mut *tx, &before.payment).await?.ok_or(PaymentError::NotFound)?;
        match (state, outcome) {
            (AttemptState::Approved, Outcome::Approved(approval)) => {
                let approved = approve(app, tx, payment, &after, approval, now).await?;
                sales.extend(approved.sales);
                unwanted.extend(approved.unwanted);
            }
            (AttemptState::Declined, _) => decline(tx, payment, &after, now).await?,
            _ => {}
        }
        changed += 1;
    }
    if !sales.is_empty() && !SettleBooks.is_absent() {
        in_one(tx).await?;
        wallets::post(tx, &sales).await?;
    }
    for payment in &unwanted {
        late::give_back(tx, payment, now).await?;
    }
    Ok(changed)
}

/// Keeps state, event and books in one transaction: does nothing, unless that protection is taken out.
async fn in_one(tx: &mut Tx) -> Result<(), PaymentError> {
    if SettleTransaction.is_absent() {
        tx.tear(GAP).await?;
    }
    Ok(())
}

/// Writes what the attempt has become. The index that allows one approved attempt tells a second charge.
async fn change(tx: &mut Tx, before: &Attempt, after: &Attempt) -> Result<(), PaymentError> {
    match attempts::change(tx, after, before.state).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(PaymentError::Overtaken),
        Err(error) if error.is_unique_violation() => Err(PaymentError::SecondCharge { attempt: after.id.clone() }),
        Err(error) => Err(error.into()),
    }
}

/// The attempt with what was heard written into it.
fn become_(before: &Attempt, state: AttemptState, outcome: &Outcome, now: Timestamp) -> Attempt {
    let mut after = Attempt { state, action_url: None, note: None, ..before.clone() };
    match outcome {
        Outcome::Approved(approval) => {
            after.psp_reference = Some(approval.reference.clone());
            after.card = approval.card.clone().or(after.card);
            (after.decline, after.psp_code) = (None, None);
            after.settled_at = Some(now);
        }
        Outcome::Declined(decline) => {
            after.decline = Some(decline.code);
            after.psp_code = Some(decline.psp_code.clone());
            after.card = decline.card.clone().or(after.card);
            after.settled_at = Some(now);
        }
        Outcome::ActionRequired { url, card } => {
            after.action_url = Some(url.to_string());
            after.card = card.clone().or(after.card);
        }
        Outcome::Unknown(doubt) => after.note = Some(doubt.reason.clone()),
        Outcome::Pending => {}
    }
    after
}

/// Declined: a shopper may try another card; with a saved card there is nobody who could.
async fn decline(tx: &mut Tx, mut payment: Payment, attempt: &Attempt, now: Timestamp) -> Result<(), PaymentError> {
    let (to, orders) = match payment.checkout {
        Some(_) => (PaymentStatus::RequiresPayment, OrderStatus::NotStarted),
        None => (PaymentStatus::Failed, OrderStatus::Failed),
    };
    if store::move_to(tx, &payment.id, PaymentStatus::Processing, to, now).await? {
        store::move_orders(tx, &payment.id, orders, now).await?;
        payment.status = to;
    }
    let orders = store::orders(&mut *tx, &payment.id).await?;
    let kind = if to == PaymentStatus::Failed { "payment.failed" } else { "payment.attempt_declined" };
    tell(tx, kind, &payment, &orders, attempt, now).await
}

/// Appends `kind` with the payment and the one attempt that it is about.
pub(super) async fn tell(
    tx: &mut Tx,
    kind: &'static str,
    payment: &Payment,
    orders: &[Order],
    attempt: &Attempt,
    now: Timestamp,
) -> Result<(), PaymentError> {
    if PaymentEvent.is_absent() {
        return Ok(());
    }
    in_one(tx).await?;
    let data = view::view(payment, orders, std::slice::from_ref(attempt), &[]);
    let object_id = payment.id.as_str();
    events::append(tx, NewEvent { tenant: &payment.tenant, kind, object_id, data, now }).await?;
    Ok(())
}
