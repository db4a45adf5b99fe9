//! Second charge: the PSP took the money of one payment twice, as when a decline turns out to be none after another card
//! has paid.
//!
//! It is kept with the attempt, and its money is in the books as nobody's until it has gone back: by itself, or by an operator where
//! the merchant wants that. A person gets what cannot go back by itself. Refuses to know who pays: no seller's money is touched.

mod give_back;
mod postings;

pub use give_back::{GiveBackError, give_back};

use super::attempts::{self, Attempt};
use super::error::PaymentError;
use super::payment::Payment;
use super::refunds::{self, RefundStatus};
use super::status::AttemptState;
use super::tell::tell;
use super::{calls, jobs, store};
use crate::app::App;
use crate::checkout::Capture;
use crate::db::{Tx, retrying};
use crate::merchants::policies::{self, SecondCharge};
use crate::psp::Approval;
use crate::queue::Verdict;
use crate::wallets;
use crate::words::{AttemptId, CallId, Timestamp};

/// Why a second charge goes back by itself, as its refund says.
const BY_ITSELF: &str = "second_charge";

/// Keeps that `attempt` was approved beside another one and closes the record of the `call` that brought it; then the charge is on
/// its way back, or a job is left that ends as a dead letter. Says whether it was not known before.
pub(super) async fn keep(
    app: &App,
    attempt: &AttemptId,
    approval: &Approval,
    call: Option<&CallId>,
) -> Result<bool, PaymentError> {
    let new = retrying(|| async {
        let (mut tx, now) = (app.db.begin().await?, app.now());
        if let Some(call) = call {
            calls::answered(&mut tx, call, now, "approved, for the second time").await?;
        }
        let kept = attempts::keep_second_charge(&mut tx, attempt, &approval.reference).await?;
        if let Some(kept) = &kept {
            deal_with(app, &mut tx, kept, now).await?;
        }
        tx.commit().await?;
        Ok::<_, PaymentError>(kept.is_some())
    })
    .await?;
    if new {
        tracing::error!(%attempt, charge = approval.reference, "a payment was charged twice");
    }
    Ok(new)
}

/// Books it, tells the merchant, and lets it go back or brings it to a person.
async fn deal_with(app: &App, tx: &mut Tx, attempt: &Attempt, now: Timestamp) -> Result<(), PaymentError> {
    // Held like every row that says how a payment stands: a dispute comes before this or after it.
    store::lock(tx, &attempt.payment, now).await?;
    let payment = store::find(&mut *tx, &attempt.payment).await?.ok_or(PaymentError::NotFound)?;
    if !is_the_sales(tx, attempt).await? {
        tell(tx, &payment.id, "payment.charged_twice", now).await?;
    }
    let by_itself = is_taken(tx, &payment, attempt).await?
        && payment.disputed.is_zero()
        && app.psps.get(&attempt.psp).is_some_and(|psp| psp.refunds_one_charge())
        && policies::of(&mut *tx, &payment.tenant).await?.second_charge == SecondCharge::Refund;
    if by_itself {
        refunds::ask_of_charge(tx, &payment, attempt, BY_ITSELF, now).await?;
    } else {
        jobs::recover(tx, &attempt.id, &attempt.tenant, now).await?;
    }
    book(tx, &payment, attempt, now).await
}

/// Whether `attempt` took money beside the sale. Of a hold nothing is taken, and it ends by itself.
async fn is_taken(tx: &mut Tx, payment: &Payment, attempt: &Attempt) -> Result<bool, PaymentError> {
    Ok(payment.capture == Capture::Automatic && !is_the_sales(tx, attempt).await?)
}

/// Whether what the PSP says of `attempt` is the sale's own charge told twice: given back by its name, the sale's money would go.
async fn is_the_sales(tx: &mut Tx, attempt: &Attempt) -> Result<bool, PaymentError> {
    Ok(refunds::charge_of_sale(tx, &attempt.payment).await? == attempt.second_charge)
}

/// Brings the money of a second charge into the books, once.
async fn book(tx: &mut Tx, payment: &Payment, attempt: &Attempt, now: Timestamp) -> Result<(), PaymentError> {
    if is_taken(tx, payment, attempt).await?
        && attempts::book_second_charge(tx, &attempt.id, payment.amount, now).await?
    {
        wallets::post(tx, &[postings::charged(payment, attempt, now)]).await?;
    }
    Ok(())
}

/// What a person reads of `attempt`, when it was approved beside another one; nothing to read when it is on its way back, or is back.
pub(super) async fn letter(app: &App, attempt: &Attempt) -> Result<Option<Verdict>, PaymentError> {
    let Attempt { id, payment, psp, second_charge: Some(charge), .. } = attempt else { return Ok(None) };
    let tries = refunds::of_charge(&app.db, attempt).await?;
    if tries.iter().any(|refund| refund.status != RefundStatus::Failed) {
        return Ok(Some(Verdict::Done));
    }
    let all = attempts::of_payment(&app.db, payment).await?;
    let first = all.into_iter().find(|other| other.state == AttemptState::Approved).ok_or(PaymentError::NotFound)?;
    if first.psp_reference.as_ref() == Some(charge) {
        let paid = first.id;
        return Ok(Some(Verdict::Failed {
            error: format!(
                "{psp} answers for {id} with {charge}, by which {paid} has paid {payment}. Nothing is to be given back: that would be the \
                 sale's money. Ask the PSP what became of {id}, and then resolve this"
            ),
        }));
    }
    let (paid, as_) = (first.id, first.psp_reference.unwrap_or_default());
    let failed = match tries.last().and_then(|refund| refund.failure_code.as_deref()) {
        Some(code) => format!(". It could not be given back: {code}"),
        None => String::new(),
    };
    Ok(Some(Verdict::Failed {
        error: format!(
            "{psp} charged {payment} twice: by {paid} as {as_}, which is what the sale stands on, and by {id} as {charge}, which is \
             nobody's{failed}. Give {charge} back on the payment's page; or do so at the PSP, and then resolve this"
        ),
    }))
}
