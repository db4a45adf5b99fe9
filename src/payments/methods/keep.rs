//! Keep: a card that has paid is saved if the shopper agreed to it, and forgotten when the merchant says so.

use super::{PaymentMethod, store, view};
use crate::app::App;
use crate::db::{DbError, Tx};
use crate::events::{self, NewEvent};
use crate::payments::attempts::Attempt;
use crate::payments::error::PaymentError;
use crate::payments::payment::Payment;
use crate::psp::Approval;
use crate::words::{PaymentMethodId, Secret, Tenant, Timestamp};

/// Saves the card behind an approval, in the transaction that settles it, if that was asked for and the PSP gave a token.
pub(in crate::payments) async fn keep(
    app: &App,
    tx: &mut Tx,
    payment: &mut Payment,
    attempt: &Attempt,
    approval: &Approval,
    now: Timestamp,
) -> Result<(), PaymentError> {
    let (true, Some(token), Some(card)) = (payment.save_payment_method, &approval.saved, &attempt.card) else {
        return Ok(());
    };
    let method = PaymentMethod {
        id: PaymentMethodId::new(),
        tenant: payment.tenant.clone(),
        psp: attempt.psp.clone(),
        card: card.clone(),
        customer_email: payment.customer_email.clone(),
        payment: payment.id.clone(),
        created_at: now,
        detached_at: None,
    };
    // Exposed to be sealed: the database never sees it in clear.
    if store::insert(tx, &method, app.keyring.seal(token.expose().as_bytes())?).await? {
        tell(tx, "payment_method.attached", &method, now).await?;
        payment.payment_method = Some(method.id);
    }
    Ok(())
}

/// The PSP's token for the saved card that `payment` is charged to.
pub(in crate::payments) async fn token(app: &App, payment: &Payment) -> Result<Secret<String>, PaymentError> {
    let id = payment.payment_method.as_ref().ok_or(PaymentError::Detached)?;
    let sealed = store::sealed(&app.db, id).await?.ok_or(PaymentError::Detached)?;
    let plain = app.keyring.open(&sealed)?;
    String::from_utf8(plain.expose().clone()).map(Secret::new).map_err(|_| PaymentError::BadMethod)
}

/// Forgets a saved card's token for good; detaching it again changes nothing. `None` when the tenant has no such card.
pub async fn detach(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &PaymentMethodId,
    now: Timestamp,
) -> Result<Option<PaymentMethod>, DbError> {
    let detached = store::detach(tx, tenant, id, now).await?;
    let method = store::get(&mut *tx, tenant, id).await?;
    if let (true, Some(method)) = (detached, &method) {
        tell(tx, "payment_method.detached", method, now).await?;
    }
    Ok(method)
}

async fn tell(tx: &mut Tx, kind: &'static str, method: &PaymentMethod, now: Timestamp) -> Result<(), DbError> {
    let (data, object_id) = (view(method), method.id.as_str());
    events::append(tx, NewEvent { tenant: &method.tenant, kind, object_id, data, now }).await?;
    Ok(())
}
