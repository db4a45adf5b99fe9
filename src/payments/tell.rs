//! Tell: an event with a payment as it stands now, everything that belongs to it included.

use super::error::PaymentError;
use super::{attempts, captures, store, view};
use crate::db::Tx;
use crate::events::{self, NewEvent};
use crate::words::{PaymentId, Timestamp};

/// Appends `kind` about the payment `id`.
pub(super) async fn tell(tx: &mut Tx, id: &PaymentId, kind: &'static str, now: Timestamp) -> Result<(), PaymentError> {
    let payment = store::find(&mut *tx, id).await?.ok_or(PaymentError::NotFound)?;
    let orders = store::orders(&mut *tx, id).await?;
    let attempts = attempts::newest(&mut *tx, id).await?;
    let captures = captures::of_payment(&mut *tx, id).await?;
    let data = view::view(&payment, &orders, &attempts, &captures);
    events::append(tx, NewEvent { tenant: &payment.tenant, kind, object_id: id.as_str(), data, now }).await?;
    Ok(())
}
