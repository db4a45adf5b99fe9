//! One position of an order, and what the positions come to.

use crate::words::{Money, SellerId};

/// What is bought, how many, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineItem {
    /// What the shopper reads.
    pub name: String,
    /// The price of one.
    pub unit_amount: Money,
    /// 1 to 10 000.
    pub quantity: i64,
    /// Unit price times quantity.
    pub amount: Money,
    /// Who is paid for it.
    pub seller: SellerId,
}

/// `unit` taken `quantity` times; `None` beyond what an amount can hold.
pub(super) fn times(unit: Money, quantity: i64) -> Option<Money> {
    Money::of(unit.minor().checked_mul(quantity)?, unit.currency())
}

/// Each distinct seller's share, in the order of their first line; `None` beyond what an amount can hold.
pub(super) fn shares(lines: &[LineItem]) -> Option<Vec<(SellerId, Money)>> {
    let mut shares: Vec<(SellerId, Money)> = Vec::new();
    for line in lines {
        match shares.iter_mut().find(|(seller, _)| *seller == line.seller) {
            Some((_, sum)) => *sum = sum.checked_add(line.amount)?,
            None => shares.push((line.seller.clone(), line.amount)),
        }
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Currency;

    #[test]
    fn each_seller_has_one_share_and_they_sum_to_the_whole() {
        let won = |minor| Money::of(minor, Currency::parse("KRW").unwrap()).unwrap();
        let (a, b) = (SellerId::new(), SellerId::new());
        let line = |seller: &SellerId, unit, quantity| LineItem {
            name: "x".into(),
            unit_amount: won(unit),
            quantity,
            amount: times(won(unit), quantity).unwrap(),
            seller: seller.clone(),
        };
        let lines = [line(&b, 100, 2), line(&a, 50, 1), line(&b, 7, 3)];
        assert_eq!(shares(&lines), Some(vec![(b, won(221)), (a, won(50))]));
        assert_eq!(times(won(999_999_999_999_999), 2), None);
    }
}
