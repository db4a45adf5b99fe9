//! What merchants are told, and how: endpoints, signed messages, deliveries that are tried for three days.
//!
//! Promises: for every event and every endpoint that wanted it when it was read from the log there is one delivery; its bytes never change;
//! each try is signed anew (Standard Webhooks) under the event's id, which stays the same; each try is written down; a
//! signing key is shown once and sealed at rest. Delivery is at least once and in no particular order: the receiver
//! tells repeats by `webhook-id` and older snapshots by `data.sequence`.
//!
//! Refuses to know why an event happened.

mod deliver;
mod fan_out;
mod message;
mod schedule;
mod signature;

pub mod deliveries;
pub mod endpoints;

pub use deliver::{DELIVER, deliver};
pub use fan_out::{CONSUMER, fan_out};
pub use signature::SigningKey;

use crate::db::{DbError, MayRetry};
use crate::keyring::CannotOpen;

/// Why something about webhooks was not done.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A signing key could not be sealed or opened.
    #[error(transparent)]
    Sealed(#[from] CannotOpen),
    /// The endpoint is disabled and nothing is sent to it.
    #[error("the endpoint is disabled")]
    Disabled,
    /// What the merchant asked for breaks a rule.
    #[error("`{param}` {rule}")]
    Invalid {
        /// The field.
        param: String,
        /// The rule, as the rest of a sentence.
        rule: String,
    },
}

impl WebhookError {
    fn invalid(param: impl Into<String>, rule: impl Into<String>) -> Self {
        Self::Invalid { param: param.into(), rule: rule.into() }
    }
}

impl MayRetry for WebhookError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_retryable())
    }
}
