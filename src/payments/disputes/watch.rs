//! Watch: what is done although nobody told us. PSPs are asked for disputes whose webhook was lost, open ones are looked at
//! again, and merchants are warned before the time for evidence is over.

use std::time::Duration;

use super::learn::is_known;
use super::settle::tell;
use super::store;
use crate::app::App;
use crate::payments::error::PaymentError;
use crate::payments::{jobs, store as payments};
use crate::psp::PspDispute;
use crate::queue::Verdict;
use crate::words::DisputeId;

/// An open dispute is looked at this often.
pub(super) const LOOK: Duration = Duration::from_hours(1);
/// A PSP is asked for new disputes this often.
const LIST: Duration = Duration::from_mins(10);
/// A list begins this long before the last dispute that was told: a PSP may be slow to show what it opened.
const OVERLAP: Duration = Duration::from_hours(1);
/// Merchants are warned this long before evidence is due.
const WARNING: Duration = Duration::from_hours(48);
/// Taken on at once.
const BATCH: i64 = 200;

/// Looks for what is due and leaves jobs for it. Run by every worker every few seconds; two at once do no harm.
pub async fn watch(app: &App) -> Result<(), PaymentError> {
    let now = app.now();
    let mut left = false;
    for (dispute, payment, tenant) in store::to_look_at(&app.db, now, now.furthest(LOOK), BATCH).await? {
        let mut tx = app.db.begin().await?;
        if store::put_off(&mut tx, &dispute, now, LOOK).await? {
            jobs::look_at_disputes(&mut tx, &payment, &tenant, now).await?;
            left = true;
        }
        tx.commit().await?;
    }
    for dispute in store::unwarned(&app.db, now, now.plus(WARNING), BATCH).await? {
        left |= warn(app, &dispute).await?;
    }
    for psp in app.psps.iter() {
        if store::watched(&app.db, psp.name()).await?.is_none_or(|(_, next)| next <= now || next > now.furthest(LIST)) {
            let mut tx = app.db.begin().await?;
            if store::claim_watch(&mut tx, psp.name(), now, LIST).await? {
                jobs::list_disputes(&mut tx, psp.name(), now).await?;
                left = true;
            }
            tx.commit().await?;
        }
    }
    if left {
        app.wake.notify_one();
    }
    Ok(())
}

async fn warn(app: &App, id: &DisputeId) -> Result<bool, PaymentError> {
    let mut tx = app.db.begin().await?;
    let warned = store::warn(&mut tx, id).await?;
    if warned {
        let dispute = store::find(&mut tx, id).await?.ok_or(PaymentError::NotFound)?;
        tell(&mut tx, "dispute.evidence_due", &dispute, app.now()).await?;
    }
    tx.commit().await?;
    Ok(warned)
}

/// Asks the PSP called `name` for disputes opened since the last that it told, and leaves a look at each payment of ours whose
/// dispute is new. A PSP that does not answer is asked at the next turn, from where this one began.
pub async fn list_at_psp(app: &App, name: &str) -> Result<Verdict, PaymentError> {
    let (Some(psp), Some((until, _))) = (app.psps.get(name).cloned(), store::watched(&app.db, name).await?) else {
        return Ok(Verdict::Done);
    };
    let now = app.now();
    let mut since = until.min(now).minus(OVERLAP);
    // A PSP may cut a long list: what it did not say is asked for from where it ended, until it says no more.
    loop {
        let said = match psp.disputes_since(since).await {
            Ok(said) => said,
            Err(not_done) => {
                tracing::warn!(psp = name, error = %not_done, "the PSP does not list its disputes");
                return Ok(Verdict::Done);
            }
        };
        for dispute in &said {
            hear_of(app, name, dispute).await?;
        }
        let Some(last) = said.iter().map(|dispute| dispute.opened_at).max().filter(|last| *last > since) else {
            return Ok(Verdict::Done);
        };
        // By the PSP's dates alone: our clock may run ahead, and what is opened meanwhile must not be passed over.
        let mut tx = app.db.begin().await?;
        store::looked_until(&mut tx, name, last, now).await?;
        tx.commit().await?;
        since = last;
    }
}

/// Leaves a look at the payment of a dispute that is new to us.
async fn hear_of(app: &App, psp: &str, dispute: &PspDispute) -> Result<(), PaymentError> {
    if is_known(app, psp, &dispute.reference).await? {
        return Ok(());
    }
    let Some(id) = payments::find_at_psp(&app.db, psp, &dispute.psp_payment).await? else {
        tracing::warn!(psp, dispute = dispute.reference, "a dispute of no payment of ours");
        return Ok(());
    };
    let payment = payments::find(&app.db, &id).await?.ok_or(PaymentError::NotFound)?;
    let mut tx = app.db.begin().await?;
    jobs::look_at_disputes(&mut tx, &id, &payment.tenant, app.now()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(())
}
