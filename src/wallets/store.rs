//! The SQL of wallets.

use super::delta::{Delta, Key};
use crate::db::{DbError, On, Row, Tx, Value, insert_many, query};
use crate::words::{Currency, SellerId, Tenant, Timestamp};

/// What a seller has in one currency, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    /// Whose it is.
    pub seller: SellerId,
    /// The currency of the balances.
    pub currency: Currency,
    /// Sold, not yet delivered.
    pub pending: i64,
    /// May be paid out. Below zero when the seller owes.
    pub available: i64,
    /// On its way to the seller's bank.
    pub paying_out: i64,
    /// Held back for refunds.
    pub reserved: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Adds to wallets, making those that are not there yet. The rows are locked in the order given.
pub(super) async fn give(tx: &mut Tx, deltas: &[(&Key, Delta)], now: Timestamp) -> Result<(), DbError> {
    let rows = deltas
        .iter()
        .map(|(key, delta)| {
            vec![
                Value::from(&key.tenant.merchant),
                key.tenant.mode.into(),
                (&key.seller).into(),
                key.currency.into(),
                delta.pending.into(),
                delta.available.into(),
                delta.paying_out.into(),
                delta.reserved.into(),
                now.into(),
                now.into(),
            ]
        })
        .collect();
    insert_many(
        "insert into wallets (merchant_id, livemode, seller_id, currency, pending, available, paying_out, reserved, created_at, updated_at)",
        rows,
        "on conflict (merchant_id, livemode, seller_id, currency) do update set \
         pending = wallets.pending + excluded.pending, available = wallets.available + excluded.available, \
         paying_out = wallets.paying_out + excluded.paying_out, reserved = wallets.reserved + excluded.reserved, \
         updated_at = excluded.updated_at",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// Changes one wallet if it holds what is taken; says whether it did. The condition is the lock.
///
/// A pocket that is only given to is not asked, so that a seller who owes can still be credited. Nor is what is available
/// when the seller `may_owe`.
pub(super) async fn take(tx: &mut Tx, key: &Key, delta: Delta, may_owe: bool, now: Timestamp) -> Result<bool, DbError> {
    let changed = query(
        "update wallets set pending = pending + $5, available = available + $6, paying_out = paying_out + $7, \
         reserved = reserved + $8, updated_at = $9 \
         where merchant_id = $1 and livemode = $2 and seller_id = $3 and currency = $4 \
         and ($5 >= 0 or pending + $5 >= 0) and ($6 >= 0 or available + $6 >= 0 or $10) \
         and ($7 >= 0 or paying_out + $7 >= 0) and ($8 >= 0 or reserved + $8 >= 0)",
    )
    .bind(&key.tenant.merchant)
    .bind(key.tenant.mode)
    .bind(&key.seller)
    .bind(key.currency)
    .bind(delta.pending)
    .bind(delta.available)
    .bind(delta.paying_out)
    .bind(delta.reserved)
    .bind(now)
    .bind(may_owe)
    .execute(tx)
    .await?;
    Ok(changed == 1)
}

/// A seller's wallets, one per currency that it was ever paid in, by currency.
///
/// # Errors
/// When the database fails.
pub async fn of_seller(on: impl Into<On<'_>>, tenant: &Tenant, seller: &SellerId) -> Result<Vec<Wallet>, DbError> {
    query("select * from wallets where merchant_id = $1 and livemode = $2 and seller_id = $3 order by currency")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(seller)
        .all(on)
        .await?
        .iter()
        .map(wallet)
        .collect()
}

/// A tenant's wallets by seller and currency, those after `after`.
///
/// # Errors
/// When the database fails.
pub async fn of_tenant(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    after: Option<(&SellerId, Currency)>,
    limit: u32,
) -> Result<Vec<Wallet>, DbError> {
    query(
        "select * from wallets where merchant_id = $1 and livemode = $2 and (seller_id, currency) > ($3, $4) \
         order by seller_id, currency limit $5",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(after.map_or("", |(seller, _)| seller.as_str()))
    .bind(after.map_or("", |(_, currency)| currency.code()))
    .bind(i64::from(limit))
    .all(on)
    .await?
    .iter()
    .map(wallet)
    .collect()
}

pub(super) fn wallet(row: &Row) -> Result<Wallet, DbError> {
    Ok(Wallet {
        seller: row.get("seller_id")?,
        currency: row.get("currency")?,
        pending: row.get("pending")?,
        available: row.get("available")?,
        paying_out: row.get("paying_out")?,
        reserved: row.get("reserved")?,
        updated_at: row.get("updated_at")?,
    })
}
