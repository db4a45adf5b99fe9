//! News: merchants are told of wallets that changed, after the change is committed and not in the payment's own transaction.
//!
//! Promises: after every change of a wallet there is a `wallet.updated` with balances at least as new as that change, and the
//! last one of a seller holds what the seller has. Many changes within a moment may be told together. Why so:
//! docs/adr/0022.

mod store;

use super::view::wallet_view;
use crate::db::{Db, DbError};
use crate::events::{self, NewEvent};
use crate::words::Timestamp;

/// Sealed journals read at once.
const STRIDE: i64 = 500;

/// Reads the journals that were sealed since the last call, a stretch of them, and tells of each seller whose wallet they
/// moved: one event, with the balances as they are now. Says whether there is more to read.
///
/// Any number of processes may call it: the row of the position lets one at a time.
///
/// # Errors
/// When the database fails.
pub async fn tell(db: &Db, now: Timestamp) -> Result<bool, DbError> {
    if !store::is_behind(db).await? {
        return Ok(false);
    }
    let mut tx = db.begin().await?;
    let (from, end) = store::take(&mut tx).await?;
    let upto = end.min(from.saturating_add(STRIDE));
    for changed in store::changed(&mut tx, from, upto).await? {
        let data = wallet_view(&changed.tenant, &changed.seller, changed.created_at, &changed.wallets);
        let (kind, object_id) = ("wallet.updated", changed.seller.as_str());
        events::append(&mut tx, NewEvent { tenant: &changed.tenant, kind, object_id, data, now }).await?;
    }
    store::read_up_to(&mut tx, upto).await?;
    tx.commit().await?;
    Ok(upto < end)
}
