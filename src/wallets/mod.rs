//! What each seller has, per currency: pending, available, on its way to the bank, reserved.
//!
//! Promises: a wallet is always the sum of its seller's accounts in the ledger, because both are written by the same call in
//! the same transaction from the same transfers; no balance goes below nothing, but for what a seller may spend where a bank
//! has taken money back and asked nobody. Refuses to know why money moves.

mod delta;
mod news;
mod post;
mod store;
mod view;

pub use news::tell;
pub use post::{WalletError, post, post_owing};
pub use store::{Wallet, of_seller, of_tenant};
pub use view::wallet_view;
