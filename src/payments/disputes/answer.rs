//! Answer: evidence, or that the merchant gives in, is written in the caller's transaction; a job hands it in.

use std::time::Duration;

use super::{Dispute, Evidence, EvidenceStatus, Texts, store};
use crate::db::{DbError, Tx};
use crate::payments::jobs;
use crate::psp::DisputeStatus;
use crate::words::{DisputeId, EvidenceId, Tenant, Timestamp};

/// How long evidence may stay without a known fate before a person gets it.
const DEADLINE: Duration = Duration::from_hours(24);

/// Why evidence, or that the merchant gives in, was not taken on. Nothing was written then, if the caller's transaction is not committed.
#[derive(Debug, thiserror::Error)]
pub enum Answered {
    /// No such dispute, or not this tenant's.
    #[error("there is no such dispute")]
    NoDispute,
    /// It is decided.
    #[error("the dispute is {0}: evidence changes nothing any more")]
    Closed(&'static str),
    /// There is evidence already; a PSP takes it once.
    #[error("evidence was handed in before, and it is taken once")]
    Already,
    /// The merchant gave in.
    #[error("the dispute was accepted before: nothing can be said against it any more")]
    GivenIn,
    /// The deadline has passed.
    #[error("evidence was due by {0}")]
    TooLate(Timestamp),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Takes on evidence against a dispute: from here on it is handed in until the PSP says that it has it.
pub async fn answer(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &DisputeId,
    texts: Texts,
    now: Timestamp,
) -> Result<(Dispute, Evidence), Answered> {
    take_on(tx, tenant, id, Some(texts), now).await
}

/// Takes on that the merchant gives in: from here on the PSP is told until it says that the dispute is lost.
pub async fn accept(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &DisputeId,
    now: Timestamp,
) -> Result<(Dispute, Evidence), Answered> {
    take_on(tx, tenant, id, None, now).await
}

async fn take_on(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &DisputeId,
    texts: Option<Texts>,
    now: Timestamp,
) -> Result<(Dispute, Evidence), Answered> {
    store::lock(tx, id).await?;
    let dispute =
        store::find(&mut *tx, id).await?.filter(|dispute| dispute.tenant == *tenant).ok_or(Answered::NoDispute)?;
    if dispute.status.is_closed() {
        return Err(Answered::Closed(dispute.status.as_str()));
    }
    let before = store::evidence_of(&mut *tx, id).await?.filter(|before| before.status != EvidenceStatus::Refused);
    match before {
        Some(before) if before.gives_in => return Err(Answered::GivenIn),
        Some(_) => return Err(Answered::Already),
        None if dispute.status == DisputeStatus::UnderReview => return Err(Answered::Already),
        None => {}
    }
    // Giving in is never too late: the dispute is open.
    if let Some(due) = dispute.evidence_due_by.filter(|due| texts.is_some() && *due <= now) {
        return Err(Answered::TooLate(due));
    }
    let evidence = Evidence {
        id: EvidenceId::new(),
        dispute: dispute.id.clone(),
        gives_in: texts.is_none(),
        texts: texts.unwrap_or_else(|| Texts(Vec::new())),
        status: EvidenceStatus::Sending,
        failure_code: None,
        created_at: now,
        deadline_at: now.plus(DEADLINE),
        settled_at: None,
    };
    store::insert_evidence(tx, &evidence).await?;
    jobs::hand_in(tx, &dispute, now).await?;
    Ok((dispute, evidence))
}
