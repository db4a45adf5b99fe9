//! The SQL of limits that wait for a second person.

use std::collections::BTreeMap;

use super::Proposal;
use crate::db::{DbError, On, Row, Tx, query};
use crate::merchants::policies::reading::{amounts, amounts_value};
use crate::words::{Currency, LimitProposalId, Money, Tenant, Timestamp};

/// Fails with a unique violation when another one waits already.
pub(super) async fn insert(tx: &mut Tx, proposal: &Proposal) -> Result<(), DbError> {
    query(
        "insert into limit_proposals (id, merchant_id, livemode, before_value, after_value, status, asked_by, asked_at)
         values ($1, $2, $3, $4, $5, 'asked', $6, $7)",
    )
    .bind(&proposal.id)
    .bind(&proposal.tenant.merchant)
    .bind(proposal.tenant.mode)
    .bind(amounts_value(&proposal.before).to_string())
    .bind(amounts_value(&proposal.after).to_string())
    .bind(&proposal.asked_by)
    .bind(proposal.asked_at)
    .execute(tx)
    .await
    .map(drop)
}

/// Writes down what was decided, if nothing was decided yet: the update is the lock.
pub(super) async fn decide(
    tx: &mut Tx,
    id: &LimitProposalId,
    status: &str,
    by: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let changed = query(
        "update limit_proposals set status = $2, decided_by = $3, decided_at = $4 where id = $1 and status = 'asked'",
    )
    .bind(id)
    .bind(status)
    .bind(by)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// The one that waits.
pub(super) async fn waiting(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Option<Proposal>, DbError> {
    query("select * from limit_proposals where merchant_id = $1 and livemode = $2 and status = 'asked'")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .optional(on)
        .await?
        .as_ref()
        .map(read)
        .transpose()
}

fn read(row: &Row) -> Result<Proposal, DbError> {
    Ok(Proposal {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        before: limits(row, "before_value")?,
        after: limits(row, "after_value")?,
        asked_by: row.get("asked_by")?,
        asked_at: row.get("asked_at")?,
    })
}

fn limits(row: &Row, column: &str) -> Result<BTreeMap<Currency, Money>, DbError> {
    let text: String = row.get(column)?;
    let value = serde_json::from_str(&text).map_err(|_| DbError::corrupt(column, "not JSON"))?;
    amounts(column, &value).map_err(|fault| DbError::corrupt(column, &fault.to_string()))
}
