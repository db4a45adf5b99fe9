//! Calls to payout providers: each written down before it is sent, in the same list as the calls to PSPs.

mod store;

pub use store::{answered, count_since, earlier, not_before, of_payout, sent};

use crate::words::{CallId, Timestamp};

/// A call to a payout provider, as the list has it.
#[derive(Debug, Clone)]
pub struct PayoutCall {
    /// Its id.
    pub id: CallId,
    /// `payout` or `look_up_payout`.
    pub operation: String,
    /// To whom.
    pub provider: String,
    /// Under which key.
    pub key: String,
    /// When it was written down to be sent.
    pub sent_at: Timestamp,
    /// When the answer was written down; none if the program died in between.
    pub answered_at: Option<Timestamp>,
    /// What the answer was.
    pub result: Option<String>,
}
