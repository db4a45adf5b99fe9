//! Whether the books can be believed: the invariants of money, asked of the database itself.
//!
//! Promises: what is called `holds` was computed from the rows as they are now, in aggregates inside the database; what was not
//! looked at says so. May read everything and writes nothing but what it has found. Refuses to repair: a break is for people.

mod check;
mod store;
mod view;
pub mod watch;

pub use check::{Check, Finding, Report, Scope, State, check};
pub use view::standing_view;
