//! Which order bears what of a dispute. Pure.

use crate::payments::payment::Order;
use crate::payments::refunds::{Before, left};
use crate::words::{Money, PaymentOrderId, SellerId, split};

/// What of a dispute one seller's order bears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The order.
    pub order: PaymentOrderId,
    /// The seller.
    pub seller: SellerId,
    /// All of it.
    pub amount: Money,
    /// What of it was taken from the seller's pending money; the rest from what was available.
    pub from_pending: Money,
}

/// Splits `amount` over `orders` by what is left of each, largest remainder first. The seller bears all of it: the
/// platform's fee was earned with the sale. What is still pending is taken first.
///
/// A bank may contest what was given back already; then nothing is left to go by, and what was captured decides.
pub(super) fn parts(amount: Money, orders: &[Order], before: &[Before]) -> Option<Vec<Part>> {
    let left: Vec<i64> = orders.iter().map(|order| left(order, before).minor()).collect();
    let enough = left.iter().try_fold(0_i64, |sum, part| sum.checked_add(*part))? >= amount.minor();
    let weights = if enough { left } else { orders.iter().map(|order| order.captured.minor()).collect() };
    let shares = split(amount, &weights)?;
    let borne = orders.iter().zip(shares).filter(|(_, share)| !share.is_zero()).map(|(order, share)| Part {
        order: order.id.clone(),
        seller: order.seller.clone(),
        amount: share,
        from_pending: if order.pending.minor() < share.minor() { order.pending } else { share },
    });
    Some(borne.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::status::OrderStatus;
    use crate::words::{Currency, PaymentId};
    use proptest::prelude::*;

    fn won(minor: i64) -> Money {
        Money::of(minor, Currency::parse("KRW").unwrap()).unwrap()
    }

    fn order(captured: i64, fee: i64, pending: i64) -> Order {
        Order {
            id: PaymentOrderId::new(),
            payment: PaymentId::new(),
            seller: SellerId::new(),
            amount: won(captured),
            fee: won(fee),
            captured: won(captured),
            captured_fee: won(fee),
            status: OrderStatus::Success,
            wallet_updated: true,
            ledger_updated: true,
            pending: won(pending),
            fulfilled_at: None,
        }
    }

    fn refunded(order: &Order, amount: i64) -> Before {
        let (fee, fee_kept, contested) = (won(0), won(0), won(0));
        Before { order: order.id.clone(), amount: won(amount), fee, fee_kept, contested }
    }

    #[test]
    fn what_is_pending_is_taken_first_and_the_rest_from_what_is_available() {
        let parts = parts(won(100), &[order(100, 3, 97)], &[]).unwrap();
        assert_eq!((parts[0].amount, parts[0].from_pending), (won(100), won(97)));
    }

    #[test]
    fn what_was_given_back_already_is_borne_by_what_was_captured() {
        let orders = [order(100, 0, 0), order(50, 0, 10)];
        let before = [refunded(&orders[0], 100), refunded(&orders[1], 40)];
        let parts = parts(won(90), &orders, &before).unwrap();
        let amounts: Vec<i64> = parts.iter().map(|part| part.amount.minor()).collect();
        assert_eq!(amounts, [60, 30]);
        assert_eq!(parts[1].from_pending, won(10));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_and_take_no_more_than_is_pending(
            orders in prop::collection::vec((1..10_000_i64, 0..10_000_i64, 0..10_000_i64), 1..6),
            amount in 1..20_000_i64,
        ) {
            let (orders, before): (Vec<Order>, Vec<Before>) = orders.into_iter().map(|(captured, back, pending)| {
                let order = order(captured, 0, pending.min(captured));
                let before = refunded(&order, back.min(captured));
                (order, before)
            }).unzip();
            let parts = parts(won(amount), &orders, &before).unwrap();
            prop_assert_eq!(parts.iter().map(|part| part.amount.minor()).sum::<i64>(), amount);
            for part in parts {
                let order = orders.iter().find(|order| order.id == part.order).unwrap();
                prop_assert!(part.from_pending.minor() <= order.pending.minor().min(part.amount.minor()));
                prop_assert!(!part.amount.is_zero());
            }
        }
    }
}
