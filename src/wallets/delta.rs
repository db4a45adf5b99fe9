//! How much each wallet changes by a set of transfers.

use crate::ledger::{Pocket, Posting};
use crate::words::{Currency, SellerId, Tenant};
use std::collections::BTreeMap;

/// Which wallet. Wallets are always locked in the order of these keys, so that no two transactions wait for each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub tenant: Tenant,
    pub seller: SellerId,
    pub currency: Currency,
}

/// Changes in minor units; they may be below zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delta {
    pub pending: i64,
    pub available: i64,
    pub paying_out: i64,
    pub reserved: i64,
}

impl Delta {
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// Whether it takes from any of the four.
    pub fn takes(self) -> bool {
        [self.pending, self.available, self.paying_out, self.reserved].iter().any(|&change| change < 0)
    }

    fn of(&mut self, pocket: Pocket) -> &mut i64 {
        match pocket {
            Pocket::Pending => &mut self.pending,
            Pocket::Available => &mut self.available,
            Pocket::PayingOut => &mut self.paying_out,
            Pocket::Reserved => &mut self.reserved,
        }
    }
}

/// The change of every wallet that the postings touch; `None` when one does not fit into 64 bits.
///
/// What a seller has is what the books owe them: credits add, debits take.
pub(super) fn deltas<'a>(postings: impl IntoIterator<Item = &'a Posting>) -> Option<BTreeMap<Key, Delta>> {
    let mut deltas: BTreeMap<Key, Delta> = BTreeMap::new();
    for posting in postings {
        for transfer in &posting.transfers {
            let minor = transfer.amount.minor();
            for (account, change) in [(&transfer.credit, minor), (&transfer.debit, minor.checked_neg()?)] {
                let Some((seller, pocket)) = account.pocket() else { continue };
                let key = Key {
                    tenant: posting.tenant.clone(),
                    seller: seller.clone(),
                    currency: transfer.amount.currency(),
                };
                let balance = deltas.entry(key).or_default().of(pocket);
                *balance = balance.checked_add(change)?;
            }
        }
    }
    deltas.retain(|_, delta| !delta.is_nothing());
    Some(deltas)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{Account, Transfer};
    use crate::words::{MerchantId, Mode, Money, Timestamp};
    use proptest::prelude::*;

    fn posting(transfers: Vec<Transfer>) -> Posting {
        Posting {
            kind: "test",
            source_id: "1".into(),
            tenant: Tenant::new(MerchantId::new(), Mode::Test),
            payment: None,
            transfers,
            now: Timestamp::from_micros(0),
        }
    }

    fn usd(minor: i64) -> Money {
        Money::of(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    #[test]
    fn a_credit_adds_and_a_debit_takes() {
        let seller = SellerId::new();
        let psp = Account::Psp("simulator".into());
        let sale = Transfer { debit: psp, credit: Account::Pending(seller.clone()), amount: usd(97) };
        let delivery =
            Transfer { debit: Account::Pending(seller.clone()), credit: Account::Available(seller), amount: usd(40) };
        let deltas = deltas(&[posting(vec![sale, delivery])]).unwrap();
        let delta = *deltas.values().next().unwrap();
        assert_eq!(delta, Delta { pending: 57, available: 40, ..Delta::default() });
        assert!(!delta.takes());
    }

    #[test]
    fn what_cancels_out_touches_no_wallet() {
        let (here, there) = (Account::Bank, Account::Reserved(SellerId::new()));
        let out = Transfer { debit: here.clone(), credit: there.clone(), amount: usd(5) };
        let back = Transfer { debit: there, credit: here, amount: usd(5) };
        assert!(deltas(&[posting(vec![out, back])]).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn money_between_pockets_is_neither_made_nor_lost(moves in prop::collection::vec((0..4_usize, 0..4_usize, 1..1_000_000_i64), 1..30)) {
            let seller = SellerId::new();
            let pockets = [
                Account::Pending(seller.clone()), Account::Available(seller.clone()),
                Account::PayingOut(seller.clone()), Account::Reserved(seller),
            ];
            let transfers = moves.iter().filter(|(from, to, _)| from != to)
                .map(|&(from, to, minor)| Transfer { debit: pockets[from].clone(), credit: pockets[to].clone(), amount: usd(minor) })
                .collect();
            for delta in deltas(&[posting(transfers)]).unwrap().values() {
                prop_assert_eq!(delta.pending + delta.available + delta.paying_out + delta.reserved, 0);
            }
        }
    }
}
