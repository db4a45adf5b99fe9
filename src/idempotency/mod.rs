//! Doing a thing once, however often it is asked for.
//!
//! Promises: of all requests with one key, one is carried out, in the same transaction that remembers the key; the others
//! get its answer, status and body as they were. A refused request is not remembered: it changed nothing, so the caller
//! may correct it and use the key again. Refuses to know what is being done, and HTTP but for a number.

mod key;
mod store;

pub use key::{Fingerprint, Key, KeyError};
pub use store::{begin, finish, forget_before};

/// What a key means right now.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// Never seen: the caller does the thing in this transaction, then [`finish`]es.
    Fresh,
    /// Done before: this was the answer.
    Replay(Answer),
    /// Being done by somebody else at this moment.
    InFlight,
    /// Used before for another request.
    Mismatch,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON text, byte for byte.
    pub body: String,
}
