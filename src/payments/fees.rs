//! What the platform takes of each seller's share. Pure.

use std::collections::BTreeMap;

use crate::merchants::policies::PlatformFee;
use crate::words::{Money, SellerId, split};

/// What decides the fees of one payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Terms {
    /// The session names the whole fee.
    Whole(Money),
    /// The merchant's fee, and those of the sellers that have their own.
    Decided {
        /// For all the others together.
        merchants: PlatformFee,
        /// Each for itself.
        sellers: BTreeMap<SellerId, PlatformFee>,
    },
}

/// The fee in each seller's share, in the order given.
///
/// A seller with a fee of its own pays that of its own share. The others pay the merchant's fee of their shares together: its
/// fixed part once per payment, not once per seller. What several sellers pay together is split by their shares; the units
/// left over go one each to the largest remainders, and of equal ones to the seller that the merchant has had for longer
/// (the smaller id). So the order of the lines decides nothing. `None` when the shares are no amounts of one currency.
pub fn fees(shares: &[(SellerId, Money)], terms: &Terms) -> Option<Vec<Money>> {
    let own = |seller: &SellerId| match terms {
        Terms::Whole(_) => None,
        Terms::Decided { sellers, .. } => sellers.get(seller),
    };
    let mut fees: Vec<Money> = shares
        .iter()
        .map(|(seller, share)| own(seller).map_or(Money::zero(share.currency()), |fee| fee.of(*share)))
        .collect();
    let mut together: Vec<usize> = (0..shares.len()).filter(|&index| own(&shares[index].0).is_none()).collect();
    together.sort_by(|&one, &other| shares[one].0.cmp(&shares[other].0));
    let Some(&first) = together.first() else { return Some(fees) };
    let whole = Money::sum(shares[first].1.currency(), together.iter().map(|&index| shares[index].1))?;
    let fee = match terms {
        Terms::Whole(fee) => *fee,
        Terms::Decided { merchants, .. } => merchants.of(whole),
    };
    if fee.is_zero() {
        return Some(fees);
    }
    let weights: Vec<i64> = together.iter().map(|&index| shares[index].1.minor()).collect();
    for (&index, part) in together.iter().zip(split(fee, &weights)?) {
        fees[index] = part;
    }
    Some(fees)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Currency;
    use proptest::prelude::*;

    fn won(minor: i64) -> Money {
        Money::of(minor, Currency::parse("KRW").unwrap()).unwrap()
    }

    fn fee(fixed: i64, ppm: u32) -> PlatformFee {
        PlatformFee { fixed: BTreeMap::from([(won(0).currency(), won(fixed))]), ppm }
    }

    /// Sellers from the oldest to the youngest.
    fn sellers(count: usize) -> Vec<SellerId> {
        let mut sellers: Vec<_> = (0..count).map(|_| SellerId::new()).collect();
        sellers.sort();
        sellers
    }

    fn decided(merchants: PlatformFee) -> Terms {
        Terms::Decided { merchants, sellers: BTreeMap::new() }
    }

    #[test]
    fn the_odd_unit_is_the_older_sellers_wherever_its_line_stands() {
        let ids = sellers(2);
        let (old, young) = (ids[0].clone(), ids[1].clone());
        let there = [(old.clone(), won(50)), (young.clone(), won(50))];
        let back = [(young, won(50)), (old, won(50))];
        let terms = decided(fee(3, 0));
        assert_eq!(fees(&there, &terms), Some(vec![won(2), won(1)]));
        assert_eq!(fees(&back, &terms), Some(vec![won(1), won(2)]));
        assert_eq!(fees(&back, &Terms::Whole(won(3))), Some(vec![won(1), won(2)]));
    }

    #[test]
    fn the_fixed_part_is_paid_once_by_those_who_pay_together() {
        let ids = sellers(3);
        let shares: Vec<_> = ids.iter().map(|id| (id.clone(), won(1000))).collect();
        let terms =
            Terms::Decided { merchants: fee(30, 10_000), sellers: BTreeMap::from([(ids[1].clone(), fee(5, 1_000))]) };
        assert_eq!(fees(&shares, &terms), Some(vec![won(25), won(6), won(25)]));
        let free = Terms::Decided { merchants: fee(30, 0), sellers: BTreeMap::from([(ids[0].clone(), fee(0, 0))]) };
        assert_eq!(fees(&shares, &free), Some(vec![won(0), won(15), won(15)]));
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_whole_never_exceed_a_share_and_do_not_depend_on_the_order(
            amounts in prop::collection::vec(0..1_000_000_i64, 1..12),
            own in prop::collection::vec(prop::option::of((0..2_000_i64, 0..=1_000_000_u32)), 12),
            fixed in 0..5_000_i64, ppm in 0..=1_000_000_u32, turn in 0..12_usize,
        ) {
            let ids = sellers(amounts.len());
            let shares: Vec<_> = ids.iter().cloned().zip(amounts.iter().map(|&minor| won(minor))).collect();
            let sellers: BTreeMap<_, _> = ids.iter().cloned().zip(own)
                .filter_map(|(id, own)| own.map(|(fixed, ppm)| (id, fee(fixed, ppm)))).collect();
            let merchants = fee(fixed, ppm);
            let terms = Terms::Decided { merchants: merchants.clone(), sellers: sellers.clone() };
            let parts = fees(&shares, &terms).unwrap();
            let mut together = (0, 0);
            for ((seller, share), part) in shares.iter().zip(&parts) {
                prop_assert!(part.minor() <= share.minor(), "a fee above the share");
                match sellers.get(seller) {
                    Some(own) => prop_assert_eq!(*part, own.of(*share)),
                    None => together = (together.0 + share.minor(), together.1 + part.minor()),
                }
            }
            prop_assert_eq!(together.1, merchants.of(won(together.0)).minor(), "the parts sum to the whole");

            let mut turned = shares.clone();
            turned.rotate_left(turn % shares.len());
            turned.reverse();
            let of_turned: BTreeMap<_, _> = turned.iter().map(|(id, _)| id.clone()).zip(fees(&turned, &terms).unwrap()).collect();
            for ((seller, _), part) in shares.iter().zip(&parts) {
                prop_assert_eq!(of_turned[seller], *part, "the order of the lines decides nothing");
            }
        }

        #[test]
        fn a_fee_of_the_session_is_split_whole(
            amounts in prop::collection::vec(0..1_000_000_i64, 1..12), thousandths in 0..=1_000_i64,
        ) {
            let total: i64 = amounts.iter().sum();
            let shares: Vec<_> = sellers(amounts.len()).into_iter().zip(amounts.into_iter().map(won)).collect();
            let fee = total * thousandths / 1_000;
            let parts = fees(&shares, &Terms::Whole(won(fee))).unwrap();
            prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i64>(), fee);
            for ((_, share), part) in shares.iter().zip(&parts) {
                prop_assert!(part.minor() <= share.minor());
            }
        }
    }
}
