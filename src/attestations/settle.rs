//! What was attested, handed to the verb that a PSP's own answer would have gone through.

use super::{Attestation, AttestationError, Confirmed};
use crate::app::App;
use crate::db::Tx;
use crate::payments::captures::{self, CaptureStatus};
use crate::payments::refunds::{self, RefundStatus};
use crate::payments::{Heard, attempts, jobs, settle_all};
use crate::payouts::{self, Change, PayoutStatus};
use crate::psp::{Approval, Decline, DeclineCode, Outcome, PayoutOutcome, RefundOutcome};
use crate::words::{AttemptId, CaptureId, PayoutId, RefundId, Timestamp};

/// The reason that stands where a PSP's own would.
const BY_HAND: &str = "confirmed_by_hand";

/// Whether the outcome of the object of this kind of job is still not known.
pub(super) async fn is_unknown(tx: &mut Tx, kind: &str, object: &str) -> Result<bool, AttestationError> {
    Ok(match kind {
        jobs::RECOVER => {
            let Ok(id) = AttemptId::parse(object) else { return Ok(false) };
            attempts::get(tx, &id).await?.is_some_and(|it| it.state.is_open() && it.second_charge.is_none())
        }
        jobs::REFUND => {
            let Ok(id) = RefundId::parse(object) else { return Ok(false) };
            refunds::find(tx, &id).await?.is_some_and(|refund| refund.status == RefundStatus::Pending)
        }
        jobs::CAPTURE | jobs::VOID => {
            let Ok(id) = CaptureId::parse(object) else { return Ok(false) };
            captures::find(tx, &id).await?.is_some_and(|capture| capture.status == CaptureStatus::Pending)
        }
        payouts::jobs::CARRY_OUT => {
            let Ok(id) = PayoutId::parse(object) else { return Ok(false) };
            payouts::find(tx, &id).await?.is_some_and(|payout| payout.status == PayoutStatus::Processing)
        }
        _ => false,
    })
}

/// Settles it in the caller's transaction; the wallets are touched last.
pub(super) async fn settle(
    app: &App,
    tx: &mut Tx,
    attestation: &Attestation,
    now: Timestamp,
) -> Result<(), AttestationError> {
    let Attestation { kind, object, confirmed, .. } = attestation;
    let unknown = || AttestationError::NothingUnknown;
    let settled = match kind.as_str() {
        jobs::RECOVER => {
            let attempt = AttemptId::parse(object).map_err(|_| unknown())?;
            let heard = Heard { attempt: &attempt, outcome: &outcome(confirmed) };
            settle_all(app, tx, &[heard], now).await? == 1
        }
        jobs::REFUND => {
            let id = RefundId::parse(object).map_err(|_| unknown())?;
            let refund = refunds::find(&mut *tx, &id).await?.ok_or_else(unknown)?;
            refunds::settle_heard(tx, refund, &refund_outcome(confirmed), now).await?
        }
        jobs::CAPTURE | jobs::VOID => {
            let id = CaptureId::parse(object).map_err(|_| unknown())?;
            let asked = captures::find(&mut *tx, &id).await?.ok_or_else(unknown)?;
            let after = match confirmed {
                Confirmed::Done(reference) => captures::Capture {
                    status: CaptureStatus::Succeeded,
                    psp_reference: Some(reference.clone()),
                    settled_at: Some(now),
                    ..asked
                },
                Confirmed::NotDone => captures::Capture {
                    status: CaptureStatus::Failed,
                    failure_code: Some(BY_HAND.to_owned()),
                    settled_at: Some(now),
                    ..asked
                },
            };
            captures::settle_heard(tx, &after, now).await?
        }
        payouts::jobs::CARRY_OUT => {
            let id = PayoutId::parse(object).map_err(|_| unknown())?;
            let payout = payouts::find(&mut *tx, &id).await?.ok_or_else(unknown)?;
            let change = payouts::settle_heard(tx, payout, &payout_outcome(confirmed), now).await?;
            matches!(change, Change::Paid | Change::Failed)
        }
        _ => false,
    };
    // The PSP has answered after all, between the two people.
    if settled { Ok(()) } else { Err(unknown()) }
}

fn outcome(confirmed: &Confirmed) -> Outcome {
    match confirmed {
        Confirmed::Done(reference) => {
            Outcome::Approved(Approval { reference: reference.clone(), card: None, saved: None })
        }
        Confirmed::NotDone => {
            Outcome::Declined(Decline { code: DeclineCode::ProcessingError, psp_code: BY_HAND.to_owned(), card: None })
        }
    }
}

fn refund_outcome(confirmed: &Confirmed) -> RefundOutcome {
    match confirmed {
        Confirmed::Done(reference) => RefundOutcome::Done { reference: reference.clone() },
        Confirmed::NotDone => RefundOutcome::Failed { psp_code: BY_HAND.to_owned() },
    }
}

fn payout_outcome(confirmed: &Confirmed) -> PayoutOutcome {
    match confirmed {
        Confirmed::Done(reference) => PayoutOutcome::Paid { reference: reference.clone() },
        Confirmed::NotDone => PayoutOutcome::Failed { code: BY_HAND.to_owned(), of_destination: false },
    }
}
