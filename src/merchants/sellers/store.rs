//! The sellers' rows.

use super::Seller;
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{Page, SellerId, Slice, Tenant};

pub(super) async fn insert(tx: &mut Tx, seller: &Seller) -> Result<(), DbError> {
    query(
        "insert into sellers (id, merchant_id, livemode, name, is_self, payout_destination, metadata, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&seller.id)
    .bind(&seller.tenant.merchant)
    .bind(seller.tenant.mode)
    .bind(seller.name.as_str())
    .bind(seller.is_self)
    .bind(&seller.payout_destination)
    .bind(serde_json::json!(seller.metadata).to_string())
    .bind(seller.created_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// One of this tenant's sellers.
pub async fn get(on: impl Into<On<'_>>, tenant: &Tenant, id: &SellerId) -> Result<Option<Seller>, DbError> {
    let row = query(
        "select id, merchant_id, livemode, name, is_self, payout_destination, metadata, created_at from sellers
         where merchant_id = $1 and livemode = $2 and id = $3",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(id)
    .optional(on)
    .await?;
    row.as_ref().map(read).transpose()
}

/// The merchant itself as a seller. Every merchant has one in each mode; that it is missing is a corrupt database.
pub async fn self_seller(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Seller, DbError> {
    let row = query(
        "select id, merchant_id, livemode, name, is_self, payout_destination, metadata, created_at from sellers
         where merchant_id = $1 and livemode = $2 and is_self",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .one(on)
    .await?;
    read(&row)
}

/// A page of this tenant's sellers, newest first.
pub async fn list(on: impl Into<On<'_>>, tenant: &Tenant, page: &Page) -> Result<Slice<Seller>, DbError> {
    let sql = if page.is_backwards() {
        "select id, merchant_id, livemode, name, is_self, payout_destination, metadata, created_at from sellers
         where merchant_id = $1 and livemode = $2 and id > $3 order by id limit $4"
    } else {
        "select id, merchant_id, livemode, name, is_self, payout_destination, metadata, created_at from sellers
         where merchant_id = $1 and livemode = $2 and id < $3 order by id desc limit $4"
    };
    let rows =
        query(sql).bind(&tenant.merchant).bind(tenant.mode).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<Seller, DbError> {
    let metadata: String = row.get("metadata")?;
    Ok(Seller {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        name: row.get("name")?,
        is_self: row.get("is_self")?,
        payout_destination: row.get("payout_destination")?,
        metadata: serde_json::from_str(&metadata)
            .map_err(|e| DbError::Corrupt { column: "metadata".to_owned(), reason: e.to_string() })?,
        created_at: row.get("created_at")?,
    })
}
