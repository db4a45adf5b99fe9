//! Charge: the job behind a payment with a saved card. Makes it known to the PSP, orders the money, and leaves nothing that
//! waits for a shopper.

use std::time::Duration;

use crate::app::App;
use crate::db::retrying;
use crate::events::{self, NewEvent};
use crate::payments::error::PaymentError;
use crate::payments::execute::charge_now;
use crate::payments::look::abandon;
use crate::payments::payment::Payment;
use crate::payments::status::{AttemptState, OrderStatus, PaymentStatus};
use crate::payments::{attempts, look_again, register, store, view};
use crate::psp::NotDone;
use crate::queue::Verdict;
use crate::words::PaymentId;

/// A PSP that cannot be reached is tried for so long; then the charge has failed, and surely took nothing.
const DEADLINE: Duration = Duration::from_mins(15);
/// Between two tries.
const PAUSE: Duration = Duration::from_secs(30);

/// Carries out the charge `id`, as far as it is not carried out; done again it takes nothing twice.
pub async fn charge(app: &App, id: &PaymentId) -> Result<Verdict, PaymentError> {
    let payment = store::find(&app.db, id).await?.ok_or(PaymentError::NotFound)?;
    let Some(method) = payment.payment_method.clone().filter(|_| payment.checkout.is_none()) else {
        return Ok(Verdict::Done);
    };
    match payment.status {
        PaymentStatus::RequiresPayment => {}
        PaymentStatus::Processing => {
            // Whoever sent the attempt was not heard of again. `recover` asks too; whoever is first settles it.
            look_again(app, id).await?;
            return Ok(Verdict::Done);
        }
        _ => return Ok(Verdict::Done),
    }
    let now = app.now();
    let sent = match register(app, id).await {
        Ok(_) => charge_now(app, id, &method).await,
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => leave_nothing_open(app, id).await?,
        // The money was surely not taken, and what was ordered already is sent again by whoever finds it.
        Err(PaymentError::Psp(NotDone::Unreachable { after, .. })) if now.since(payment.created_at) < DEADLINE => {
            return Ok(Verdict::Again { at: now.plus(PAUSE.max(after.unwrap_or_default())) });
        }
        Err(PaymentError::Psp(_) | PaymentError::Detached | PaymentError::NoPsp(_)) => fail(app, &payment).await?,
        Err(other) => return Err(other),
    }
    Ok(Verdict::Done)
}

/// A challenge has nobody to answer it: it is given up at the PSP, which says what stands.
async fn leave_nothing_open(app: &App, id: &PaymentId) -> Result<(), PaymentError> {
    match attempts::latest(&app.db, id).await? {
        Some(attempt) if attempt.state == AttemptState::ActionRequired => abandon(app, &attempt).await,
        _ => Ok(()),
    }
}

/// Ends a charge that was never ordered.
async fn fail(app: &App, payment: &Payment) -> Result<(), PaymentError> {
    retrying(|| async {
        let (mut tx, now) = (app.db.begin().await?, app.now());
        let (was, to) = (PaymentStatus::RequiresPayment, PaymentStatus::Failed);
        if store::move_to(&mut tx, &payment.id, was, to, now).await? {
            store::move_orders(&mut tx, &payment.id, OrderStatus::Failed, now).await?;
            let failed = store::find(&mut tx, &payment.id).await?.ok_or(PaymentError::NotFound)?;
            let orders = store::orders(&mut tx, &payment.id).await?;
            let (data, object_id) = (view(&failed, &orders, &[], &[]), payment.id.as_str());
            let kind = "payment.failed";
            events::append(&mut tx, NewEvent { tenant: &payment.tenant, kind, object_id, data, now }).await?;
            tx.commit().await?;
        }
        Ok::<_, PaymentError>(())
    })
    .await?;
    app.wake.notify_one();
    Ok(())
}
