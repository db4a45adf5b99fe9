//! Asking whoever must know about a difference, through the verbs in which its webhooks end.

use super::super::breaks::Break;
use super::super::matching::Entry;
use super::super::words::ObjectKind;
use crate::app::App;
use crate::payments::captures::CaptureStatus;
use crate::payments::{PaymentError, ask_now, captures, disputes, refunds};
use crate::payouts::{self, PayoutError};
use crate::psp::NotDone;
use crate::queue::Verdict;
use crate::words::{PaymentId, PayoutId, RefundId};

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// It has said what it knows.
    Answered,
    /// It could not be reached, or has not decided yet: it is asked again.
    Unanswered,
    /// Nothing is under way that could be asked about.
    Nobody,
}

impl Asked {
    const fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Done => Self::Answered,
            Verdict::Again { .. } | Verdict::Failed { .. } => Self::Unanswered,
        }
    }
}

/// Asks the PSP, or who pays sellers out; what it says is settled as its webhook would have been.
pub(super) async fn ask(app: &App, it: &Break, entry: &Entry) -> Asked {
    let kind = entry.ours.as_ref().map(|ours| ours.kind);
    let payment = entry.ours.as_ref().or(entry.payment.as_ref()).and_then(|ours| ours.payment.clone());
    let asked = match (kind, &payment, &it.object) {
        (Some(ObjectKind::Charge), Some(payment), _) => charge(app, payment).await,
        (Some(ObjectKind::Refund), _, Some((_, id))) => refund(app, id).await,
        (Some(ObjectKind::RefundFailure), Some(payment), _) => {
            refunds::look_for_returned(app, payment).await.map(|_| Asked::Answered)
        }
        (Some(ObjectKind::Payout | ObjectKind::PayoutReturn), _, Some((_, id))) => return payout(app, id).await,
        (_, Some(payment), _) => disputes::look(app, payment).await.map(|_| Asked::Answered),
        _ => Ok(Asked::Nobody),
    };
    asked.unwrap_or_else(|error| {
        tracing::warn!(break_id = %it.id, error = &error as &dyn std::error::Error, "what was asked did not repair it");
        match error {
            PaymentError::Psp(NotDone::Unreachable { .. }) => Asked::Unanswered,
            _ => Asked::Answered,
        }
    })
}

async fn charge(app: &App, payment: &PaymentId) -> Result<Asked, PaymentError> {
    let mut asked = if ask_now(app, payment).await? { Asked::Answered } else { Asked::Nobody };
    for capture in captures::of_payment(&app.db, payment).await? {
        if capture.status == CaptureStatus::Pending {
            asked = Asked::of(&captures::carry_out(app, &capture.id).await?);
        }
    }
    Ok(asked)
}

async fn refund(app: &App, id: &str) -> Result<Asked, PaymentError> {
    let Ok(id) = RefundId::parse(id) else { return Ok(Asked::Nobody) };
    refunds::carry_out(app, &id).await.map(|verdict| Asked::of(&verdict))
}

async fn payout(app: &App, id: &str) -> Asked {
    let Ok(id) = PayoutId::parse(id) else { return Asked::Nobody };
    match payouts::look(app, &id).await {
        Ok(verdict) => Asked::of(&verdict),
        Err(PayoutError::Overtaken) => Asked::Unanswered,
        Err(error) => {
            tracing::warn!(payout = %id, error = &error as &dyn std::error::Error, "what was asked did not repair it");
            Asked::Answered
        }
    }
}
