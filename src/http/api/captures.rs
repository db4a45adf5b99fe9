//! `/v1/payments/{id}/capture` and `/cancel`: what becomes of money that a card holds.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::payments::whole;
use crate::app::App;
use crate::db::Tx;
use crate::http::extract::{Authenticated, Keyed, NoFields};
use crate::http::idempotent::{WorkError, idempotent};
use crate::http::problem::Problem;
use crate::payments::captures::{self, CaptureError, NewCapture};
use crate::payments::{self, CancelError, PaymentError, store};
use crate::words::{PaymentId, Tenant};

/// What is to be captured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    amount: Option<String>,
}

/// Takes what a card holds for a payment, all or a part of it, once; the rest is let go.
pub async fn capture(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    let new = NewCapture { payment: payment_id(&id)?, amount: request.body.amount };
    let (tenant, now, wake) = (principal.tenant.clone(), app.now(), app.wake.clone());
    let answer = idempotent(app, principal.tenant, request.once, StatusCode::OK, async move |tx| {
        captures::capture(tx, &tenant, &new, now).await.map_err(not_captured)?;
        shown(tx, &tenant, &new.payment).await
    })
    .await?;
    wake.notify_one();
    Ok(answer)
}

/// Calls a payment off: lets go what a card holds for it, or ends one that nobody has paid.
pub async fn cancel(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<NoFields>,
) -> Result<Response, Problem> {
    let id = payment_id(&id)?;
    let (tenant, now, wake, parts) = (principal.tenant.clone(), app.now(), app.wake.clone(), app.clone());
    let answer = idempotent(app, principal.tenant, request.once, StatusCode::OK, async move |tx| {
        payments::cancel(&parts, tx, &tenant, &id, now).await.map_err(not_canceled)?;
        shown(tx, &tenant, &id).await
    })
    .await?;
    wake.notify_one();
    Ok(answer)
}

async fn shown(tx: &mut Tx, tenant: &Tenant, id: &PaymentId) -> Result<Value, WorkError> {
    let payment = store::get(&mut *tx, tenant, id).await?.ok_or_else(|| Problem::not_found("payment"))?;
    Ok(whole(tx, &payment).await?)
}

fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::parse(text).map_err(|_| Problem::not_found("payment"))
}

/// What the API says when a capture is not taken on.
pub fn not_captured(error: CaptureError) -> WorkError {
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
pub fn not_canceled(error: CancelError) -> WorkError {
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

fn sentence(error: &impl ToString) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).chain(['.']).collect()).unwrap_or_default()
}
