//! Carry out: the job that asks the PSP to take held money or to let it go, until it is known what became of it.

use super::reading::{Became, read};
use super::{Capture, CaptureStatus, Operation, Reason, settle, store};
use crate::app::App;
use crate::payments::calls::{self, Call};
use crate::payments::error::PaymentError;
use crate::payments::repeats::{believable, no_answer};
use crate::payments::{send, store as payments};
use crate::psp::{CaptureRequest, Doubt, Hold, NotDone, Psp, VoidRequest};
use crate::queue::Verdict;
use crate::queue::retry::{Class, Next, Policies};
use crate::sabotage::Protection::CaptureKey;
use crate::words::{CallId, CaptureId, Timestamp, random_bytes};

/// Asks for `id` under its one key, and again until the PSP says what became of it.
///
/// It looks before it orders: what is done already is not ordered again, and nothing is ordered under a key that the PSP
/// has forgotten.
pub async fn carry_out(app: &App, id: &CaptureId) -> Result<Verdict, PaymentError> {
    let Some(asked) = store::find(&app.db, id).await?.filter(|asked| asked.status == CaptureStatus::Pending) else {
        return Ok(Verdict::Done);
    };
    if let Some(at) = send::told_to_wait(app, &asked.payment, asked.id.as_str()).await? {
        return Ok(Verdict::Again { at });
    }
    let payment = payments::find(&app.db, &asked.payment).await?.ok_or(PaymentError::NotFound)?;
    let psp_payment = payment.registered.ok_or(PaymentError::NotRegistered)?.psp_payment;
    let psp = app.psps.get(&asked.psp).cloned().ok_or(PaymentError::NoPsp(asked.tenant.mode.as_str()))?;
    let call = written(app, &asked).await?;
    let tries = calls::count(&app.db, &asked.payment, asked.operation.as_str(), asked.id.as_str()).await?;
    let earlier = calls::earlier(&app.db, &asked.payment, asked.operation.as_str(), asked.id.as_str(), &call).await?;
    let heard = order(app, psp.as_ref(), &asked, psp_payment, tries).await;
    let became = match read(&asked, &heard) {
        Became::Failed { code } if !settles(app, &asked, earlier) => Became::Unknown {
            reason: format!("refused ({code}), and an earlier call may still arrive"),
            class: Class::Unclear { after: None },
        },
        became => became,
    };
    let after = match became {
        Became::Done { reference } => {
            Capture { psp_reference: reference, ..ended(app, &asked, CaptureStatus::Succeeded) }
        }
        Became::Failed { code } => Capture { failure_code: Some(code), ..ended(app, &asked, CaptureStatus::Failed) },
        Became::Gone => Capture {
            failure_code: Some(Reason::ReleasedByPsp.as_str().to_owned()),
            ..ended(app, &asked, CaptureStatus::Failed)
        },
        Became::Unknown { reason, class } => {
            send::note_and_wait(app, &call, &format!("not known: {reason}"), class.asked_to_wait()).await?;
            return Ok(later(app, &asked, tries, class));
        }
        Became::Contradiction(error) => {
            send::note(app, &call, &error).await?;
            return Ok(Verdict::Failed { error });
        }
    };
    settle::settle(app, &call, &after).await?;
    Ok(Verdict::Done)
}

/// The end of a hold's time is not given up at a refusal: what nobody can capture any more must be let go.
fn settles(app: &App, asked: &Capture, earlier: Option<Timestamp>) -> bool {
    asked.reason != Some(Reason::AuthorizationExpired) && believable(earlier, app.now())
}

fn ended(app: &App, asked: &Capture, status: CaptureStatus) -> Capture {
    Capture { status, settled_at: Some(app.now()), ..asked.clone() }
}

/// The first time it orders at once; afterwards it looks first.
async fn order(app: &App, psp: &dyn Psp, asked: &Capture, psp_payment: String, tries: u32) -> Result<Hold, NotDone> {
    if tries > 1 {
        match psp.look_up_hold(&psp_payment).await.map_err(no_answer)? {
            Hold::Held => {}
            known => return Ok(known),
        }
        let age = app.now().since(asked.created_at);
        if psp.key_lifetime().is_some_and(|lifetime| age >= lifetime) {
            return Ok(Hold::Unknown(Doubt::of("still held, and too old to be ordered again")));
        }
    }
    let key = if CaptureKey.is_absent() { CallId::new().to_string() } else { asked.id.to_string() };
    let amount = asked.amount;
    match asked.operation {
        Operation::Capture => psp.capture(&CaptureRequest { psp_payment, amount, key }).await,
        Operation::Void => psp.void(&VoidRequest { psp_payment, key }).await,
    }
}

async fn written(app: &App, asked: &Capture) -> Result<CallId, PaymentError> {
    let call = Call {
        id: CallId::new(),
        tenant: asked.tenant.clone(),
        payment: asked.payment.clone(),
        attempt: None,
        operation: asked.operation.as_str().to_owned(),
        psp: asked.psp.clone(),
        psp_key: asked.id.to_string(),
        sent_at: app.now(),
        answered_at: None,
        result: None,
    };
    let mut tx = app.db.begin().await?;
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;
    Ok(call.id)
}

/// Again, as `[retry]` says; past the deadline or the last try it fails, so that a person gets it. Nothing else is asked
/// of the hold meanwhile.
fn later(app: &App, asked: &Capture, tries: u32, class: Class) -> Verdict {
    let now = app.now();
    let Capture { psp, created_at, .. } = asked;
    if now > asked.deadline_at {
        return Verdict::Failed { error: format!("asked of {psp} at {created_at}, still not known past its deadline") };
    }
    let policies = Policies::from(app.config.retries_at(psp).capture);
    match policies.after(class, tries, u32::from_ne_bytes(random_bytes())) {
        Next::After(wait) => Verdict::Again { at: now.plus(wait) },
        Next::GiveUp => {
            Verdict::Failed { error: format!("asked of {psp} since {created_at}, not known after {tries} tries") }
        }
    }
}
