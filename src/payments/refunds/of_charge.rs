//! Of a charge: where the PSP has charged a payment twice a refund names which charge it gives back.

use super::ask::DEADLINE;
use super::{Refund, RefundStatus, store};
use crate::db::{DbError, Tx};
use crate::payments::attempts::{self, Attempt};
use crate::payments::jobs;
use crate::payments::payment::Payment;
use crate::payments::status::AttemptState;
use crate::words::{PaymentId, RefundId, Timestamp};

/// Takes on that the second charge of `attempt` goes back, all of it. Its money is nobody's: nothing is held for it, and the limit of
/// what may be refunded of the payment does not know it. The caller holds the payment and has seen that nothing of it is on its way.
pub async fn ask_of_charge(
    tx: &mut Tx,
    payment: &Payment,
    attempt: &Attempt,
    reason: &str,
    now: Timestamp,
) -> Result<Refund, DbError> {
    let refund = Refund {
        id: RefundId::new(),
        tenant: payment.tenant.clone(),
        payment: payment.id.clone(),
        attempt: Some(attempt.id.clone()),
        charge: attempt.second_charge.clone(),
        amount: payment.amount,
        reason: Some(reason.to_owned()),
        status: RefundStatus::Pending,
        psp: attempt.psp.clone(),
        psp_reference: None,
        failure_code: None,
        metadata: serde_json::json!({}),
        created_at: now,
        deadline_at: now.plus(DEADLINE),
        succeeded_at: None,
        settled_at: None,
        parts: Vec::new(),
    };
    store::insert(tx, &refund).await?;
    jobs::refund(tx, &refund, now).await?;
    Ok(refund)
}

/// The PSP's name of the charge that the sale of `payment` stands on, where there is another one.
pub async fn charge_of_sale(tx: &mut Tx, payment: &PaymentId) -> Result<Option<String>, DbError> {
    let all = attempts::of_payment(&mut *tx, payment).await?;
    if all.iter().all(|attempt| attempt.second_charge.is_none()) {
        return Ok(None);
    }
    Ok(all.into_iter().find(|attempt| attempt.state == AttemptState::Approved).and_then(|paid| paid.psp_reference))
}
