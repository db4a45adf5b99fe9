//! Register: make the payment known to the PSP and keep the token it gives, before the shopper sees a card form.

use super::calls::{self, Call};
use super::error::PaymentError;
use super::payment::Payment;
use super::send::insist;
use super::status::PaymentStatus;
use super::store;
use crate::app::App;
use crate::checkout::Capture;
use crate::psp::{NotDone, Psp, RegisterRequest, Registered};
use crate::queue::retry::Policies;
use crate::words::{CallId, PaymentId};

/// Registers `id` with the PSP that takes new payments, once: whoever comes later gets what was kept.
///
/// The PSP's idempotency key is made of the payment's and its first order's id, so a lost answer is asked for again, not
/// registered twice. A PSP that does not answer is asked again at once, as often as `[retry]` says.
pub async fn register(app: &App, id: &PaymentId) -> Result<Registered, PaymentError> {
    let payment = store::find(&app.db, id).await?.ok_or(PaymentError::NotFound)?;
    if let Some(registered) = payment.registered {
        return Ok(registered);
    }
    if payment.status != PaymentStatus::RequiresPayment {
        return Err(PaymentError::NotRegistered);
    }
    let mode = payment.tenant.mode;
    // A saved card is known to its own PSP alone.
    let psp = match &payment.psp {
        Some(name) => app.psps.get(name),
        None => app.psps.taking(mode),
    };
    let psp = psp.ok_or(PaymentError::NoPsp(mode.as_str()))?.clone();
    let request = request(app, &payment).await?;
    let call = call(&payment, psp.name(), &request.key, app);
    let mut tx = app.db.begin().await?;
    calls::sent(&mut tx, &call).await?;
    tx.commit().await?;

    let policies = Policies::from(app.config.retries_at(psp.name()).register);
    let answer = insist(policies, psp.name(), || psp.register(&request)).await;
    keep(app, &payment, psp.as_ref(), &call.id, answer).await
}

async fn keep(
    app: &App,
    payment: &Payment,
    psp: &dyn Psp,
    call: &CallId,
    answer: Result<Registered, NotDone>,
) -> Result<Registered, PaymentError> {
    let now = app.now();
    let mut tx = app.db.begin().await?;
    let result = answer.as_ref().map_or_else(ToString::to_string, |_| "registered".to_owned());
    calls::answered(&mut tx, call, now, &result).await?;
    if let Ok(registered) = &answer {
        store::keep_registration(&mut tx, &payment.id, psp.name(), registered, now).await?;
    }
    tx.commit().await?;
    Ok(answer?)
}

async fn request(app: &App, payment: &Payment) -> Result<RegisterRequest, PaymentError> {
    let orders: Vec<_> = store::orders(&app.db, &payment.id).await?.into_iter().map(|order| order.id).collect();
    let first = orders.first().ok_or(PaymentError::NotFound)?;
    // The ids of its orders make the key this payment's alone.
    let key = format!("{}.{first}.register", payment.id);
    let description = payment.description.clone();
    let hold = payment.capture == Capture::Manual;
    Ok(RegisterRequest { payment: payment.id.clone(), orders, amount: payment.amount, hold, description, key })
}

fn call(payment: &Payment, psp: &str, key: &str, app: &App) -> Call {
    Call {
        id: CallId::new(),
        tenant: payment.tenant.clone(),
        payment: payment.id.clone(),
        attempt: None,
        operation: "register".to_owned(),
        psp: psp.to_owned(),
        psp_key: key.to_owned(),
        sent_at: app.now(),
        answered_at: None,
        result: None,
    }
}
