//! Carry out: the job that asks the PSP for a refund until it is known what became of it, and settles it once.

use super::look::{LOOK, look};
use super::order::{ORDER, Ordered, order};
use super::reading::{Became, read};
use super::settle::{Settled, settle};
use super::{Refund, RefundStatus, come_back, of_payment, store};
use crate::app::App;
use crate::db::retrying;
use crate::payments::error::PaymentError;
use crate::payments::repeats::no_answer;
use crate::payments::{calls, jobs, send};
use crate::psp::{Finding, RefundOutcome};
use crate::queue::Verdict;
use crate::queue::retry::{Class, Next, Policies};
use crate::sabotage::Protection::{LookFirst, RefundKey};
use crate::words::{CallId, PaymentId, RefundId, random_bytes};

/// Asks for the refund `id` under its one key, and again until the PSP says done or failed.
///
/// It looks before it orders again: a refund that is found is not ordered twice, and none under a key that the PSP has
/// forgotten. One that has failed is only looked for: a call that was thought lost may have arrived after all.
pub async fn carry_out(app: &App, id: &RefundId) -> Result<Verdict, PaymentError> {
    let Some(refund) = store::find(&app.db, id).await? else { return Ok(Verdict::Done) };
    if let Some(at) = send::told_to_wait(app, &refund.payment, refund.id.as_str()).await? {
        return Ok(Verdict::Again { at });
    }
    if refund.never_was_done() {
        return look_for_late(app, &refund).await;
    }
    if refund.status != RefundStatus::Pending {
        return Ok(Verdict::Done);
    }
    let (call, became) = match heard(app, &refund).await? {
        Ordered::Heard(call, became) => (call, became),
        Ordered::Settled => return Ok(Verdict::Done),
    };
    match became {
        Became::Unknown { reason, class } => {
            if let Some(call) = &call {
                send::note_and_wait(app, call, &format!("not known: {reason}"), class.asked_to_wait()).await?;
            }
            later(app, &refund, class).await
        }
        Became::Failed { code } => ended(app, call, &refund, Err(code)).await,
        Became::Done { reference, returned } => {
            let verdict = ended(app, call, &refund, Ok(reference)).await?;
            if let Some(code) = returned {
                come_back(app, &refund.tenant, &refund.id, &code).await?;
            }
            Ok(verdict)
        }
    }
}

/// Leaves a look for each refund of a payment that is not known to be done: the PSP says that it made one.
pub async fn ask_soon(app: &App, payment: &PaymentId) -> Result<(), PaymentError> {
    let of_payment = of_payment(&app.db, payment).await?;
    let open = |refund: &&Refund| refund.status == RefundStatus::Pending || refund.never_was_done();
    let open: Vec<&Refund> = of_payment.iter().filter(open).collect();
    if open.is_empty() {
        return Ok(());
    }
    retrying(|| async {
        let mut tx = app.db.begin().await?;
        for refund in &open {
            jobs::refund(&mut tx, refund, app.now()).await?;
        }
        tx.commit().await
    })
    .await?;
    app.wake.notify_one();
    Ok(())
}

/// First look, then order; what nobody has ordered yet is ordered at once.
async fn heard(app: &App, refund: &Refund) -> Result<Ordered, PaymentError> {
    let key = if RefundKey.is_absent() { CallId::new().to_string() } else { refund.id.to_string() };
    if LookFirst.is_absent() || !was_ordered(app, refund).await? {
        return order(app, refund, key).await;
    }
    match look(app, refund, &key).await? {
        Err(not_done) => Ok(Ordered::Heard(None, read(Err(no_answer(not_done))))),
        Ok(Finding::Found(outcome)) => Ok(Ordered::Heard(None, read(Ok(outcome)))),
        Ok(Finding::NotFound) if is_forgotten(app, refund) => {
            let reason = "not found, and too old to be ordered again".to_owned();
            Ok(Ordered::Heard(None, Became::Unknown { reason, class: Class::Unclear { after: None } }))
        }
        Ok(Finding::NotFound) => order(app, refund, key).await,
    }
}

async fn was_ordered(app: &App, refund: &Refund) -> Result<bool, PaymentError> {
    Ok(calls::count(&app.db, &refund.payment, ORDER, refund.id.as_str()).await? > 0)
}

fn is_forgotten(app: &App, refund: &Refund) -> bool {
    let age = app.now().since(refund.created_at);
    app.psps.get(&refund.psp).and_then(|psp| psp.key_lifetime()).is_some_and(|lifetime| age >= lifetime)
}

/// Writes how it ended, by the PSP's name for it or by why it failed, and closes the call that said so.
async fn ended(
    app: &App,
    call: Option<CallId>,
    refund: &Refund,
    how: Result<String, String>,
) -> Result<Verdict, PaymentError> {
    let now = app.now();
    let status = if how.is_ok() { RefundStatus::Succeeded } else { RefundStatus::Failed };
    let after = Refund {
        status,
        succeeded_at: how.is_ok().then_some(now),
        psp_reference: how.clone().ok(),
        failure_code: how.err(),
        settled_at: Some(now),
        ..refund.clone()
    };
    let settled = retrying(|| async {
        let mut tx = app.db.begin().await?;
        if let Some(call) = &call {
            calls::answered(&mut tx, call, now, after.status.as_str()).await?;
        }
        let settled = settle(&mut tx, &after, now).await?;
        tx.commit().await?;
        Ok::<_, PaymentError>(settled)
    })
    .await?;
    app.wake.notify_one();
    match settled {
        Settled::Agrees => Ok(Verdict::Done),
        Settled::Contradicts => Err(contradiction(refund)),
    }
}

/// Asks about a refund that has failed here. That it was done all the same is for a person, as long as it is so.
async fn look_for_late(app: &App, refund: &Refund) -> Result<Verdict, PaymentError> {
    if !was_ordered(app, refund).await? {
        return Ok(Verdict::Done);
    }
    match look(app, refund, refund.id.as_str()).await? {
        Ok(Finding::Found(RefundOutcome::Done { .. })) => Err(contradiction(refund)),
        Ok(_) => Ok(Verdict::Done),
        Err(not_done) => later(app, refund, send::class(&no_answer(not_done))).await,
    }
}

fn contradiction(refund: &Refund) -> PaymentError {
    PaymentError::RefundContradiction { psp: refund.psp.clone(), refund: refund.id.clone() }
}

/// Again, as `[retry]` says; past the deadline or the last try it fails, so that a person gets it. The money stays held meanwhile.
async fn later(app: &App, refund: &Refund, class: Class) -> Result<Verdict, PaymentError> {
    let now = app.now();
    let Refund { psp, created_at, .. } = refund;
    if now > refund.deadline_at {
        let error = format!("asked of {psp} at {created_at}, still not known past its deadline");
        return Ok(Verdict::Failed { error });
    }
    // Every try but the first begins with a look.
    let (payment, key) = (&refund.payment, refund.id.as_str());
    let looks = calls::count(&app.db, payment, LOOK, key).await?;
    let tries = calls::count(&app.db, payment, ORDER, key).await?.max(looks.saturating_add(1));
    let policies = Policies::from(app.config.retries_at(psp).refund);
    Ok(match policies.after(class, tries, u32::from_ne_bytes(random_bytes())) {
        Next::After(wait) => Verdict::Again { at: now.plus(wait) },
        Next::GiveUp => {
            Verdict::Failed { error: format!("asked of {psp} since {created_at}, not known after {tries} tries") }
        }
    })
}
