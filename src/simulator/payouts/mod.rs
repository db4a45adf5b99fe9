//! Payouts at the stand-in: money sent to a bank account that a token stands for, slowly, as banks do.
//!
//! Promises that one idempotency key sends money once and is answered the same for ever, and that its record says how often
//! money left and came back. What a destination does is said by its token ([`destinations`]); faults do the rest.

mod api;
pub mod destinations;
mod finish;
mod order;
mod store;
mod view;

pub use api::{advance, lookup, search, send};
pub use finish::finish_due;
pub(super) use view::payout as payout_view;

use sqlx::FromRow;

/// A payout as it is recorded.
#[derive(Clone, Debug, FromRow)]
pub struct Payout {
    pub id: String,
    pub key: String,
    pub reference: String,
    pub destination: String,
    /// Minor units.
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub failure_code: Option<String>,
    pub next: Option<String>,
    pub afterwards: Option<String>,
    pub due_at: Option<i64>,
    pub times_paid: i64,
    pub times_returned: i64,
    pub paid_at: Option<i64>,
    pub returned_at: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}
