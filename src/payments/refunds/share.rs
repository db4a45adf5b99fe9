//! Which order bears what of a refund. Pure.

use super::Part;
use crate::payments::payment::Order;
use crate::words::{Money, PaymentOrderId, split};

/// What of an order was refunded before, failed refunds not counted.
#[derive(Debug, Clone)]
pub struct Before {
    /// The order.
    pub order: PaymentOrderId,
    /// All of it.
    pub amount: Money,
    /// The platform's fee in it.
    pub fee: Money,
}

/// Splits `amount` over `orders` by what is left of each, largest remainder first. Of each part the platform bears its
/// fee's share, so that after the last unit the whole fee is given back.
///
/// `None` when more is asked than is left.
pub fn shares(amount: Money, orders: &[Order], before: &[Before]) -> Option<Vec<Part>> {
    let zero = Money::zero(amount.currency());
    let earlier = |order: &Order| {
        before.iter().find(|done| done.order == order.id).map_or((zero, zero), |done| (done.amount, done.fee))
    };
    let left: Vec<i64> = orders
        .iter()
        .map(|order| order.captured.checked_sub(earlier(order).0).map(Money::minor))
        .collect::<Option<_>>()?;
    if left.iter().sum::<i64>() < amount.minor() {
        return None;
    }
    let parts = split(amount, &left)?;
    let shared = orders.iter().zip(parts).filter(|(_, part)| !part.is_zero()).map(|(order, part)| {
        let (amount_before, fee_before) = earlier(order);
        let refunded = amount_before.checked_add(part)?;
        let fee = fee_of(order, refunded)?.checked_sub(fee_before)?;
        Some(Part { order: order.id.clone(), seller: order.seller.clone(), amount: part, fee })
    });
    shared.collect()
}

/// The fee's share in `refunded` of `order`, rounded down.
fn fee_of(order: &Order, refunded: Money) -> Option<Money> {
    let product = i128::from(order.captured_fee.minor()).checked_mul(i128::from(refunded.minor()))?;
    let share = product.checked_div(i128::from(order.captured.minor()))?;
    Money::of(i64::try_from(share).ok()?, refunded.currency())
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
            captured: won(amount),
            captured_fee: won(fee),
            status: OrderStatus::Success,
            wallet_updated: true,
            ledger_updated: true,
        }
    }

    #[test]
    fn more_than_is_left_is_refused() {
        let orders = [order(100, 3)];
        let before = [Before { order: orders[0].id.clone(), amount: won(60), fee: won(1) }];
        assert!(shares(won(41), &orders, &before).is_none());
        assert_eq!(shares(won(40), &orders, &before).unwrap()[0].fee, won(2), "the rest of the fee");
    }

    proptest! {
        /// Whatever the steps, everything comes back in the end, no order gives more than it has, and no part's fee is
        /// more than the part.
        #[test]
        fn refunds_in_any_steps_give_back_everything_and_no_more(
            sizes in prop::collection::vec((1..10_000_i64, 0..=100_i64), 1..6),
            steps in prop::collection::vec(1..5_000_i64, 1..40),
        ) {
            let orders: Vec<Order> =
                sizes.into_iter().map(|(amount, percent)| order(amount, amount * percent / 100)).collect();
            let mut before: Vec<Before> =
                orders.iter().map(|order| Before { order: order.id.clone(), amount: won(0), fee: won(0) }).collect();
            let total: i64 = orders.iter().map(|order| order.amount.minor()).sum();
            let mut left = total;
            for step in steps.into_iter().chain([total]) {
                let step = step.min(left);
                if step == 0 { break; }
                let parts = shares(won(step), &orders, &before).unwrap();
                prop_assert_eq!(parts.iter().map(|part| part.amount.minor()).sum::<i64>(), step);
                for part in parts {
                    prop_assert!(part.fee.minor() <= part.amount.minor());
                    let done = before.iter_mut().find(|done| done.order == part.order).unwrap();
                    done.amount = done.amount.checked_add(part.amount).unwrap();
                    done.fee = done.fee.checked_add(part.fee).unwrap();
                }
                left -= step;
            }
            prop_assert_eq!(left, 0);
            for (order, done) in orders.iter().zip(&before) {
                prop_assert_eq!((done.amount, done.fee), (order.amount, order.fee));
            }
        }
    }
}
