//! The books as CSV files, for the API and for the console alike.
//!
//! Promises: a file is one state of the books, however long it takes to send, and says the same as the pages; it is read page by page as
//! fast as it is taken, so its length costs no memory. One that could not be written to its end breaks off: it never looks whole.

mod balances;
mod differences;
mod journals;
mod sheet;
mod statement;
mod trial_balance;

pub use balances::balances;
pub use differences::differences;
pub use journals::journals;
pub use statement::statement;
pub use trial_balance::trial_balance;

use axum::http::HeaderMap;
use axum::http::header::ACCEPT;

/// Rows read at once.
const ROWS: u32 = 500;

/// Whether the caller asked for a file.
pub fn wanted(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.split(',').any(|kind| kind.trim().split(';').next() == Some("text/csv"))
}
