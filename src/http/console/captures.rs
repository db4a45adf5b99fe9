//! What an operator does about a payment: capture what a card holds for it, or call it off.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::form::{Posted, PostedWith};
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::db::{Db, DbError, Tx};
use crate::operators::{NewEntry, record};
use crate::payments::captures::{self, Capture, CaptureError, CaptureStatus, NewCapture};
use crate::payments::{self, CancelError, Payment, PaymentError, store};
use crate::words::{CaptureId, PaymentId};

/// How long the page waits for the PSP's answer; the work goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// An amount, as typed; grouping commas are people's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    amount: String,
}

/// `POST /console/payments/{id}/capture`
pub async fn capture(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let payment = found(&app.db, &id).await?;
    let amount = typed.amount.trim().replace(',', "");
    let new = NewCapture { payment: payment.id.clone(), amount: Some(amount.clone()) };
    let mut tx = app.db.begin().await?;
    let asked = match captures::capture(&mut tx, &payment.tenant, &new, app.now()).await {
        Ok(asked) => asked,
        Err(CaptureError::Db(error)) => return Err(error.into()),
        Err(CaptureError::BadAmount(_) | CaptureError::TooMuch(_)) => return Ok(back(&payment.id, "refused=amount")),
        Err(_) => return Ok(back(&payment.id, "refused=state")),
    };
    noted(&mut tx, &app, &who, "payment.capture", &payment, &asked.amount.to_string()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    outcome(&app, &asked).await
}

/// `POST /console/payments/{id}/cancel`
pub async fn cancel(State(app): State<App>, Path(id): Path<String>, Posted(who): Posted) -> Result<Response, Refusal> {
    let payment = found(&app.db, &id).await?;
    let mut tx = app.db.begin().await?;
    let void = match payments::cancel(&app, &mut tx, &payment.tenant, &payment.id, app.now()).await {
        Ok(void) => void,
        Err(CancelError::Payment(PaymentError::Db(error))) => return Err(error.into()),
        Err(CancelError::Payment(error)) => return Err(Refusal::broken(&error)),
        Err(_) => return Ok(back(&payment.id, "refused=state")),
    };
    noted(&mut tx, &app, &who, "payment.cancel", &payment, payment.status.as_str()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    match void {
        Some(void) => outcome(&app, &void).await,
        None => Ok(back(&payment.id, "done=canceled")),
    }
}

/// Back to the payment, once the worker knows what the PSP says, or without that.
async fn outcome(app: &App, asked: &Capture) -> Result<Response, Refusal> {
    let waiting = async {
        loop {
            match standing(&app.db, &asked.id).await? {
                CaptureStatus::Pending => tokio::time::sleep(LOOK).await,
                known => return Ok::<_, DbError>(known),
            }
        }
    };
    let known = tokio::time::timeout(PATIENCE, waiting).await.unwrap_or(Ok(CaptureStatus::Pending))?;
    Ok(back(&asked.payment, &format!("done={}_{}", asked.operation.as_str(), known.as_str())))
}

async fn standing(db: &Db, id: &CaptureId) -> Result<CaptureStatus, DbError> {
    Ok(captures::find(db, id).await?.map_or(CaptureStatus::Failed, |asked| asked.status))
}

fn back(id: &PaymentId, how: &str) -> Response {
    Redirect::to(&format!("/console/payments/{id}?{how}")).into_response()
}

async fn noted(
    tx: &mut Tx,
    app: &App,
    who: &SignedIn,
    action: &'static str,
    payment: &Payment,
    what: &str,
) -> Result<(), DbError> {
    let entry = NewEntry::new(action, &who.address, app.now()).by(&who.operator.id).about(payment.id.as_str());
    let note = format!("{what} of {} {}", payment.amount, payment.amount.currency());
    record(tx, &NewEntry { note, ..entry }).await
}

async fn found(db: &Db, id: &str) -> Result<Payment, Refusal> {
    let id = PaymentId::parse(id).map_err(|_| Refusal::NotFound("payment"))?;
    store::find(db, &id).await?.ok_or(Refusal::NotFound("payment"))
}

/// What the last click did, or why nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Clicked {
    done: String,
    refused: String,
}

impl Clicked {
    /// In words; none when nobody clicked.
    pub fn notice(&self) -> Option<String> {
        let words = match (self.done.as_str(), self.refused.as_str()) {
            ("capture_succeeded", _) => "The money is taken.",
            ("void_succeeded", _) => "The money is let go and the payment is canceled.",
            ("canceled", _) => "The payment is canceled: nobody can pay it any more.",
            ("capture_pending" | "void_pending", _) => {
                "The PSP has not answered yet. It is asked until it does; nothing else can be asked of this hold meanwhile."
            }
            ("capture_failed" | "void_failed", _) => {
                "The PSP refused: see what it says below. The money is still held."
            }
            (_, "amount") => {
                "Nothing was done: the amount is not one of this currency, is nothing, or is more than is held."
            }
            (_, "state") => {
                "Nothing was done: the payment changed meanwhile, or another order to the PSP is under way."
            }
            _ => return None,
        };
        Some(words.to_owned())
    }
}
