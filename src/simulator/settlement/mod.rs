//! The settlement list of a business day, what is paid out for it, and when the day ends.
//!
//! A business day ends at midnight in Asia/Seoul, or earlier when the admin closes it; what comes later belongs to the next one. A
//! day that has ended is paid out, per currency in one batch, to the gateway's own bank account ([`super::bank`]).

mod close;
pub mod day;
mod list;
mod store;

pub use close::{close_day, close_due};
pub use list::list;
