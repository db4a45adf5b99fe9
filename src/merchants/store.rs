//! The merchants' rows.

use super::Merchant;
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{MerchantId, Page, Slice};

pub(super) async fn insert_merchant(tx: &mut Tx, merchant: &Merchant) -> Result<(), DbError> {
    query("insert into merchants (id, name, created_at) values ($1, $2, $3)")
        .bind(&merchant.id)
        .bind(merchant.name.as_str())
        .bind(merchant.created_at)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) async fn merchant(on: impl Into<On<'_>>, id: &MerchantId) -> Result<Option<Merchant>, DbError> {
    let row = query("select id, name, created_at from merchants where id = $1").bind(id).optional(on).await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn merchants(on: impl Into<On<'_>>, page: &Page) -> Result<Slice<Merchant>, DbError> {
    let sql = if page.is_backwards() {
        "select id, name, created_at from merchants where id > $1 order by id limit $2"
    } else {
        "select id, name, created_at from merchants where id < $1 order by id desc limit $2"
    };
    let rows = query(sql).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<Merchant, DbError> {
    Ok(Merchant { id: row.get("id")?, name: row.get("name")?, created_at: row.get("created_at")? })
}
