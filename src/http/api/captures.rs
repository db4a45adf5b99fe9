//! `/v1/payments/{id}/capture` and `/cancel`: what becomes of money that a card holds.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::payments::whole;
use crate::app::App;
use crate::db::Tx;
use crate::http::extract::{Authenticated, Keyed, NoFields};
use crate::http::idempotent::{Intent, Phases, Told, WorkError, two_phase};
use crate::http::problem::{Problem, sentence};
use crate::payments::captures::{self, CaptureError, CaptureStatus, NewCapture};
use crate::payments::{self, CancelError, PaymentError, jobs, store};
use crate::queue::Verdict;
use crate::words::{CaptureId, PaymentId};

/// What is to be captured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    amount: Option<String>,
}

/// Takes what a card holds for a payment, all or a part of it, once; the rest is let go. The answer is the payment: its
/// `captures` say `pending` when the PSP does not answer in time, and a webhook or a look tells later.
pub async fn capture(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    let new = NewCapture { payment: payment_id(&id)?, amount: request.body.amount };
    let (tenant, now) = (principal.tenant.clone(), app.now());
    let phases = Phases {
        take_on: async move |tx: &mut Tx| {
            let taken = captures::capture(tx, &tenant, &new, now).await.map_err(not_captured)?;
            Ok(Intent { object: taken.id.to_string(), payment: Some(taken.payment), job: Some(jobs::CAPTURE) })
        },
        carry_out,
        tell,
    };
    Box::pin(two_phase(app, principal.tenant, request.once, StatusCode::OK, phases)).await
}

/// Calls a payment off: lets go what a card holds for it, or ends one that nobody has paid.
pub async fn cancel(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<NoFields>,
) -> Result<Response, Problem> {
    let id = payment_id(&id)?;
    let (tenant, now, parts) = (principal.tenant.clone(), app.now(), app.clone());
    let phases = Phases {
        take_on: async move |tx: &mut Tx| {
            let void = payments::cancel(&parts, tx, &tenant, &id, now).await.map_err(not_canceled)?;
            let job = void.is_some().then_some(jobs::VOID);
            let object = void.map_or_else(|| id.to_string(), |void| void.id.to_string());
            Ok(Intent { object, payment: Some(id.clone()), job })
        },
        carry_out,
        tell,
    };
    Box::pin(two_phase(app, principal.tenant, request.once, StatusCode::OK, phases)).await
}

/// What was taken on is a capture or a void, or a payment that was called off at once.
async fn carry_out(app: App, object: String) -> anyhow::Result<Verdict> {
    match CaptureId::parse(&object) {
        Ok(id) => Ok(captures::carry_out(&app, &id).await?),
        Err(_) => Ok(Verdict::Done),
    }
}

async fn tell(app: App, object: String) -> Result<Told, Problem> {
    let (id, is_final) = match CaptureId::parse(&object) {
        Ok(id) => {
            let taken = captures::find(&app.db, &id).await?.ok_or_else(|| Problem::not_found("capture"))?;
            (taken.payment, taken.status != CaptureStatus::Pending)
        }
        Err(_) => (payment_id(&object)?, true),
    };
    let payment = store::find(&app.db, &id).await?.ok_or_else(|| Problem::not_found("payment"))?;
    Ok(Told { body: whole(&app.db, &payment).await?, is_final })
}

fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::parse(text).map_err(|_| Problem::not_found("payment"))
}

/// What the API says when a capture is not taken on.
fn not_captured(error: CaptureError) -> WorkError {
    let detail = sentence(&error);
    match error {
        CaptureError::NoPayment => Problem::not_found("payment").into(),
        CaptureError::NotAuthorized(_) => Problem::conflict("payment_not_authorized", detail).into(),
        CaptureError::UnderWay(_) => Problem::conflict("payment_operation_under_way", detail).into(),
        CaptureError::TimeIsOver(_) => Problem::conflict("authorization_expired", detail).into(),
        CaptureError::BadAmount(rule) => Problem::invalid("amount", format!("`amount` {rule}.")).into(),
        CaptureError::TooMuch(_) => Problem::conflict("capture_too_large", detail).param("amount").into(),
        CaptureError::Db(error) => error.into(),
    }
}

/// What the API says when a payment is not called off.
fn not_canceled(error: CancelError) -> WorkError {
    let detail = sentence(&error);
    match error {
        CancelError::NotFound => Problem::not_found("payment").into(),
        CancelError::Over(_) => Problem::conflict("payment_not_cancelable", detail).into(),
        CancelError::Processing => Problem::conflict("payment_processing", detail).into(),
        CancelError::UnderWay(_) => Problem::conflict("payment_operation_under_way", detail).into(),
        CancelError::Payment(PaymentError::Db(error)) => error.into(),
        CancelError::Payment(error) => Problem::internal(&error).into(),
    }
}
