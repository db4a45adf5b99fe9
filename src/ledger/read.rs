//! What the books say: journals with their lines.

use super::store;
use crate::db::{DbError, On};
use crate::words::{Currency, JournalId, Page, PaymentId, Slice, Tenant, Timestamp};

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

impl Line {
    /// Which side of the account it is: `debit` or `credit`.
    #[must_use]
    pub const fn direction(&self) -> &'static str {
        if self.amount > 0 { "debit" } else { "credit" }
    }
}

/// A page of a tenant's journals, the newest first; of one payment or all.
///
/// # Errors
/// When the database fails.
pub async fn journals(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    payment: Option<&PaymentId>,
    page: &Page,
) -> Result<Slice<Journal>, DbError> {
    Ok(page.cut(store::journals(on, tenant, payment, page).await?))
}

/// The journals of one payment, the oldest first: its story in money.
///
/// # Errors
/// When the database fails.
pub async fn of_payment(on: impl Into<On<'_>>, tenant: &Tenant, payment: &PaymentId) -> Result<Vec<Journal>, DbError> {
    let mut journals = store::journals(on, tenant, Some(payment), &Page::newest(MOST_OF_ONE_PAYMENT)).await?;
    journals.reverse();
    Ok(journals)
}

/// A payment has few journals; this many would be a fault that must not fill the memory.
const MOST_OF_ONE_PAYMENT: u32 = 1000;

/// Whether the tenant has such a journal.
///
/// # Errors
/// When the database fails.
pub async fn is_posted(on: impl Into<On<'_>>, tenant: &Tenant, id: &JournalId) -> Result<bool, DbError> {
    store::is_posted(on, tenant, id).await
}

/// The payment that a journal belongs to, if to one; `None` when no such journal is posted.
///
/// # Errors
/// When the database fails.
pub async fn payment_of(
    on: impl Into<On<'_>>,
    tenant: &Tenant,
    id: &JournalId,
) -> Result<Option<Option<PaymentId>>, DbError> {
    store::payment_of(on, tenant, id).await
}
