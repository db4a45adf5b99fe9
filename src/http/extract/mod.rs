//! What a handler may ask of a request, each refusing bad input by itself with the field and the rule named.
//!
//! [`Strict`] is a JSON body, [`Keyed`] a JSON body that must come with an `Idempotency-Key`, [`Authenticated`] the merchant's
//! key, [`PageQuery`] a list's query. No handler reads a body or a query in any other way.

mod authenticated;
mod body;
mod json;
mod keyed;
mod page;
mod wording;

pub use authenticated::{AnyKey, Authenticated, Keyholder, require};
pub use body::{NoFields, Strict};
pub use keyed::Keyed;
pub use page::{NoFilters, PageQuery};
