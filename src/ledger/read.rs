//! What the books say: journals with their lines, and what stands on each account.

use super::store;
use crate::db::{DbError, On};
use crate::words::{Currency, JournalId, PaymentId, Tenant, Timestamp};

/// A journal as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journal {
    /// Its id.
    pub id: JournalId,
    /// What happened, for example `sale`.
    pub kind: String,
    /// The object that it happened to.
    pub source_id: String,
    /// The payment it belongs to, if to one.
    pub payment: Option<PaymentId>,
    /// When it was posted.
    pub created_at: Timestamp,
    /// Two for each transfer, the debited side first; they sum to zero.
    pub lines: Vec<Line>,
}

/// One side of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The code of the account.
    pub account: String,
    /// Minor units: above zero debited, below zero credited.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

/// What stands on an account in one currency, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// The code of the account.
    pub account: String,
    /// The currency of the sums.
    pub currency: Currency,
    /// The sum of what was debited.
    pub debits: i64,
    /// The sum of what was credited.
    pub credits: i64,
}

/// Which journals to read: the newest first, at most `limit`, on one side of a journal that was seen before.
#[derive(Debug, Clone, Default)]
pub struct JournalPage {
    /// Only those of one payment.
    pub payment: Option<PaymentId>,
    /// Only those older than this one.
    pub older_than: Option<JournalId>,
    /// Only the nearest ones newer than this one.
    pub newer_than: Option<JournalId>,
    /// How many at most.
    pub limit: u32,
}

/// A page of a tenant's journals, the newest first.
///
/// # Errors
/// When the database fails.
pub async fn journals(on: impl Into<On<'_>>, tenant: &Tenant, page: &JournalPage) -> Result<Vec<Journal>, DbError> {
    let mut journals = store::journals(on, tenant, page).await?;
    if page.newer_than.is_some() {
        journals.reverse();
    }
    Ok(journals)
}

/// All journals of one payment, the oldest first: its story in money.
///
/// # Errors
/// When the database fails.
pub async fn of_payment(on: impl Into<On<'_>>, tenant: &Tenant, payment: &PaymentId) -> Result<Vec<Journal>, DbError> {
    let page = JournalPage { payment: Some(payment.clone()), limit: 1000, ..JournalPage::default() };
    let mut journals = journals(on, tenant, &page).await?;
    journals.reverse();
    Ok(journals)
}

/// What stands on each account that was ever used, by currency and account; of one currency or all, now or at an instant.
///
/// # Errors
/// When the database fails.
pub async fn balances(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    currency: Option<Currency>,
    at: Option<Timestamp>,
) -> Result<Vec<Balance>, DbError> {
    store::balances(on, tenant, currency, at.unwrap_or(Timestamp::from_micros(i64::MAX))).await
}
