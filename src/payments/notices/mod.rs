//! Notices: webhooks that PSPs sent us, kept raw as they came, each of the PSP's events once.

mod store;

use crate::words::{PaymentId, PspEventId, Timestamp};

pub use store::{get, insert, of_payment, processed};

/// A believed webhook of a PSP.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Our id of it.
    pub id: PspEventId,
    /// Who sent it.
    pub psp: String,
    /// The PSP's id of the event.
    pub event_id: String,
    /// The PSP's name of what happened.
    pub kind: String,
    /// The PSP's id of the payment it concerns.
    pub psp_payment: Option<String>,
    /// Our payment, when we know it.
    pub payment: Option<PaymentId>,
    /// The key of ours under which the payout it concerns was asked for, when it concerns one.
    pub payout: Option<String>,
    /// The bytes as they came.
    pub raw_body: Vec<u8>,
    /// When they came.
    pub received_at: Timestamp,
    /// When the worker had dealt with it.
    pub processed_at: Option<Timestamp>,
    /// What that changed.
    pub result: Option<String>,
}
