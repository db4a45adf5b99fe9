//! Carry out: the job that hands evidence in, or says that the merchant gives in, until it is known that the PSP has it, or
//! does not want it.

use super::learn::{ask, written};
use super::settle::tell;
use super::{Dispute, Evidence, EvidenceStatus, store};
use crate::app::App;
use crate::db::retrying;
use crate::payments::error::PaymentError;
use crate::payments::payment::Payment;
use crate::payments::{calls, jobs, send, store as payments};
use crate::psp::{DisputeStatus, EvidenceOutcome, EvidenceRequest, NotDone, PspDispute};
use crate::queue::Verdict;
use crate::queue::retry::{Class, Next, Policies};
use crate::words::{DisputeId, Timestamp, random_bytes};

/// Hands in the evidence of the dispute `id` under its one key, and again until the PSP says that it has it or not.
///
/// The PSP is looked at first: what it has is not sent again, and what was decided needs no evidence.
pub async fn carry_out(app: &App, id: &DisputeId) -> Result<Verdict, PaymentError> {
    let sending = store::evidence_of(&app.db, id).await?.filter(|it| it.status == EvidenceStatus::Sending);
    let (Some(evidence), Some(dispute)) = (sending, store::find(&app.db, id).await?) else {
        return Ok(Verdict::Done);
    };
    if let Some(at) = send::told_to_wait(app, &dispute.payment, evidence.id.as_str()).await? {
        return Ok(Verdict::Again { at });
    }
    let payment = payments::find(&app.db, &dispute.payment).await?.ok_or(PaymentError::NotFound)?;
    let sent = calls::count(&app.db, &payment.id, "dispute_evidence", evidence.id.as_str()).await?;
    let outcome = match ask(app, &payment).await {
        // One that is not settled does not keep the evidence of another from being handed in.
        Ok((said, _)) => match known(&said, &dispute, &evidence, sent) {
            Some(outcome) => Ok(outcome),
            None => hand_in(app, &payment, &dispute, &evidence).await?,
        },
        Err(PaymentError::Psp(not_done)) => Err(not_done),
        Err(error) => return Err(error),
    };
    let (status, failure_code) = match &outcome {
        Ok(EvidenceOutcome::Taken) => (EvidenceStatus::Taken, None),
        Ok(EvidenceOutcome::Refused { psp_code }) => (EvidenceStatus::Refused, Some(psp_code.clone())),
        Err(NotDone::Refused { code, .. }) => (EvidenceStatus::Refused, Some(code.clone())),
        Ok(EvidenceOutcome::Unknown { .. }) | Err(NotDone::Unreachable { .. }) => {
            return Ok(later(app, &dispute, &evidence, sent + 1, &outcome));
        }
    };
    let now = app.now();
    let after = Evidence { status, failure_code, settled_at: Some(now), ..evidence };
    retrying(|| settle(app, &dispute.id, &after, now)).await?;
    app.wake.notify_one();
    Ok(Verdict::Done)
}

/// What the PSP's own record says of this evidence; nothing where it must be handed in.
fn known(said: &[PspDispute], dispute: &Dispute, evidence: &Evidence, sent: u32) -> Option<EvidenceOutcome> {
    let said = said.iter().find(|said| said.reference == dispute.psp_reference)?;
    match &said.evidence_key {
        Some(key) if key == evidence.id.as_str() => Some(EvidenceOutcome::Taken),
        // A PSP that does not tell keys has taken what we sent and did not hear of.
        None if sent > 0 && said.status != DisputeStatus::NeedsResponse => Some(EvidenceOutcome::Taken),
        // What the merchant wants, whoever has decided it.
        _ if evidence.gives_in && said.status == DisputeStatus::Lost => Some(EvidenceOutcome::Taken),
        _ if said.status.is_closed() => Some(EvidenceOutcome::Refused { psp_code: "dispute_closed".to_owned() }),
        _ => None,
    }
}

async fn hand_in(
    app: &App,
    payment: &Payment,
    dispute: &Dispute,
    evidence: &Evidence,
) -> Result<Result<EvidenceOutcome, NotDone>, PaymentError> {
    let psp = app.psps.get(&dispute.psp).cloned().ok_or(PaymentError::NoPsp(dispute.tenant.mode.as_str()))?;
    let request = EvidenceRequest {
        dispute: dispute.psp_reference.clone(),
        texts: evidence.texts.0.clone(),
        key: evidence.id.to_string(),
    };
    let call = written(app, payment, "dispute_evidence", psp.name(), &request.key).await?;
    let outcome = if evidence.gives_in {
        psp.accept_dispute(&request.dispute, &request.key).await
    } else {
        psp.submit_evidence(&request).await
    };
    let summary = match &outcome {
        Ok(EvidenceOutcome::Taken) => "taken".to_owned(),
        Ok(EvidenceOutcome::Refused { psp_code }) => format!("refused: {psp_code}"),
        Ok(EvidenceOutcome::Unknown { .. }) => "no answer that can be trusted".to_owned(),
        Err(not_done) => not_done.to_string(),
    };
    send::note_and_wait(app, &call, &summary, class(&outcome).asked_to_wait()).await?;
    Ok(outcome)
}

/// Writes what became of the evidence: its state, the dispute's, and the event together.
async fn settle(app: &App, id: &DisputeId, after: &Evidence, now: Timestamp) -> Result<(), PaymentError> {
    let mut tx = app.db.begin().await?;
    store::lock(&mut tx, id).await?;
    if store::settle_evidence(&mut tx, after).await? {
        let mut dispute = store::find(&mut tx, id).await?.ok_or(PaymentError::NotFound)?;
        let taken = after.status == EvidenceStatus::Taken;
        if taken && after.gives_in {
            // How it ended is the PSP's to say: it is asked at once, and `dispute.closed` tells.
            jobs::look_at_disputes(&mut tx, &dispute.payment, &dispute.tenant, now).await?;
            return Ok(tx.commit().await?);
        }
        if taken && dispute.status == DisputeStatus::NeedsResponse {
            dispute.status = DisputeStatus::UnderReview;
            store::advance(&mut tx, &dispute, DisputeStatus::NeedsResponse).await?;
        }
        let kind = match (taken, after.gives_in) {
            (true, _) => "dispute.evidence_submitted",
            (false, true) => "dispute.acceptance_refused",
            (false, false) => "dispute.evidence_refused",
        };
        tell(&mut tx, kind, &dispute, now).await?;
    }
    Ok(tx.commit().await?)
}

fn class(outcome: &Result<EvidenceOutcome, NotDone>) -> Class {
    match outcome {
        Ok(EvidenceOutcome::Unknown(doubt)) => Class::Unclear { after: doubt.after },
        Ok(_) => Class::Unclear { after: None },
        Err(not_done) => send::class(not_done),
    }
}

/// Again, as `[retry]` says; past the deadline or the last try it fails, so that a person gets it.
fn later(
    app: &App,
    dispute: &Dispute,
    evidence: &Evidence,
    tries: u32,
    outcome: &Result<EvidenceOutcome, NotDone>,
) -> Verdict {
    let (now, psp, since) = (app.now(), &dispute.psp, evidence.created_at);
    if now > evidence.deadline_at {
        return Verdict::Failed { error: format!("evidence for {psp} since {since}: not known past its deadline") };
    }
    let policies = Policies::from(app.config.retries_at(psp).evidence);
    match policies.after(class(outcome), tries, u32::from_ne_bytes(random_bytes())) {
        Next::After(wait) => Verdict::Again { at: now.plus(wait) },
        Next::GiveUp => {
            Verdict::Failed { error: format!("evidence for {psp} since {since}: not known after {tries} tries") }
        }
    }
}
