//! Calls to PSPs: each written down before it is sent, so that none can be made unseen.

mod store;

use crate::words::{AttemptId, CallId, PaymentId, Tenant, Timestamp};

pub use store::{
    LastOrder, answered, count, earlier, last_order, latest_look, not_before, not_done, of_payment, sent, wait,
};

/// A call to a PSP, written down before it is sent.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// Whose it is.
    pub tenant: Tenant,
    /// About which payment.
    pub payment: PaymentId,
    /// About which attempt, if about one.
    pub attempt: Option<AttemptId>,
    /// `register`, `confirm`, `look_up` or `abandon`.
    pub operation: String,
    /// At which PSP.
    pub psp: String,
    /// Under which key.
    pub psp_key: String,
    /// When it was written down to be sent.
    pub sent_at: Timestamp,
    /// When the answer was written down; none if the program died in between.
    pub answered_at: Option<Timestamp>,
    /// What the answer was.
    pub result: Option<String>,
}
