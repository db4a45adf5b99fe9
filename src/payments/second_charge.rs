//! Second charge: the PSP took the money of one payment twice, as when a decline turns out to be none after another card
//! has paid.
//!
//! It is kept with the attempt and brought to a person, who gives it back at the PSP: our refunds name the PSP's payment, and
//! of two charges on it a PSP may return the wrong one.

use super::attempts::{self, Attempt};
use super::error::PaymentError;
use super::status::AttemptState;
use super::{calls, jobs};
use crate::app::App;
use crate::db::retrying;
use crate::psp::Approval;
use crate::queue::Verdict;
use crate::words::{AttemptId, CallId};

/// Keeps that `attempt` was approved beside another one, closes the record of the `call` that brought it, and leaves a
/// job that ends as a dead letter. Says whether it was not known before.
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
        let tenant = attempts::keep_second_charge(&mut tx, attempt, &approval.reference).await?;
        if let Some(tenant) = &tenant {
            jobs::recover(&mut tx, attempt, tenant, now).await?;
        }
        tx.commit().await?;
        Ok::<_, PaymentError>(tenant.is_some())
    })
    .await?;
    if new {
        tracing::error!(%attempt, charge = approval.reference, "a payment was charged twice");
    }
    Ok(new)
}

/// What a person reads of `attempt`, when it was approved beside another one.
pub(super) async fn letter(app: &App, attempt: &Attempt) -> Result<Option<Verdict>, PaymentError> {
    let Attempt { id, payment, psp, second_charge: Some(charge), .. } = attempt else { return Ok(None) };
    let all = attempts::of_payment(&app.db, payment).await?;
    let first = all.into_iter().find(|other| other.state == AttemptState::Approved).ok_or(PaymentError::NotFound)?;
    let (paid, as_) = (first.id, first.psp_reference.unwrap_or_default());
    Ok(Some(Verdict::Failed {
        error: format!(
            "{psp} charged {payment} twice: by {paid} as {as_}, which is in the books, and by {id} as {charge}, which is \
             not. Give {charge} back at the PSP, then resolve this"
        ),
    }))
}
