//! Receive: a PSP's webhook is believed or refused, kept raw, and answered; the worker deals with it later.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;

use super::attempts::{self, Attempt};
use super::captures::{self, CaptureStatus};
use super::error::PaymentError;
use super::look::look;
use super::notices::{self, Notice};
use super::refunds::RefundStatus;
use super::status::AttemptState;
use super::{disputes, jobs, refunds, store};
use crate::app::App;
use crate::db::DbError;
use crate::psp::{NotDone, NoticeRefused, Psp};
use crate::queue::Verdict;
use crate::words::{PaymentId, PspEventId, pan};

/// How long a PSP that does not answer is asked what its webhook was about.
const DEADLINE: Duration = Duration::from_hours(24);

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// No PSP of that name.
    #[error("there is no PSP of that name")]
    NoPsp,
    /// Not believed.
    #[error(transparent)]
    Refused(#[from] NoticeRefused),
    /// It could not be kept, so the PSP must send it again.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Keeps a webhook of the PSP called `name`; a repeat of a kept one changes nothing.
pub async fn receive(app: &App, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), ReceiveError> {
    let psp: &Arc<dyn Psp> = app.psps.get(name).ok_or(ReceiveError::NoPsp)?;
    let now = app.now();
    let said = psp.verify_notice(headers, body, now)?;
    let notice = Notice {
        id: PspEventId::new(),
        psp: psp.name().to_owned(),
        event_id: said.event_id,
        kind: said.kind,
        psp_payment: said.psp_payment,
        payment: None,
        payout: said.payout.map(|key| key.chars().take(40).collect()),
        raw_body: without_cards(body),
        received_at: now,
        processed_at: None,
        result: None,
    };
    let mut tx = app.db.begin().await?;
    if notices::insert(&mut tx, &notice).await? {
        jobs::read_notice(&mut tx, &notice).await?;
        tx.commit().await?;
        app.wake.notify_one();
    }
    Ok(())
}

/// The bytes as they came, unless a PSP lets a card number slip: that is never kept.
fn without_cards(body: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(body) {
        Ok(text) if pan::find(text).is_some() => pan::scrub(text).into_bytes(),
        _ => body.to_vec(),
    }
}

/// Deals with a kept webhook. It only says where to look: what is true is asked from the PSP, so that webhooks which
/// come late, twice or in the wrong order change nothing.
pub async fn read_notice(app: &App, id: &PspEventId) -> Result<Verdict, PaymentError> {
    let Some(notice) = notices::get(&app.db, id).await?.filter(|notice| notice.processed_at.is_none()) else {
        return Ok(Verdict::Done);
    };
    let payment = match (&notice.payment, &notice.psp_payment) {
        (Some(payment), _) => Some(payment.clone()),
        (None, Some(psp_payment)) => store::find_at_psp(&app.db, &notice.psp, psp_payment).await?,
        (None, None) => None,
    };
    let result = match payment {
        Some(payment) => match look_at(app, &payment, &notice).await {
            Err(PaymentError::Psp(NotDone::Unreachable { reason, after })) => {
                return Ok(later(app, &notice, &reason, after));
            }
            Err(early @ PaymentError::DisputeEarly { .. }) => {
                return Ok(later(app, &notice, &early.to_string(), None));
            }
            looked => match looked? {
                Some(result) => result,
                None => return Ok(later(app, &notice, "of a refund that it was to speak of", None)),
            },
        },
        None => "no payment of ours",
    };
    let mut tx = app.db.begin().await?;
    notices::processed(&mut tx, id, app.now(), result).await?;
    tx.commit().await?;
    Ok(Verdict::Done)
}

/// A PSP that is away for a while, or wants fewer calls, is asked later: its webhook may be the only word of an attempt
/// that nobody else asks about any more. Past a day it is a person's.
fn later(app: &App, notice: &Notice, reason: &str, after: Option<Duration>) -> Verdict {
    let now = app.now();
    let age = now.since(notice.received_at);
    if age > DEADLINE {
        return Verdict::Failed { error: format!("the PSP has not answered since {}: {reason}", notice.received_at) };
    }
    let pause = (age / 2).clamp(Duration::from_secs(2), Duration::from_mins(30));
    Verdict::Again { at: now.plus(pause.max(after.unwrap_or_default())) }
}

/// A capture or void that waits to be asked about is asked about now; says whether there is one.
async fn ask_of_hold(app: &App, payment: &PaymentId) -> Result<bool, PaymentError> {
    let all = captures::of_payment(&app.db, payment).await?;
    let Some(pending) = all.iter().find(|capture| capture.status == CaptureStatus::Pending) else {
        return Ok(false);
    };
    let mut tx = app.db.begin().await?;
    jobs::capture(&mut tx, pending, app.now()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(true)
}

/// Asks about every attempt that is not known to be approved; `None` when it is too early.
async fn look_at(app: &App, payment: &PaymentId, notice: &Notice) -> Result<Option<&'static str>, PaymentError> {
    if app.psps.get(&notice.psp).is_some_and(|psp| psp.tells_of_failed_refund(&notice.kind)) {
        // The answer that a refund is done may be on its way still, older than this word that it came back. Settled after
        // it, the refund would stay done for ever.
        let of_payment = refunds::of_payment(&app.db, payment).await?;
        if of_payment.iter().any(|refund| refund.status == RefundStatus::Pending) {
            return Ok(None);
        }
        refunds::look_for_returned(app, payment).await?;
    }
    if app.psps.get(&notice.psp).is_some_and(|psp| psp.tells_of_refund(&notice.kind)) {
        refunds::ask_soon(app, payment).await?;
    }
    let of_dispute = app.psps.get(&notice.psp).is_some_and(|psp| psp.tells_of_dispute(&notice.kind));
    let asked = look_at_attempts(app, payment).await?;
    if !of_dispute {
        return Ok(Some(asked));
    }
    // After the attempts: what is contested was captured, even if its own webhook is still on the way.
    disputes::look(app, payment).await?;
    Ok(Some("asked the PSP for disputes"))
}

async fn look_at_attempts(app: &App, payment: &PaymentId) -> Result<&'static str, PaymentError> {
    let all = attempts::of_payment(&app.db, payment).await?;
    if all.is_empty() {
        return Ok("no attempt yet");
    }
    let paid = all.iter().any(|attempt| attempt.state == AttemptState::Approved);
    let mut asked = paid && ask_of_hold(app, payment).await?;
    // A decline, too, may turn out to be none, even when another card has paid since.
    let in_doubt = |it: &&Attempt| it.state != AttemptState::Approved && it.second_charge.is_none() && it.was_sent();
    for attempt in all.iter().filter(in_doubt) {
        look(app, attempt).await?;
        asked = true;
    }
    Ok(match (asked, paid) {
        (true, _) => "asked the PSP",
        (false, true) => "already paid",
        (false, false) => "no attempt reached the PSP",
    })
}
