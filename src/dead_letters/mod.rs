//! Work that was given up, and what a person does about it: try it again, all of a kind again, or resolve it.
//!
//! Promises that what a job was about knows of its end: a webhook whose job died is shown as given up and not as about
//! to be sent, and is open again when its job is. An attempt or a refund stays as it is, because giving up the question
//! does not answer it. Refuses to know who may do this; whoever calls writes it into the audit log.

use crate::db::{DbError, Tx};
use crate::queue::{DeadJob, Job, letters};
use crate::webhooks;
use crate::words::{DeliveryId, Tenant, Timestamp};

pub use crate::queue::letters::{dead, find, kinds, of_tenant, resolve, resolved};

/// Most that come alive at one click, the oldest; the rest at the next.
pub const AT_ONCE: i64 = 500;

/// Tells what `job` was about that it was given up, in the transaction that gave it up. Does nothing if the job lives,
/// because it was asked for once more meanwhile.
pub async fn given_up(tx: &mut Tx, job: &Job, error: &str, now: Timestamp) -> Result<(), DbError> {
    let Some(id) = delivery(&job.kind, &job.key) else { return Ok(()) };
    if letters::find(&mut *tx, &job.id).await?.is_some() {
        let reason: String = format!("its job was given up: {error}").chars().take(500).collect();
        webhooks::deliveries::give_up(tx, &id, &reason, now).await?;
    }
    Ok(())
}

/// Tries an open dead letter again, now. False when it is not open any more, or the same work was asked for anew.
pub async fn retry(tx: &mut Tx, letter: &DeadJob, now: Timestamp) -> Result<bool, DbError> {
    let revived = letters::revive(tx, &letter.id, now).await?;
    if revived {
        reopen(tx, &letter.kind, &letter.key, now).await?;
    }
    Ok(revived)
}

/// Tries all open dead letters of a kind again, everybody's or one tenant's, at most [`AT_ONCE`]; says how many.
pub async fn retry_all(tx: &mut Tx, kind: &str, tenant: Option<&Tenant>, now: Timestamp) -> Result<usize, DbError> {
    let keys = letters::revive_all(tx, kind, tenant, AT_ONCE, now).await?;
    for key in &keys {
        reopen(tx, kind, key, now).await?;
    }
    Ok(keys.len())
}

async fn reopen(tx: &mut Tx, kind: &str, key: &str, now: Timestamp) -> Result<(), DbError> {
    match delivery(kind, key) {
        Some(id) => webhooks::deliveries::reopen(tx, &id, now).await,
        None => Ok(()),
    }
}

fn delivery(kind: &str, key: &str) -> Option<DeliveryId> {
    (kind == webhooks::DELIVER).then(|| DeliveryId::parse(key).ok()).flatten()
}
