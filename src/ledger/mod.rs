//! The books: every movement of money is one row with a debit and a credit account, grouped in journals.
//!
//! Promises: a fact of business is posted at most once, whoever retries, and never with two contents; what is posted is
//! never changed or deleted, the database itself refuses it; a transfer has one currency and one tenant on both sides.
//! A mistake is corrected by another journal. Refuses to know why money moves: that is said by its callers.

mod account;
pub mod balances;
pub mod csv;
mod post;
mod posting;
mod read;
pub mod seals;
pub mod statements;
mod store;
mod sums;
mod view;

pub use account::{Account, Class, Pocket, UnknownAccount};
pub use balances::{Balance, BalanceFilter, balances};
pub use post::{Entry, LedgerError, post};
pub use posting::{Fact, Flaw, Posting, Transfer};
pub use read::{Journal, Line, is_posted, journals, of_payment, payment_of};
pub use view::{
    Columns, balance_view, columns, journal_view, minor_text, posting_lines, statement_line, statement_view,
    summary_view, trial_line, trial_view,
};
