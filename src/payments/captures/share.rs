//! What a capture takes of each order. Pure.

use crate::payments::payment::Order;
use crate::words::{Money, PaymentOrderId, split};

/// What is taken of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Share {
    /// The order.
    pub order: PaymentOrderId,
    /// All of it; zero when the capture is too small to reach it.
    pub amount: Money,
    /// The platform's fee in it.
    pub fee: Money,
}

/// Splits `amount` over `orders` by their sizes, largest remainder first. The platform's fee shrinks as the order does,
/// rounded down, so that the seller has the odd unit.
///
/// `None` when more is asked than the orders are worth.
pub(super) fn shares(amount: Money, orders: &[Order]) -> Option<Vec<Share>> {
    let whole = Money::sum(amount.currency(), orders.iter().map(|order| order.amount))?;
    if amount.minor() > whole.minor() {
        return None;
    }
    let sizes: Vec<i64> = orders.iter().map(|order| order.amount.minor()).collect();
    let parts = split(amount, &sizes)?;
    let shared = orders.iter().zip(parts).map(|(order, amount)| {
        Some(Share { order: order.id.clone(), amount, fee: order.fee.in_proportion(amount, order.amount)? })
    });
    shared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::status::OrderStatus;
    use crate::words::{Currency, PaymentId, SellerId};
    use proptest::prelude::*;

    fn won(minor: i64) -> Money {
        Money::of(minor, Currency::parse("KRW").unwrap()).unwrap()
    }

    fn order(amount: i64, fee: i64) -> Order {
        Order {
            id: PaymentOrderId::new(),
            payment: PaymentId::new(),
            seller: SellerId::new(),
            amount: won(amount),
            fee: won(fee),
            captured: won(0),
            captured_fee: won(0),
            status: OrderStatus::Executing,
            wallet_updated: false,
            ledger_updated: false,
            pending: won(0),
            fulfilled_at: None,
        }
    }

    #[test]
    fn a_part_is_split_by_size_and_its_fee_rounded_down() {
        let shares = shares(won(50), &[order(67, 10), order(33, 5)]).unwrap();
        let shares: Vec<(i64, i64)> = shares.iter().map(|share| (share.amount.minor(), share.fee.minor())).collect();
        assert_eq!(shares, [(34, 5), (16, 2)], "33.5 and 16.5: the first of equal remainders has the odd unit");
        assert!(super::shares(won(101), &[order(67, 10), order(33, 5)]).is_none());
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_capture_and_stay_within_their_orders(
            sizes in prop::collection::vec((1..1_000_000_i64, 0..=100_i64), 1..12),
            part in 1..=1000_i64,
        ) {
            let orders: Vec<Order> =
                sizes.into_iter().map(|(amount, percent)| order(amount, amount * percent / 100)).collect();
            let whole: i64 = orders.iter().map(|order| order.amount.minor()).sum();
            let wanted = (whole * part / 1000).max(1);
            let shares = shares(won(wanted), &orders).unwrap();
            prop_assert_eq!(shares.iter().map(|share| share.amount.minor()).sum::<i64>(), wanted);
            for (share, order) in shares.iter().zip(&orders) {
                prop_assert!(share.amount.minor() <= order.amount.minor());
                prop_assert!(share.fee.minor() <= share.amount.minor() && share.fee.minor() <= order.fee.minor());
                if wanted == whole {
                    prop_assert_eq!((share.amount, share.fee), (order.amount, order.fee));
                }
            }
        }
    }
}
