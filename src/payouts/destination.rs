//! Where a seller's money goes: changed with an eye to what is there to be stolen, shut when money does not arrive there, and
//! told to the merchant, who may be somebody else than whoever changed it.

use std::time::Duration;

use super::Payout;
use crate::db::{DbError, Tx};
use crate::events::{self, NewEvent};
use crate::merchants::sellers::{self, Change, Seller};
use crate::wallets;
use crate::words::{SellerId, Tenant, Timestamp};

/// Changes what is named of a seller, and gives it as it is then; `None` when there is no such seller.
///
/// Another destination holds payouts for `cooling`. So does the first one, unless the seller has nothing yet: there is
/// something to rob then.
pub async fn change_seller(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &SellerId,
    change: &Change,
    cooling: Duration,
    now: Timestamp,
) -> Result<Option<Seller>, DbError> {
    let has_money = change.payout_destination.is_some()
        && wallets::of_seller(&mut *tx, tenant, id).await?.iter().any(|wallet| {
            [wallet.pending, wallet.available, wallet.paying_out, wallet.reserved].into_iter().any(|minor| minor > 0)
        });
    let cooling = sellers::Cooling { span: cooling, first_too: has_money };
    let Some((seller, moved)) = sellers::change(tx, tenant, id, change, cooling, now).await? else { return Ok(None) };
    if moved {
        tell(tx, &seller, "seller.payout_destination_changed", now).await?;
    }
    Ok(Some(seller))
}

/// Shuts the destination of a payout that did not arrive, so that no other one follows it, if it still is the seller's.
pub(super) async fn shut(tx: &mut Tx, payout: &Payout, now: Timestamp) -> Result<(), DbError> {
    let (tenant, id) = (&payout.tenant, &payout.seller);
    let code = payout.failure_code.as_deref().unwrap_or_default();
    if sellers::fail_destination(tx, tenant, id, &payout.destination, code, now).await?
        && let Some(seller) = sellers::get(&mut *tx, tenant, id).await?
    {
        tell(tx, &seller, "seller.payout_destination_failed", now).await?;
    }
    Ok(())
}

/// The caller's transaction has changed the seller's row, which orders its events.
async fn tell(tx: &mut Tx, seller: &Seller, kind: &'static str, now: Timestamp) -> Result<(), DbError> {
    let (data, object_id) = (sellers::view(seller), seller.id.as_str());
    events::append(tx, NewEvent { tenant: &seller.tenant, kind, object_id, data, now }).await?;
    Ok(())
}
