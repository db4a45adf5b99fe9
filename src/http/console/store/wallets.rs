//! The SQL of wallets over all merchants.

use std::collections::HashMap;

use crate::db::{DbError, On, query};
use crate::words::{Currency, Mode, PaymentId, SellerId, Tenant};

/// One seller's balances in one currency, in minor units.
#[derive(Debug, Clone)]
pub struct WalletRow {
    pub seller_id: String,
    pub seller: String,
    pub merchant: String,
    pub mode: Mode,
    pub currency: Currency,
    pub pending: i64,
    pub available: i64,
    pub paying_out: i64,
    pub reserved: i64,
}

/// Wallets by seller, newest sellers first, those after `after` (a seller and a currency).
///
/// `words` is a `like` pattern in lower case for names, `id` a seller's id; both empty for all.
pub async fn wallets(
    on: impl Into<On<'_>>,
    (words, id): (&str, &str),
    mode: Option<Mode>,
    after: Option<(&str, &str)>,
    limit: i64,
) -> Result<Vec<WalletRow>, DbError> {
    let (seller, currency) = after.unwrap_or(("~", "~"));
    let rows = query(
        "select w.*, s.name as seller_name, m.name as merchant_name
         from wallets w join sellers s on s.id = w.seller_id join merchants m on m.id = w.merchant_id
         where ($1 = '' or s.id = $2 or lower(s.name) like $1 escape '\\') and (w.livemode = $3 or $3 is null)
           and (w.seller_id, w.currency) < ($4, $5)
         order by w.seller_id desc, w.currency desc limit $6",
    )
    .bind(words)
    .bind(id)
    .bind(mode)
    .bind(seller)
    .bind(currency)
    .bind(limit)
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(WalletRow {
                seller_id: row.get("seller_id")?,
                seller: row.get("seller_name")?,
                merchant: row.get("merchant_name")?,
                mode: row.get("livemode")?,
                currency: row.get("currency")?,
                pending: row.get("pending")?,
                available: row.get("available")?,
                paying_out: row.get("paying_out")?,
                reserved: row.get("reserved")?,
            })
        })
        .collect()
}

/// Whose seller this is, and its name.
pub async fn seller(on: impl Into<On<'_>>, id: &SellerId) -> Result<Option<(Tenant, String)>, DbError> {
    let row = query("select merchant_id, livemode, name from sellers where id = $1").bind(id).optional(on).await?;
    row.map(|row| Ok((Tenant { merchant: row.get("merchant_id")?, mode: row.get("livemode")? }, row.get("name")?)))
        .transpose()
}

/// The names of the sellers that a payment pays.
pub async fn seller_names(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<HashMap<String, String>, DbError> {
    let rows = query(
        "select s.id, s.name from sellers s
         where s.id in (select seller_account from payment_orders where payment_id = $1)",
    )
    .bind(payment)
    .all(on)
    .await?;
    rows.iter().map(|row| Ok((row.get("id")?, row.get("name")?))).collect()
}
