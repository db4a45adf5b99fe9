//! Which order bears what of a refund, and from where. Pure.

use super::Part;
use crate::merchants::policies::RefundFee;
use crate::payments::payment::Order;
use crate::words::{Money, PaymentOrderId, split};

/// What of an order was refunded before, failed refunds not counted, and what is contested of it.
#[derive(Debug, Clone)]
pub struct Before {
    /// The order.
    pub order: PaymentOrderId,
    /// All of it.
    pub amount: Money,
    /// The platform's fee that was given back in it.
    pub fee: Money,
    /// The platform's fee that was kept although its sale was given back.
    pub fee_kept: Money,
    /// What disputes hold of the order, or took for good.
    pub contested: Money,
}

/// What is to be refunded.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// So much, from whatever is left of all orders.
    Of(Money),
    /// So much of a sale that nobody wanted: the platform's fee goes back too, whatever is decided about fees.
    Unwanted(Money),
    /// So much of each of these orders; everything that is left of it when no amount is named.
    Orders(&'a [(PaymentOrderId, Option<Money>)]),
}

/// Why nothing is shared out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unshared {
    /// More than is left, of the payment or of one of its orders.
    TooMuch {
        /// The place in the list of orders, when one is named.
        at: Option<usize>,
        /// What is left.
        left: Money,
    },
    /// Not an order of the payment, or named twice.
    NoOrder(usize),
}

/// Shares a refund out over the orders of its payment, by what is left of each, largest remainder first, or as the orders are
/// named. Of each part the platform bears its fee's share, so that after the last unit the whole fee is given back; where it
/// keeps its fee, the seller bears the whole part. What is still pending of an order is taken first.
pub fn shares(wanted: Wanted<'_>, orders: &[Order], before: &[Before], fee: RefundFee) -> Result<Vec<Part>, Unshared> {
    let amounts = match wanted {
        Wanted::Of(amount) | Wanted::Unwanted(amount) => over_all(amount, orders, before)?,
        Wanted::Orders(named) => by_name(named, orders, before)?,
    };
    let fee = if matches!(wanted, Wanted::Unwanted(_)) { RefundFee::Return } else { fee };
    let shared = orders.iter().zip(amounts).filter(|(_, amount)| !amount.is_zero());
    shared.map(|(order, amount)| part(order, before, amount, fee)).collect()
}

fn over_all(amount: Money, orders: &[Order], before: &[Before]) -> Result<Vec<Money>, Unshared> {
    let left: Vec<Money> = orders.iter().map(|order| left(order, before)).collect();
    let whole = Money::sum(amount.currency(), left.iter().copied()).unwrap_or(Money::zero(amount.currency()));
    let too_much = Unshared::TooMuch { at: None, left: whole };
    if whole.minor() < amount.minor() {
        return Err(too_much);
    }
    let weights: Vec<i64> = left.iter().map(|left| left.minor()).collect();
    split(amount, &weights).ok_or(too_much)
}

fn by_name(
    named: &[(PaymentOrderId, Option<Money>)],
    orders: &[Order],
    before: &[Before],
) -> Result<Vec<Money>, Unshared> {
    let mut amounts: Vec<Money> = orders.iter().map(|order| Money::zero(order.amount.currency())).collect();
    for (at, (id, amount)) in named.iter().enumerate() {
        let place = orders.iter().position(|order| order.id == *id).ok_or(Unshared::NoOrder(at))?;
        if named[..at].iter().any(|(earlier, _)| earlier == id) {
            return Err(Unshared::NoOrder(at));
        }
        let left = left(&orders[place], before);
        let amount = amount.unwrap_or(left);
        if amount.is_zero() || amount.minor() > left.minor() {
            return Err(Unshared::TooMuch { at: Some(at), left });
        }
        amounts[place] = amount;
    }
    Ok(amounts)
}

/// What of an order was captured, not refunded and not contested.
pub fn left(order: &Order, before: &[Before]) -> Money {
    let zero = Money::zero(order.amount.currency());
    let (refunded, contested) = earlier(order, before).map_or((zero, zero), |done| (done.amount, done.contested));
    order.captured.checked_sub(refunded).and_then(|left| left.checked_sub(contested)).unwrap_or(zero)
}

fn earlier<'a>(order: &Order, before: &'a [Before]) -> Option<&'a Before> {
    before.iter().find(|done| done.order == order.id)
}

fn part(order: &Order, before: &[Before], amount: Money, policy: RefundFee) -> Result<Part, Unshared> {
    let zero = Money::zero(amount.currency());
    let (refunded, settled) = earlier(order, before)
        .map_or((zero, zero), |done| (done.amount, done.fee.checked_add(done.fee_kept).unwrap_or(done.fee)));
    let too_much = || Unshared::TooMuch { at: None, left: left(order, before) };
    let refunded = refunded.checked_add(amount).ok_or_else(too_much)?;
    // A refund that failed in between may have taken its rounding with it: then this one settles less, or no more than itself.
    let due = order
        .captured_fee
        .in_proportion(refunded, order.captured)
        .ok_or_else(too_much)?
        .checked_sub(settled)
        .unwrap_or(zero);
    let due = if due.minor() > amount.minor() { amount } else { due };
    let (fee, fee_kept) = match policy {
        RefundFee::Return => (due, zero),
        RefundFee::Keep => (zero, due),
    };
    let share = amount.checked_sub(fee).unwrap_or(amount);
    let from_pending = if order.pending.minor() < share.minor() { order.pending } else { share };
    Ok(Part { order: order.id.clone(), seller: order.seller.clone(), amount, fee, fee_kept, from_pending })
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
            pending: won(amount - fee),
            fulfilled_at: None,
        }
    }

    fn nothing(order: &Order) -> Before {
        Before { order: order.id.clone(), amount: won(0), fee: won(0), fee_kept: won(0), contested: won(0) }
    }

    fn of(minor: i64, orders: &[Order], before: &[Before]) -> Result<Vec<Part>, Unshared> {
        shares(Wanted::Of(won(minor)), orders, before, RefundFee::Return)
    }

    #[test]
    fn more_than_is_left_is_refused() {
        let orders = [order(100, 3)];
        let before = [Before { amount: won(60), fee: won(1), ..nothing(&orders[0]) }];
        assert_eq!(of(41, &orders, &before), Err(Unshared::TooMuch { at: None, left: won(40) }));
        assert_eq!(of(40, &orders, &before).unwrap()[0].fee, won(2), "the rest of the fee");
    }

    #[test]
    fn named_orders_bear_what_is_named_and_no_more() {
        let orders = [order(100, 3), order(50, 0)];
        let name = |named: &[(usize, Option<i64>)]| {
            let named: Vec<_> = named.iter().map(|(at, minor)| (orders[*at].id.clone(), minor.map(won))).collect();
            shares(Wanted::Orders(&named), &orders, &[], RefundFee::Return)
        };
        let parts = name(&[(1, None), (0, Some(10))]).unwrap();
        let amounts: Vec<i64> = parts.iter().map(|part| part.amount.minor()).collect();
        assert_eq!(amounts, [10, 50]);
        assert_eq!(name(&[(1, Some(51))]), Err(Unshared::TooMuch { at: Some(0), left: won(50) }));
        assert_eq!(name(&[(0, Some(1)), (0, Some(1))]), Err(Unshared::NoOrder(1)), "named twice");
        let stranger = [(PaymentOrderId::new(), None)];
        assert_eq!(shares(Wanted::Orders(&stranger), &orders, &[], RefundFee::Return), Err(Unshared::NoOrder(0)));
    }

    #[test]
    fn a_fee_that_is_kept_is_borne_by_the_seller_and_never_given_back_later() {
        let orders = [order(100, 10)];
        let kept = &shares(Wanted::Of(won(50)), &orders, &[], RefundFee::Keep).unwrap()[0];
        assert_eq!((kept.fee, kept.fee_kept, kept.from_pending), (won(0), won(5), won(50)));
        let before = [Before { amount: won(50), fee_kept: won(5), ..nothing(&orders[0]) }];
        let mut rest = orders.clone();
        rest[0].pending = won(40);
        let returned = &shares(Wanted::Of(won(50)), &rest, &before, RefundFee::Return).unwrap()[0];
        assert_eq!((returned.fee, returned.from_pending), (won(5), won(40)));
        let again = &shares(Wanted::Of(won(50)), &rest, &before, RefundFee::Keep).unwrap()[0];
        assert_eq!(
            (again.fee, again.fee_kept, again.from_pending),
            (won(0), won(5), won(40)),
            "the rest is not pending"
        );
    }

    #[test]
    fn what_a_failed_refund_took_of_the_rounding_breaks_nothing() {
        // Two refunds of 10 in an order of 100 with a fee of 15: 1 and 2. The first fails, so 2 are given back in 10.
        let orders = [order(100, 15)];
        let before = [Before { amount: won(10), fee: won(2), ..nothing(&orders[0]) }];
        assert_eq!(of(1, &orders, &before).unwrap()[0].fee, won(0));
        assert_eq!(of(90, &orders, &before).unwrap()[0].fee, won(13));
    }

    proptest! {
        /// Whatever the steps, everything comes back in the end, no order gives more than it has, no part's fee is more than
        /// the part, and exactly what was pending is taken when nothing was delivered.
        #[test]
        fn refunds_in_any_steps_give_back_everything_and_no_more(
            sizes in prop::collection::vec((1..10_000_i64, 0..=100_i64), 1..6),
            steps in prop::collection::vec(1..5_000_i64, 1..40),
        ) {
            let mut orders: Vec<Order> =
                sizes.into_iter().map(|(amount, percent)| order(amount, amount * percent / 100)).collect();
            let mut before: Vec<Before> = orders.iter().map(nothing).collect();
            let total: i64 = orders.iter().map(|order| order.amount.minor()).sum();
            let mut left = total;
            for step in steps.into_iter().chain([total]) {
                let step = step.min(left);
                if step == 0 { break; }
                let parts = of(step, &orders, &before).unwrap();
                prop_assert_eq!(parts.iter().map(|part| part.amount.minor()).sum::<i64>(), step);
                for part in parts {
                    prop_assert!(part.fee.minor() <= part.amount.minor());
                    prop_assert_eq!(part.from_pending.minor(), part.amount.minor() - part.fee.minor());
                    let order = orders.iter_mut().find(|order| order.id == part.order).unwrap();
                    order.pending = order.pending.checked_sub(part.from_pending).unwrap();
                    let done = before.iter_mut().find(|done| done.order == part.order).unwrap();
                    done.amount = done.amount.checked_add(part.amount).unwrap();
                    done.fee = done.fee.checked_add(part.fee).unwrap();
                }
                left -= step;
            }
            prop_assert_eq!(left, 0);
            for (order, done) in orders.iter().zip(&before) {
                prop_assert_eq!((done.amount, done.fee), (order.amount, order.fee));
                prop_assert!(order.pending.is_zero());
            }
        }
    }
}
