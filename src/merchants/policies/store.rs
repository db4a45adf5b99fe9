//! The rows of decisions.

use std::collections::BTreeMap;

use serde_json::Value;

use super::reading::fee;
use super::{PlatformFee, Policies};
use crate::db::{DbError, On, Tx, query};
use crate::words::{PolicyChangeId, SellerId, Tenant, Timestamp};

/// What a merchant has decided; what it has not, by default.
pub async fn of(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Policies, DbError> {
    let rows = query("select name, value from policies where merchant_id = $1 and livemode = $2")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .all(on)
        .await?;
    let mut policies = Policies::default();
    for row in &rows {
        let name: String = row.get("name")?;
        policies.set(&name, &json(&row.get::<String>("value")?)?).map_err(corrupt)?;
    }
    Ok(policies)
}

/// The fees of the sellers that have their own.
pub async fn of_sellers(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<BTreeMap<SellerId, PlatformFee>, DbError> {
    let rows = query(
        "select seller_id, value from seller_policies where merchant_id = $1 and livemode = $2 and name = 'platform_fee'",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .all(on)
    .await?;
    let mut fees = BTreeMap::new();
    for row in &rows {
        let own = fee(&json(&row.get::<String>("value")?)?).map_err(corrupt)?;
        fees.extend(own.map(|own| row.get("seller_id").map(|seller: SellerId| (seller, own))).transpose()?);
    }
    Ok(fees)
}

/// The tenants whose orders count as delivered by themselves, with their days.
pub async fn fulfilling_by_time(on: impl Into<On<'_>>) -> Result<Vec<(Tenant, u16)>, DbError> {
    let rows =
        query("select merchant_id, livemode, value from policies where name = 'fulfill_after_days'").all(on).await?;
    let mut found = Vec::new();
    for row in &rows {
        let mut policies = Policies::default();
        policies.set("fulfill_after_days", &json(&row.get::<String>("value")?)?).map_err(corrupt)?;
        let tenant = Tenant::new(row.get("merchant_id")?, row.get("livemode")?);
        found.extend(policies.fulfill_after_days.map(|days| (tenant, days)));
    }
    Ok(found)
}

/// Writes one decision over whatever was decided before.
pub(super) async fn keep(
    tx: &mut Tx,
    tenant: &Tenant,
    seller: Option<&SellerId>,
    name: &str,
    value: &Value,
    now: Timestamp,
) -> Result<(), DbError> {
    let statement = match seller {
        None => query(
            "insert into policies (merchant_id, livemode, name, value, updated_at) values ($1, $2, $3, $4, $5)
             on conflict (merchant_id, livemode, name)
             do update set value = excluded.value, updated_at = excluded.updated_at",
        ),
        Some(_) => query(
            "insert into seller_policies (merchant_id, livemode, name, value, updated_at, seller_id)
             values ($1, $2, $3, $4, $5, $6) on conflict (merchant_id, livemode, seller_id, name)
             do update set value = excluded.value, updated_at = excluded.updated_at",
        ),
    };
    let bound = statement.bind(&tenant.merchant).bind(tenant.mode).bind(name).bind(value.to_string()).bind(now);
    match seller {
        None => bound.execute(tx).await?,
        Some(seller) => bound.bind(seller).execute(tx).await?,
    };
    Ok(())
}

/// Forgets one decision: the default holds again.
pub(super) async fn forget(tx: &mut Tx, tenant: &Tenant, seller: Option<&SellerId>, name: &str) -> Result<(), DbError> {
    let Some(seller) = seller else {
        query("delete from policies where merchant_id = $1 and livemode = $2 and name = $3")
            .bind(&tenant.merchant)
            .bind(tenant.mode)
            .bind(name)
            .execute(tx)
            .await?;
        return Ok(());
    };
    query("delete from seller_policies where merchant_id = $1 and livemode = $2 and seller_id = $3 and name = $4")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(seller)
        .bind(name)
        .execute(tx)
        .await?;
    Ok(())
}

/// Writes down who changed what.
pub(super) async fn record(
    tx: &mut Tx,
    tenant: &Tenant,
    seller: Option<&SellerId>,
    name: &str,
    (was, is): (&Value, &Value),
    by: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let text = |value: &Value| (!value.is_null()).then(|| value.to_string());
    query(
        "insert into policy_changes (id, merchant_id, livemode, seller_id, name, before_value, after_value, changed_by,
             changed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(PolicyChangeId::new().as_str())
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(seller.map_or("", SellerId::as_str))
    .bind(name)
    .bind(text(was))
    .bind(text(is))
    .bind(by)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

fn json(text: &str) -> Result<Value, DbError> {
    serde_json::from_str(text).map_err(|_| DbError::corrupt("value", "not JSON"))
}

fn corrupt(fault: impl std::fmt::Display) -> DbError {
    DbError::corrupt("value", &fault.to_string())
}
