//! The SQL of attestations.

use super::{Attestation, Confirmed, Status};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{AttestationId, Tenant, Timestamp};

/// Fails with a unique violation when one about the same object waits already.
pub(super) async fn insert(tx: &mut Tx, attestation: &Attestation) -> Result<(), DbError> {
    let reference = match &attestation.confirmed {
        Confirmed::Done(reference) => Some(reference.as_str()),
        Confirmed::NotDone => None,
    };
    query(
        "insert into attestations (id, merchant_id, livemode, kind, object_id, psp_reference, reason, status, asked_by, asked_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(&attestation.id)
    .bind(&attestation.tenant.merchant)
    .bind(attestation.tenant.mode)
    .bind(&attestation.kind)
    .bind(&attestation.object)
    .bind(reference)
    .bind(&attestation.reason)
    .bind(attestation.status.as_str())
    .bind(&attestation.asked_by)
    .bind(attestation.asked_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Writes down what was decided, if nothing was decided yet: the update is the lock.
pub(super) async fn decide(
    tx: &mut Tx,
    id: &AttestationId,
    status: Status,
    by: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = query(
        "update attestations set status = $2, decided_by = $3, decided_at = $4 where id = $1 and status = 'asked'",
    )
    .bind(id)
    .bind(status.as_str())
    .bind(by)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// One attestation of whatever merchant: for the console.
pub async fn find(on: impl Into<On<'_>>, id: &AttestationId) -> Result<Option<Attestation>, DbError> {
    query("select * from attestations where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// What was stated about one object, the last first.
pub async fn of_object(on: impl Into<On<'_>>, object: &str) -> Result<Vec<Attestation>, DbError> {
    let rows =
        query("select * from attestations where object_id = $1 order by id desc limit 50").bind(object).all(on).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Attestation, DbError> {
    Ok(Attestation {
        id: row.get("id")?,
        tenant: Tenant { merchant: row.get("merchant_id")?, mode: row.get("livemode")? },
        kind: row.get("kind")?,
        object: row.get("object_id")?,
        confirmed: row.get::<Option<String>>("psp_reference")?.map_or(Confirmed::NotDone, Confirmed::Done),
        reason: row.get("reason")?,
        status: match row.get::<String>("status")?.as_str() {
            "asked" => Status::Asked,
            "settled" => Status::Settled,
            "refused" => Status::Refused,
            _ => return Err(DbError::corrupt("status", "not a status of an attestation")),
        },
        asked_by: row.get("asked_by")?,
        asked_at: row.get("asked_at")?,
        decided_by: row.get("decided_by")?,
        decided_at: row.get("decided_at")?,
    })
}
