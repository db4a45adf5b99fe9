//! What journals change on the accounts that they name.

use super::super::sums::{WIDTHS, start};
use super::canonical::JournalRow;
use std::collections::{BTreeMap, BTreeSet};

/// An account of somebody's books in one currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountKey {
    pub merchant: String,
    pub livemode: bool,
    pub currency: String,
    pub account: String,
}

/// What was debited and credited, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moved {
    pub debits: i128,
    pub credits: i128,
}

/// All that changes on one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The date of the earliest transfer.
    pub first_at: i64,
    /// All of it.
    pub whole: Moved,
    /// The same by stretches of time: their width and when they began.
    pub stretches: BTreeMap<(u32, i64), Moved>,
}

impl Change {
    fn add(&mut self, at: i64, debit: i64, credit: i64) -> Option<()> {
        self.first_at = self.first_at.min(at);
        self.whole.add(debit, credit)?;
        for width in WIDTHS {
            self.stretches.entry((width, start(at, width))).or_default().add(debit, credit)?;
        }
        Some(())
    }
}

impl Moved {
    fn add(&mut self, debit: i64, credit: i64) -> Option<()> {
        self.debits = self.debits.checked_add(debit.into())?;
        self.credits = self.credits.checked_add(credit.into())?;
        Some(())
    }
}

/// What the journals change on each account; `None` when it cannot be added up.
pub(super) fn changes(journals: &[JournalRow]) -> Option<BTreeMap<AccountKey, Change>> {
    let mut changes: BTreeMap<AccountKey, Change> = BTreeMap::new();
    for journal in journals {
        for transfer in &journal.transfers {
            let sides = [(&transfer.debit, transfer.amount, 0), (&transfer.credit, 0, transfer.amount)];
            for (account, debit, credit) in sides {
                let key = AccountKey {
                    merchant: journal.merchant.clone(),
                    livemode: journal.livemode,
                    currency: transfer.currency.clone(),
                    account: account.clone(),
                };
                let nothing = || Change { first_at: i64::MAX, whole: Moved::default(), stretches: BTreeMap::new() };
                changes.entry(key).or_insert_with(nothing).add(transfer.created_at, debit, credit)?;
            }
        }
    }
    Some(changes)
}

/// When the journals' transfers are dated: one instant per journal, as they are posted.
pub(super) fn times(journals: &[JournalRow]) -> BTreeSet<(&str, bool, i64, &str)> {
    journals
        .iter()
        .flat_map(|journal| journal.transfers.iter().map(move |transfer| (journal, transfer.created_at)))
        .map(|(journal, at)| (journal.merchant.as_str(), journal.livemode, at, journal.id.as_str()))
        .collect()
}
