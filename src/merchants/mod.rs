//! Merchants, the sellers they are paid for, and the API keys they call with.
//!
//! Promises: a key is shown once and stored as a hash; what a key may do is decided by its kind and scopes alone; a key
//! answers for one merchant in one mode, and nothing else is reachable with it. Refuses to know HTTP, payments and money.

pub mod keys;
mod merchant;
pub mod policies;
pub mod sellers;
mod store;

pub use keys::{AuthError, Principal, Scope, authenticate};
pub use merchant::{Merchant, create, get, list};
