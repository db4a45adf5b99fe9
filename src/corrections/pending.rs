//! What a correction does to money that waits for delivery. Each order knows what of it is pending, so a correction that moves
//! a seller's pending money moves that of an order too: else its delivery would make another sum available than there is.

use std::collections::BTreeMap;

use super::CorrectionError;
use crate::db::Tx;
use crate::ledger::{Account, Transfer};
use crate::payments::{self, OrderStatus};
use crate::words::{Currency, PaymentId, SellerId, Tenant, Timestamp};

/// Seller by seller, what the transfers add to pending money, in minor units; below zero when they take. `None` when it does
/// not fit into 64 bits.
fn changes(transfers: &[Transfer]) -> Option<BTreeMap<(SellerId, Currency), i64>> {
    let mut changes: BTreeMap<(SellerId, Currency), i64> = BTreeMap::new();
    for transfer in transfers {
        let minor = transfer.amount.minor();
        for (account, change) in [(&transfer.credit, minor), (&transfer.debit, minor.checked_neg()?)] {
            if let Account::Pending(seller) = account {
                let of = changes.entry((seller.clone(), transfer.amount.currency())).or_default();
                *of = of.checked_add(change)?;
            }
        }
    }
    changes.retain(|_, change| *change != 0);
    Some(changes)
}

/// Refuses what could not be posted: pending money of no order, or of one that is delivered.
///
/// # Errors
/// [`CorrectionError::PendingOfNoPayment`] and [`CorrectionError::NothingPending`]; else when the database fails.
pub async fn check(
    tx: &mut Tx,
    tenant: &Tenant,
    payment: Option<&PaymentId>,
    transfers: &[Transfer],
) -> Result<(), CorrectionError> {
    for ((seller, currency), _) in changes(transfers).ok_or(CorrectionError::Transfers)? {
        let payment = payment.ok_or_else(|| CorrectionError::PendingOfNoPayment(seller.to_string()))?;
        let orders = payments::store::orders(&mut *tx, payment).await?;
        let waits = orders.iter().any(|order| {
            order.seller == seller
                && order.amount.currency() == currency
                && order.status == OrderStatus::Success
                && order.fulfilled_at.is_none()
        });
        if !waits || payments::store::get(&mut *tx, tenant, payment).await?.is_none() {
            return Err(CorrectionError::NothingPending(seller.to_string()));
        }
    }
    Ok(())
}

/// Changes what is pending of the orders by what `transfers` move. Refunds, deliveries and disputes of the payment wait for it at the
/// payment's row, as for each other.
///
/// # Errors
/// As [`check`], and then the transaction must not be committed.
pub async fn put_right(
    tx: &mut Tx,
    payment: Option<&PaymentId>,
    transfers: &[Transfer],
    now: Timestamp,
) -> Result<(), CorrectionError> {
    let changes = changes(transfers).ok_or(CorrectionError::Transfers)?;
    let Some(payment) = payment.filter(|_| !changes.is_empty()) else { return Ok(()) };
    payments::store::lock(tx, payment, now).await?;
    for ((seller, currency), change) in changes {
        if !payments::store::correct_pending(tx, payment, &seller, currency, change).await? {
            return Err(CorrectionError::NothingPending(seller.to_string()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Money;

    #[test]
    fn what_goes_in_and_out_of_pending_is_added_up_by_seller() {
        let (one, two) = (SellerId::new(), SellerId::new());
        let krw = Currency::parse("KRW").unwrap();
        let transfer = |debit, credit, minor| Transfer { debit, credit, amount: Money::of(minor, krw).unwrap() };
        let changes = changes(&[
            transfer(Account::Pending(one.clone()), Account::Suspense, 30),
            transfer(Account::PlatformFees, Account::Pending(one.clone()), 10),
            transfer(Account::Pending(two.clone()), Account::Bank, 5),
            transfer(Account::Bank, Account::Pending(two), 5),
            transfer(Account::Available(one.clone()), Account::Suspense, 7),
        ]);
        assert_eq!(changes.unwrap(), BTreeMap::from([((one, krw), -20)]));
    }
}
