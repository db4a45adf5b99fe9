//! Doing a thing once, however often it is asked for.
//!
//! Promises: of all requests with one key, one is carried out, in the same transaction that remembers the key; the others
//! get its answer, status and body as they were. Work that must ask somebody outside is taken on in that transaction and
//! answered in a later one; when its process dies in between, whoever repeats the request finishes that same work. A
//! refused request is not remembered: it changed nothing, so the caller may correct it and use the key again. A key that
//! belongs to a payment lives as long as the payment; one under which something else was made that moves money, for ever. Refuses to know what is being done, and HTTP but for a number.

mod key;
mod store;

pub use key::{Fingerprint, Key, KeyError};
pub use store::{answered, begin, belongs_to, finish, forget_before, made, take_on, take_over};

use std::time::Duration;

use crate::db::{Db, DbError};
use crate::words::Timestamp;

/// How long a key is remembered that belongs to no payment and made nothing that lasts: longer than any client goes on repeating a request.
pub const KEPT: Duration = Duration::from_hours(30 * 24);
/// Forgotten at once, so that no transaction is long.
const BATCH: i64 = 500;

/// What a key means right now.
#[derive(Debug, PartialEq, Eq)]
pub enum Begun {
    /// Never seen: the caller does the thing in this transaction, then [`finish`]es.
    Fresh,
    /// Done before: this was the answer.
    Replay(Answer),
    /// Being done by somebody else at this moment.
    InFlight,
    /// Taken on before, and not answered yet.
    Taken(Taken),
    /// Used before for another request.
    Mismatch,
}

/// Work that was taken on under a key and is not answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What was taken on, such as a refund's id.
    pub object: String,
    /// Until then whoever took it on is carrying it out; after that he is taken for dead.
    pub until: Timestamp,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON text, byte for byte.
    pub body: String,
}

/// Forgets the keys that nothing keeps and that are older than [`KEPT`], a batch per transaction; how many went.
pub async fn forget_old(db: &Db, now: Timestamp) -> Result<u64, DbError> {
    let mut forgotten = 0_u64;
    loop {
        let mut tx = db.begin().await?;
        let gone = forget_before(&mut tx, now.minus(KEPT), BATCH).await?;
        tx.commit().await?;
        forgotten = forgotten.saturating_add(gone);
        if gone == 0 {
            return Ok(forgotten);
        }
    }
}
