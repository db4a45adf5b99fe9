//! The platform's fee: a fixed part, a part of the amount, or both. Pure.

use std::collections::BTreeMap;

use crate::words::{Currency, Money};

/// A whole amount in parts per million.
const WHOLE: i64 = 1_000_000;

/// What the platform takes of a sale.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlatformFee {
    /// Once per payment; nothing in a currency that is not named.
    pub fixed: BTreeMap<Currency, Money>,
    /// Of the amount, in parts per million: 29 000 are 2.9 %. At most a million.
    pub ppm: u32,
}

impl PlatformFee {
    /// The fee of `amount`: the fixed part and the share together, never more than the amount.
    ///
    /// A share that is no whole unit is rounded down: the odd unit is the seller's. So a larger amount never has a smaller
    /// fee, and never leaves the seller less.
    pub fn of(&self, amount: Money) -> Money {
        let fixed = self.fixed.get(&amount.currency()).map_or(0, |fixed| fixed.minor());
        let share = i128::from(amount.minor()).saturating_mul(i128::from(self.ppm)) / i128::from(WHOLE);
        let fee = i64::try_from(share).unwrap_or(i64::MAX).saturating_add(fixed);
        Money::of(fee, amount.currency()).filter(|fee| fee.minor() <= amount.minor()).unwrap_or(amount)
    }

    /// Whether it takes nothing of anything.
    pub fn is_nothing(&self) -> bool {
        self.ppm == 0 && self.fixed.values().all(|fixed| fixed.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::of(minor, Currency::parse(code).unwrap()).unwrap()
    }

    fn fee(fixed: i64, ppm: u32) -> PlatformFee {
        let fixed = money(fixed, "USD");
        PlatformFee { fixed: BTreeMap::from([(fixed.currency(), fixed)]), ppm }
    }

    #[test]
    fn fixed_and_share_add_up_and_the_odd_unit_is_the_sellers() {
        assert_eq!(fee(30, 29_000).of(money(1000, "USD")), money(59, "USD"));
        assert_eq!(fee(0, 29_000).of(money(999, "USD")), money(28, "USD"), "28.971 is rounded down");
        assert_eq!(fee(30, 29_000).of(money(1000, "KRW")), money(29, "KRW"), "nothing is fixed in won");
        assert_eq!(fee(30, 0).of(money(20, "USD")), money(20, "USD"), "never more than the amount");
        assert_eq!(fee(0, 1_000_000).of(money(7, "USD")), money(7, "USD"));
        assert!(PlatformFee::default().is_nothing() && !fee(1, 0).is_nothing() && !fee(0, 1).is_nothing());
    }

    proptest! {
        #[test]
        fn a_larger_amount_has_no_smaller_fee_and_leaves_no_less(
            fixed in 0..1_000_000_i64, ppm in 0..=1_000_000_u32,
            one in 0..=999_999_999_999_999_i64, more in 0..1_000_000_i64,
        ) {
            let fee = fee(fixed, ppm);
            let (small, large) = (money(one, "USD"), money((one + more).min(999_999_999_999_999), "USD"));
            let (of_small, of_large) = (fee.of(small), fee.of(large));
            prop_assert!(of_small.minor() <= small.minor() && of_large.minor() <= large.minor());
            prop_assert!(of_small.minor() <= of_large.minor());
            prop_assert!(small.minor() - of_small.minor() <= large.minor() - of_large.minor());
        }
    }
}
