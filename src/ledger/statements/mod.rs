//! What happened to a seller's money in a stretch of time: what stood there before, every movement with its source, and what stands
//! there after.
//!
//! Promises: opening and lines add up to closing, in every pocket; where they do not, the difference stands in a line of its own and
//! is never hidden. Opening, lines and closing are read from one snapshot, so what is posted meanwhile is in all of them or in none.
//! API, page and file say the same because they read the same. Refuses to know what the sources are.

mod store;

use super::account::{Account, Pocket};
use super::balances;
use crate::db::{DbError, Snapshot};
use crate::words::{Currency, JournalId, Page, PaymentId, SellerId, Slice, Tenant, Timestamp};

/// What is in a seller's four pockets, or what changes there; minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pockets {
    /// Sold, not yet delivered.
    pub pending: i64,
    /// May be paid out; below zero when the seller owes.
    pub available: i64,
    /// On its way to the seller's bank.
    pub paying_out: i64,
    /// Held back for refunds.
    pub reserved: i64,
}

impl Pockets {
    /// All four together: what is owed to the seller. `None` when it does not fit into 64 bits.
    #[must_use]
    pub fn total(self) -> Option<i64> {
        let [first, rest @ ..] = self.each();
        rest.into_iter().try_fold(first, i64::checked_add)
    }

    /// Whether there is nothing in any of them.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    fn each(self) -> [i64; 4] {
        [self.pending, self.available, self.paying_out, self.reserved]
    }

    fn with(self, other: Self, add: impl Fn(i64, i64) -> Option<i64>) -> Result<Self, DbError> {
        let sum =
            |one, other| add(one, other).ok_or_else(|| DbError::corrupt("amount", "a sum does not fit into 64 bits"));
        Ok(Self {
            pending: sum(self.pending, other.pending)?,
            available: sum(self.available, other.available)?,
            paying_out: sum(self.paying_out, other.paying_out)?,
            reserved: sum(self.reserved, other.reserved)?,
        })
    }
}

/// One journal as the seller's money saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The journal.
    pub journal: JournalId,
    /// What happened, for example `sale`.
    pub kind: String,
    /// The object that it happened to.
    pub source_id: String,
    /// The payment it belongs to, if to one.
    pub payment: Option<PaymentId>,
    /// When it was posted.
    pub created_at: Timestamp,
    /// What it changed.
    pub change: Pockets,
}

/// Whose statement, over what.
#[derive(Debug, Clone)]
pub struct Period {
    /// The seller.
    pub seller: SellerId,
    /// The currency; each has a statement of its own.
    pub currency: Currency,
    /// From this instant on.
    pub from: Timestamp,
    /// Before this instant.
    pub to: Timestamp,
}

/// A payout and the movements that it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payout {
    /// Its journal.
    pub journal: JournalId,
    /// Its id.
    pub source_id: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What was available already when the lines begin: left by the payout before it, or by the opening.
    pub carried: i64,
    /// The sum of the lines in `available` since then.
    pub lines: i64,
    /// How many those are.
    pub count: i64,
    /// What was paid out.
    pub amount: i64,
    /// What was left: carried and lines, less the amount. Held back by a reserve, a minimum or a delay.
    pub remainder: i64,
}

/// The sums of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Before the first line.
    pub opening: Pockets,
    /// All lines together.
    pub changes: Pockets,
    /// After the last line.
    pub closing: Pockets,
    /// What closing is besides opening and lines: nothing in sound books.
    pub unexplained: Pockets,
    /// Lines.
    pub count: i64,
    /// The payouts of the period, in their order.
    pub payouts: Vec<Payout>,
}

/// Lines read at once.
const LINES: u32 = 1000;

/// The kind of journal that takes a payout from what is available.
const PAYOUT: &str = "payout_asked";

/// A page of the lines, the oldest first, those after the journal named.
///
/// # Errors
/// When the database fails.
pub async fn entries(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    period: &Period,
    after: Option<&JournalId>,
    limit: u32,
) -> Result<Slice<Entry>, DbError> {
    let after = match after {
        None => None,
        Some(id) => store::posted_at(snapshot, tenant, id).await?.map(|at| (at, id.clone())),
    };
    let page = Page::newest(limit);
    let from = after.as_ref().map_or(period.from, |(at, _)| *at);
    // Nearly always enough: a journal moves an account twice at most, unless it is about several orders of one seller.
    let mut movements = page.fetch().saturating_mul(2);
    loop {
        let reached = store::reach(snapshot, tenant, period, from, movements).await?;
        // That instant is taken whole, as the lines of one instant belong together.
        let until =
            reached.map_or(period.to, |at| Timestamp::from_micros(at.micros().saturating_add(1)).min(period.to));
        let found = store::entries(snapshot, tenant, period, after.as_ref(), until, page.fetch()).await?;
        if until >= period.to || found.len() > limit as usize {
            return Ok(page.cut(found));
        }
        movements = movements.saturating_mul(2);
    }
}

/// The sums of a statement: from the same lines, and held against the balances on both ends.
///
/// # Errors
/// When the database fails.
pub async fn summary(snapshot: &mut Snapshot, tenant: &Tenant, period: &Period) -> Result<Summary, DbError> {
    let before = |at: Timestamp| Timestamp::from_micros(at.micros().saturating_sub(1));
    let opening = standing(snapshot, tenant, period, before(period.from)).await?;
    let mut changes = Pockets::default();
    let mut count: i64 = 0;
    let mut payouts = Vec::new();
    let mut open = Open { carried: opening.available, lines: 0, count: 0 };
    let mut after = None;
    loop {
        let slice = entries(snapshot, tenant, period, after.as_ref(), LINES).await?;
        for entry in &slice.items {
            changes = changes.with(entry.change, i64::checked_add)?;
            count = count.saturating_add(1);
            payouts.extend(open.take(entry));
        }
        match slice.onward() {
            Some(last) => after = Some(last.journal.clone()),
            None => break,
        }
    }
    let closing = standing(snapshot, tenant, period, before(period.to)).await?;
    let unexplained = closing.with(opening, i64::checked_sub)?.with(changes, i64::checked_sub)?;
    Ok(Summary { opening, changes, closing, unexplained, count, payouts })
}

/// What came in since the last payout.
struct Open {
    carried: i64,
    lines: i64,
    count: i64,
}

impl Open {
    /// Adds a line; gives the payout when the line is one.
    fn take(&mut self, entry: &Entry) -> Option<Payout> {
        let change = entry.change.available;
        if entry.kind != PAYOUT {
            self.lines = self.lines.saturating_add(change);
            self.count = self.count.saturating_add(i64::from(change != 0));
            return None;
        }
        let amount = change.saturating_neg();
        let remainder = self.carried.saturating_add(self.lines).saturating_sub(amount);
        let payout = Payout {
            journal: entry.journal.clone(),
            source_id: entry.source_id.clone(),
            asked_at: entry.created_at,
            carried: self.carried,
            lines: self.lines,
            count: self.count,
            amount,
            remainder,
        };
        *self = Self { carried: remainder, lines: 0, count: 0 };
        Some(payout)
    }
}

async fn standing(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    period: &Period,
    at: Timestamp,
) -> Result<Pockets, DbError> {
    let mut pockets = Pockets::default();
    for balance in balances::of_seller(snapshot, tenant, &period.seller, period.currency, Some(at)).await? {
        let account: Account = balance.account.parse().map_err(|_| DbError::corrupt("account", "not an account"))?;
        let owed = balance.credits.checked_sub(balance.debits).and_then(|owed| i64::try_from(owed).ok());
        let owed = owed.ok_or_else(|| DbError::corrupt("amount", "a balance does not fit into 64 bits"))?;
        match account.pocket().map(|(_, pocket)| pocket) {
            Some(Pocket::Pending) => pockets.pending = owed,
            Some(Pocket::Available) => pockets.available = owed,
            Some(Pocket::PayingOut) => pockets.paying_out = owed,
            Some(Pocket::Reserved) => pockets.reserved = owed,
            None => {}
        }
    }
    Ok(pockets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, available: i64) -> Entry {
        Entry {
            journal: JournalId::new(),
            kind: kind.into(),
            source_id: "out_1".into(),
            payment: None,
            created_at: Timestamp::from_micros(1),
            change: Pockets { available, ..Pockets::default() },
        }
    }

    #[test]
    fn a_payout_is_the_sum_of_its_lines_and_what_is_left_is_said() {
        let mut open = Open { carried: 5, lines: 0, count: 0 };
        assert_eq!(open.take(&entry("fulfillment", 100)), None);
        assert_eq!(open.take(&entry("sale", 0)), None);
        assert_eq!(open.take(&entry("dispute_lost", -20)), None);
        let first = open.take(&entry("payout_asked", -70)).unwrap();
        assert_eq!((first.carried, first.lines, first.count, first.amount, first.remainder), (5, 80, 2, 70, 15));
        let second = open.take(&entry("payout_asked", -15)).unwrap();
        assert_eq!((second.carried, second.lines, second.amount, second.remainder), (15, 0, 15, 0));
    }
}
