//! The SQL of news about wallets.

use crate::db::{DbError, On, Tx, query};
use crate::wallets::Wallet;
use crate::wallets::store::wallet;
use crate::words::{SellerId, Tenant, Timestamp};

/// A seller whose wallet changed, and all that they have now.
pub(super) struct Changed {
    pub tenant: Tenant,
    pub seller: SellerId,
    /// When the seller was made.
    pub created_at: Timestamp,
    /// One per currency, by currency.
    pub wallets: Vec<Wallet>,
}

/// Whether journals were sealed that nobody has read for news yet: a read, so that an idle gateway writes nothing.
pub(super) async fn is_behind(on: impl Into<On<'_>>) -> Result<bool, DbError> {
    let row = query(
        "select wallet_news.id from wallet_news join ledger_chain on ledger_chain.id = wallet_news.id
         where wallet_news.position < ledger_chain.positions",
    )
    .optional(on)
    .await?;
    Ok(row.is_some())
}

/// Takes the position, which makes every other teller wait until this transaction ends; gives it and the chain's end.
pub(super) async fn take(tx: &mut Tx) -> Result<(i64, i64), DbError> {
    let row = query("update wallet_news set position = position where id = 1 returning position").one(&mut *tx).await?;
    let end = query("select positions from ledger_chain where id = 1").one(tx).await?;
    Ok((row.get("position")?, end.get("positions")?))
}

/// Writes down how far was read.
pub(super) async fn read_up_to(tx: &mut Tx, position: i64) -> Result<(), DbError> {
    query("update wallet_news set position = $1 where id = 1").bind(position).execute(tx).await.map(drop)
}

/// The sellers whose accounts the journals after `from`, up to `upto`, moved.
pub(super) async fn changed(tx: &mut Tx, from: i64, upto: i64) -> Result<Vec<Changed>, DbError> {
    let rows = query(
        "with touched as (
             select t.merchant_id, t.livemode, substr(t.debit_account, 8, 30) as seller_id
                 from sealed_journals s join transfers t
                 on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id
                 where s.position > $1 and s.position <= $2 and t.debit_account like 'seller:%'
             union select t.merchant_id, t.livemode, substr(t.credit_account, 8, 30)
                 from sealed_journals s join transfers t
                 on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id
                 where s.position > $1 and s.position <= $2 and t.credit_account like 'seller:%'
         ) select w.*, l.created_at as seller_created_at from touched x
         join wallets w on w.merchant_id = x.merchant_id and w.livemode = x.livemode and w.seller_id = x.seller_id
         join sellers l on l.id = x.seller_id and l.merchant_id = x.merchant_id and l.livemode = x.livemode
         order by w.merchant_id, w.livemode, w.seller_id, w.currency",
    )
    .bind(from)
    .bind(upto)
    .all(tx)
    .await?;
    let mut changed: Vec<Changed> = Vec::new();
    for row in &rows {
        let one = wallet(row)?;
        match changed.last_mut() {
            Some(last) if last.seller == one.seller => last.wallets.push(one),
            _ => changed.push(Changed {
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                seller: one.seller.clone(),
                created_at: row.get("seller_created_at")?,
                wallets: vec![one],
            }),
        }
    }
    Ok(changed)
}
