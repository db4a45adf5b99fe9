//! Late: money that arrives after its payment was given up, and goes back by itself where the merchant wants that.

use super::captures::{self, CaptureError, Reason};
use super::error::PaymentError;
use super::payment::Payment;
use super::refunds::{self, NewRefund, RefundError};
use super::status::PaymentStatus;
use super::tell::tell;
use crate::db::Tx;
use crate::merchants::policies::{self, LateSuccess};
use crate::words::Timestamp;

/// Whether an approval of `payment`, as it stood before, comes too late and its merchant wants no such money.
pub(super) async fn is_unwanted(tx: &mut Tx, payment: &Payment) -> Result<bool, PaymentError> {
    let given_up = matches!(payment.status, PaymentStatus::Expired | PaymentStatus::Canceled | PaymentStatus::Failed);
    // The policy is asked for only where it matters: approvals are many, late ones few.
    Ok(given_up && policies::of(&mut *tx, &payment.tenant).await?.late_success == LateSuccess::Refund)
}

/// Takes on the way back of money that nobody wants any more, and says so in an event: a refund of what was taken, a
/// void of what is held. The sale is posted already, so the books show both.
pub(super) async fn give_back(tx: &mut Tx, payment: &Payment, now: Timestamp) -> Result<(), PaymentError> {
    if payment.status == PaymentStatus::Authorized {
        captures::void(tx, payment, Reason::LateSuccess, now).await.map_err(|error| match error {
            CaptureError::Db(error) => error.into(),
            other => PaymentError::NotGivenBack(other.to_string()),
        })?;
    } else {
        let new = NewRefund {
            payment: payment.id.clone(),
            amount: None,
            reason: Some(Reason::LateSuccess.as_str().to_owned()),
            metadata: serde_json::json!({}),
        };
        refunds::send_back(tx, &payment.tenant, new, now).await.map_err(|error| match error {
            RefundError::Db(error) => error.into(),
            RefundError::Books(error) => error.into(),
            other => PaymentError::NotGivenBack(other.to_string()),
        })?;
    }
    tell(tx, &payment.id, "payment.late_success_refunded", now).await
}
