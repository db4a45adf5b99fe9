//! The sellers' rows.

use super::{Change, Destination, DestinationFailure, NewDestination, Seller, Verification};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{Page, SellerId, Slice, Tenant, Timestamp};

pub(super) async fn insert(tx: &mut Tx, seller: &Seller) -> Result<(), DbError> {
    let destination = seller.destination.as_ref();
    query(
        "insert into sellers (id, merchant_id, livemode, name, is_self, payout_destination, payout_bank_name,
             payout_last4, payout_version, metadata, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(&seller.id)
    .bind(&seller.tenant.merchant)
    .bind(seller.tenant.mode)
    .bind(seller.name.as_str())
    .bind(seller.is_self)
    .bind(destination.map(|to| to.token.clone()))
    .bind(destination.and_then(|to| to.bank_name.clone()))
    .bind(destination.and_then(|to| to.last4.clone()))
    .bind(destination.map_or(0, |to| to.version))
    .bind(serde_json::json!(seller.metadata).to_string())
    .bind(seller.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes name, schedule and notes, those that are named. A turn that is due already stays due, and the same schedule once more
/// changes nothing.
pub(super) async fn update(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    change: &Change,
    now: Timestamp,
) -> Result<(), DbError> {
    let schedule = change.payout_schedule.as_ref();
    query(
        "update sellers set name = coalesce($4, name), metadata = coalesce($5, metadata),
             payout_schedule = coalesce($6, payout_schedule),
             payout_due_at = case when not $7 or payout_due_at <= $9 then payout_due_at
                 when payout_schedule = $6 then coalesce(payout_due_at, $8) else $8 end
         where merchant_id = $1 and livemode = $2 and id = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(&change.name)
    .bind(change.metadata.as_ref().map(|notes| serde_json::json!(notes).to_string()))
    .bind(schedule.map(|(schedule, _)| schedule.to_string()))
    .bind(schedule.is_some())
    .bind(schedule.and_then(|(_, due)| *due))
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Writes another destination, takes the verification away and holds payouts until `held_until`, after the first destination
/// ever only when `first_too`. Says whether it was another one: the same once more changes nothing.
pub(super) async fn set_destination(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    new: Option<&NewDestination>,
    held_until: Timestamp,
    first_too: bool,
) -> Result<bool, DbError> {
    let written = query(
        "update sellers set payout_destination = $4, payout_bank_name = $5, payout_last4 = $6,
             payout_version = payout_version + 1, verification = 'unverified', verified_at = null,
             payout_failed_at = null, payout_failure_code = null,
             payout_held_until = case when $8 or payout_version > 0 or payout_destination is not null then $7
                 else payout_held_until end
         where merchant_id = $1 and livemode = $2 and id = $3
             and (coalesce(payout_destination, '') <> coalesce($4, '')
                 or coalesce(payout_bank_name, '') <> coalesce($5, '')
                 or coalesce(payout_last4, '') <> coalesce($6, ''))",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(new.map(|to| to.token.clone()))
    .bind(new.and_then(|to| to.bank_name.clone()))
    .bind(new.and_then(|to| to.last4.clone()))
    .bind(held_until)
    .bind(first_too)
    .execute(tx)
    .await?;
    Ok(written == 1)
}

/// Writes how far the check of a seller is; says whether it was written. Without a destination nobody is verified, and
/// with `version` only while that destination is still the one. Who verifies one that failed says that it is good again.
pub async fn set_verification(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    state: Verification,
    version: Option<i64>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let verified = state == Verification::Verified;
    let written = query(
        "update sellers set verification = $4, verified_at = $5,
             payout_failed_at = case when $7 then null else payout_failed_at end,
             payout_failure_code = case when $7 then null else payout_failure_code end
         where merchant_id = $1 and livemode = $2 and id = $3 and (payout_version = $6 or $6 is null)
             and (payout_destination is not null or not $7)",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(state.as_str())
    .bind(Some(now).filter(|_| verified))
    .bind(version)
    .bind(verified)
    .execute(tx)
    .await?;
    Ok(written == 1)
}

/// Writes that money did not arrive at the destination with this `token`, if it still is the seller's; says whether that is
/// news.
pub async fn fail_destination(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    token: &str,
    code: &str,
    now: Timestamp,
) -> Result<bool, DbError> {
    let written = query(
        "update sellers set payout_failed_at = $5, payout_failure_code = $6
         where merchant_id = $1 and livemode = $2 and id = $3 and payout_destination = $4 and payout_failed_at is null",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .bind(token)
    .bind(now)
    .bind(code)
    .execute(tx)
    .await?;
    Ok(written == 1)
}

/// One of this tenant's sellers.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &SellerId) -> Result<Option<Seller>, DbError> {
    let row = query("select * from sellers where merchant_id = $1 and livemode = $2 and id = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(id)
        .optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The seller, whoever's it is: for work that starts from an id of our own.
pub async fn find(on: impl Into<On<'_>>, id: &SellerId) -> Result<Option<Seller>, DbError> {
    query("select * from sellers where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// Sellers of all tenants whose payout schedule is due, and since when; the longest due first.
pub async fn due(on: impl Into<On<'_>>, now: Timestamp, limit: i64) -> Result<Vec<(Seller, Timestamp)>, DbError> {
    let rows = query("select * from sellers where payout_due_at <= $1 order by payout_due_at limit $2")
        .bind(now)
        .bind(limit)
        .all(on)
        .await?;
    rows.iter().map(|row| Ok((read(row)?, row.get("payout_due_at")?))).collect()
}

/// Sellers of all tenants whose payout schedule is due later than one that pays every day, week or month can be.
pub async fn due_beyond(
    on: impl Into<On<'_>>,
    day: Timestamp,
    week: Timestamp,
    month: Timestamp,
    limit: i64,
) -> Result<Vec<(Seller, Timestamp)>, DbError> {
    let rows = query(
        "select * from sellers where payout_due_at > $1 and (payout_due_at > $3 \
         or payout_schedule like '%\"interval\":\"daily\"%' \
         or (payout_schedule like '%\"interval\":\"weekly\"%' and payout_due_at > $2)) limit $4",
    )
    .bind(day)
    .bind(week)
    .bind(month)
    .bind(limit)
    .all(on)
    .await?;
    rows.iter().map(|row| Ok((read(row)?, row.get("payout_due_at")?))).collect()
}

/// Writes when a schedule is due next that was due at `due_at`; says whether it still was.
pub async fn next_due(tx: &mut Tx, id: &SellerId, due_at: Timestamp, next: Option<Timestamp>) -> Result<bool, DbError> {
    let written = query("update sellers set payout_due_at = $3 where id = $1 and payout_due_at = $2")
        .bind(id)
        .bind(due_at)
        .bind(next)
        .execute(tx)
        .await?;
    Ok(written == 1)
}

/// The merchant itself as a seller. Every merchant has one in each mode; that it is missing is a corrupt database.
pub async fn self_seller(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Seller, DbError> {
    let row = query("select * from sellers where merchant_id = $1 and livemode = $2 and is_self")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .one(on)
        .await?;
    read(&row)
}

/// A page of this tenant's sellers, newest first.
pub async fn list(on: impl Into<On<'_>>, tenant: &Tenant, page: &Page) -> Result<Slice<Seller>, DbError> {
    let sql = if page.is_backwards() {
        "select * from sellers where merchant_id = $1 and livemode = $2 and id > $3 order by id limit $4"
    } else {
        "select * from sellers where merchant_id = $1 and livemode = $2 and id < $3 order by id desc limit $4"
    };
    let rows =
        query(sql).bind(&tenant.merchant).bind(tenant.mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

pub(super) fn read(row: &Row) -> Result<Seller, DbError> {
    let (metadata, schedule): (String, String) = (row.get("metadata")?, row.get("payout_schedule")?);
    let verification: String = row.get("verification")?;
    let corrupt = |column: &str| DbError::corrupt(column, "not JSON");
    Ok(Seller {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        name: row.get("name")?,
        is_self: row.get("is_self")?,
        destination: destination(row)?,
        verification: Verification::parse(&verification)
            .ok_or_else(|| DbError::corrupt("verification", &verification))?,
        verified_at: row.get("verified_at")?,
        payout_schedule: serde_json::from_str(&schedule).map_err(|_| corrupt("payout_schedule"))?,
        metadata: serde_json::from_str(&metadata).map_err(|_| corrupt("metadata"))?,
        created_at: row.get("created_at")?,
    })
}

fn destination(row: &Row) -> Result<Option<Destination>, DbError> {
    let Some(token) = row.get::<Option<String>>("payout_destination")? else { return Ok(None) };
    let code: Option<String> = row.get("payout_failure_code")?;
    let failed_at: Option<Timestamp> = row.get("payout_failed_at")?;
    Ok(Some(Destination {
        failure: failed_at.map(|at| DestinationFailure { at, code: code.unwrap_or_default() }),
        token,
        bank_name: row.get("payout_bank_name")?,
        last4: row.get("payout_last4")?,
        version: row.get("payout_version")?,
        held_until: row.get("payout_held_until")?,
    }))
}
