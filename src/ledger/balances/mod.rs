//! What stands on the accounts, now or at any instant.
//!
//! Promises: the cost depends on how much is asked for and on how much was posted within less than five minutes, never on the age of
//! the books nor on what clocks did: a balance of the past is added up from stretches of time that were over by then, and the transfers
//! of the one that was not. It is exact: what is posted and not
//! sealed yet counts too, and what is read from one snapshot is of one state of the books. Refuses to know sellers' wallets, which have rows of their own.

mod store;

use super::account::Account;
use crate::db::{DbError, Snapshot};
use crate::words::{Currency, Page, SellerId, Slice, Tenant, Timestamp};

/// What stands on an account in one currency, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The code of the account.
    pub account: String,
    /// The currency of the sums.
    pub currency: Currency,
    /// The sum of what was debited.
    pub debits: i128,
    /// The sum of what was credited.
    pub credits: i128,
}

impl Balance {
    /// What comes after this one is read by, see [`BalanceFilter::after`]; `None` when no account has such a code.
    #[must_use]
    pub fn name(&self) -> Option<(Currency, Account)> {
        Some((self.currency, self.account.parse().ok()?))
    }
}

/// The two columns of a trial balance in one currency, in minor units; equal in sound books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Total {
    /// The currency of the sums.
    pub currency: Currency,
    /// The sum over accounts that were debited more than credited.
    pub debit: i128,
    /// The sum over the others.
    pub credit: i128,
}

/// Which balances to read.
#[derive(Debug, Clone, Default)]
pub struct BalanceFilter {
    /// Of one currency, or all.
    pub currency: Option<Currency>,
    /// As it was at an instant, that instant included; or now.
    pub at: Option<Timestamp>,
    /// Only what comes after this currency and account.
    pub after: Option<(Currency, Account)>,
}

/// Currency and account between which to read, neither included. Text order is byte order: no code of ours sorts after a tilde.
#[derive(Debug, Clone)]
struct Between {
    after: (String, String),
    before: (String, String),
}

impl Between {
    fn of(filter: &BalanceFilter) -> Self {
        let end = |currency: &str| (currency.to_owned(), "~".to_owned());
        let after = filter.after.as_ref().map(|(currency, account)| (currency.code().to_owned(), account.to_string()));
        let begin = filter.currency.map(|currency| (currency.code().to_owned(), String::new()));
        Self {
            after: after.max(begin).unwrap_or_default(),
            before: filter.currency.map_or_else(|| end("~"), |currency| end(currency.code())),
        }
    }
}

/// What stands on each account that was ever used, by currency and account, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn balances(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    filter: &BalanceFilter,
    limit: u32,
) -> Result<Slice<Balance>, DbError> {
    let page = Page::newest(limit);
    Ok(page.cut(read(snapshot, tenant, &Between::of(filter), filter.at, page.fetch()).await?))
}

/// What stands on the accounts of one seller in one currency; those that were ever used.
///
/// # Errors
/// When the database fails.
pub async fn of_seller(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    seller: &SellerId,
    currency: Currency,
    at: Option<Timestamp>,
) -> Result<Vec<Balance>, DbError> {
    let edge = |end: &str| (currency.code().to_owned(), format!("seller:{seller}:{end}"));
    read(snapshot, tenant, &Between { after: edge(""), before: edge("~") }, at, 100).await
}

async fn read(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    between: &Between,
    at: Option<Timestamp>,
    limit: i64,
) -> Result<Vec<Balance>, DbError> {
    match at {
        None => store::now(snapshot, tenant, between, limit).await,
        Some(at) => store::before(snapshot, tenant, between, at.micros().saturating_add(1), limit).await,
    }
}

/// The sums of both columns over all accounts, per currency; now or at an instant.
///
/// # Errors
/// When the database fails.
pub async fn totals(snapshot: &mut Snapshot, tenant: &Tenant, at: Option<Timestamp>) -> Result<Vec<Total>, DbError> {
    let mut totals: Vec<Total> = Vec::new();
    let mut filter = BalanceFilter { at, ..BalanceFilter::default() };
    // From the same statement as the rows, a thousand accounts at a time, so that the sums are of what is shown.
    loop {
        let slice = balances(snapshot, tenant, &filter, 1000).await?;
        for balance in &slice.items {
            add(&mut totals, balance)?;
        }
        match slice.onward().and_then(Balance::name) {
            Some(last) => filter.after = Some(last),
            None => return Ok(totals),
        }
    }
}

fn add(totals: &mut Vec<Total>, balance: &Balance) -> Result<(), DbError> {
    let full = || DbError::corrupt("amount", "the sum of all accounts cannot be added up");
    let net = balance.debits.checked_sub(balance.credits).ok_or_else(full)?;
    if totals.last().is_none_or(|total| total.currency != balance.currency) {
        totals.push(Total { currency: balance.currency, debit: 0, credit: 0 });
    }
    if let Some(total) = totals.last_mut() {
        let column = if net > 0 { &mut total.debit } else { &mut total.credit };
        *column = column.checked_add(net.checked_abs().ok_or_else(full)?).ok_or_else(full)?;
    }
    Ok(())
}
