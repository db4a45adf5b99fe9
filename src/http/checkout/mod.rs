//! The hosted checkout page: what a shopper sees, and what its script asks while paying.
//!
//! Promises: no card number passes here, nothing runs that is not a file of ours, a payment is sent once however often the
//! shopper presses, reloads or comes back, and every state is told in words the shopper can use. Decides nothing about
//! money: it shows how a payment stands and hands the card's token on.
//!
//! Leaving by "cancel" changes nothing: the session stays open until its time is over, so that whoever comes back can pay.

pub mod amount;
mod answer;
pub(super) mod headers;
pub mod locale;
pub mod page;
pub mod phrases;
mod report;
mod show;
mod steps;
mod ticket;
mod visitor;

pub use report::{PATH as REPORTS, receive as report};
pub use show::show;
pub use steps::{abandon, cancel, confirm, register, status};
