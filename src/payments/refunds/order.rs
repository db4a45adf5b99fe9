//! Order: a refund is asked of the PSP. That it may be is decided in the transaction that writes the order down.

use super::look::{new_call, psp_of};
use super::reading::{Became, read};
use super::settle::settle;
use super::{Refund, RefundStatus, store};
use crate::app::App;
use crate::db::retrying;
use crate::payments::error::PaymentError;
use crate::payments::payment::Payment;
use crate::payments::repeats::believable;
use crate::payments::{calls, store as payments};
use crate::psp::RefundRequest;
use crate::queue::retry::Class;
use crate::words::{CallId, Timestamp};

/// The name of these calls.
pub(super) const ORDER: &str = "refund";

/// What came of the wish to order a refund.
pub(super) enum Ordered {
    /// It is settled: by somebody else, or here, because the payment is contested.
    Settled,
    /// The call that was made, if one was, and what is known after it.
    Heard(Option<CallId>, Became),
}

/// What may be done about a refund that the PSP does not have.
enum Begun {
    Settled,
    Waits,
    Call { id: CallId, earlier: Option<Timestamp> },
}

/// Orders `refund` under `key`. A refusal is believed when no order before it can still arrive; otherwise the shopper could
/// have the money of that one, and the seller too.
pub(super) async fn order(app: &App, refund: &Refund, key: String) -> Result<Ordered, PaymentError> {
    let (psp, psp_payment) = psp_of(app, refund).await?;
    let (id, earlier) = match begin(app, refund).await? {
        Begun::Settled => return Ok(Ordered::Settled),
        Begun::Waits => {
            let reason = "the payment is contested, and an earlier call may still arrive".to_owned();
            return Ok(Ordered::Heard(None, Became::Unknown { reason, class: Class::Unclear { after: None } }));
        }
        Begun::Call { id, earlier } => (id, earlier),
    };
    let request = RefundRequest { psp_payment, charge: refund.charge.clone(), amount: refund.amount, key };
    let became = match read(psp.refund(&request).await) {
        Became::Failed { code } if !believable(earlier, app.now()) => Became::Unknown {
            reason: format!("refused ({code}), and an earlier call may still arrive"),
            class: Class::Unclear { after: None },
        },
        became => became,
    };
    Ok(Ordered::Heard(Some(id), became))
}

/// Whether it may be ordered as far as the shopper's bank is concerned. Nobody says which of two charges a bank contests.
fn may_go(refund: &Refund, payment: &Payment) -> bool {
    match refund.attempt {
        Some(_) => payment.disputed.is_zero(),
        None => payment.refunded.minor().saturating_add(payment.disputed.minor()) <= payment.captured.minor(),
    }
}

/// Writes down that it is being ordered, unless the payment is contested by now: given back as well, it would be lost twice.
/// A dispute changes the payment's row, which is held here, so it comes before this decision or after the order.
async fn begin(app: &App, refund: &Refund) -> Result<Begun, PaymentError> {
    retrying(|| async {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        payments::lock(&mut tx, &refund.payment, now).await?;
        let pending = store::find(&mut tx, &refund.id).await?.filter(|known| known.status == RefundStatus::Pending);
        let Some(pending) = pending else { return Ok(Begun::Settled) };
        let call = new_call(&pending, ORDER, now);
        let earlier = calls::earlier(&mut tx, &call.payment, ORDER, &call.psp_key, &call.id).await?;
        let payment = payments::find(&mut tx, &refund.payment).await?.ok_or(PaymentError::NotFound)?;
        if may_go(&pending, &payment) {
            calls::sent(&mut tx, &call).await?;
            tx.commit().await?;
            return Ok(Begun::Call { id: call.id, earlier });
        }
        if !believable(earlier, now) {
            return Ok(Begun::Waits);
        }
        let failure_code = Some("payment_disputed".to_owned());
        let failed = Refund { status: RefundStatus::Failed, failure_code, settled_at: Some(now), ..pending };
        settle(&mut tx, &failed, now).await?;
        tx.commit().await?;
        app.wake.notify_one();
        Ok::<_, PaymentError>(Begun::Settled)
    })
    .await
}
