//! Once: a form that moves money is acted on once, however often it is sent. It carries a random word, made with the page, which
//! is an idempotency key of its merchant.

use serde_json::Value;

use crate::db::{DbError, Tx};
use crate::idempotency::{self, Answer, Begun, Fingerprint, Key};
use crate::words::{Tenant, Timestamp, random_base62};

/// A form that was not acted on before.
pub(super) struct Once(Key);

impl Once {
    /// The word of a form that is shown now.
    pub fn word() -> String {
        random_base62(20)
    }

    /// Takes the form with this `word` that was sent to `path`; none when it was acted on before, or has no word. Unless the
    /// transaction is committed it counts as not sent.
    pub async fn begin(
        tx: &mut Tx,
        tenant: &Tenant,
        word: &str,
        path: &str,
        fields: &Value,
        now: Timestamp,
    ) -> Result<Option<Self>, DbError> {
        let Some(key) = Some(word).filter(|word| !word.is_empty()).map(|word| format!("console-{word}")) else {
            return Ok(None);
        };
        let Ok(key) = Key::from_header(key.as_bytes()) else { return Ok(None) };
        let begun = idempotency::begin(tx, tenant, &key, &Fingerprint::of("POST", path, fields), now).await?;
        Ok((begun == Begun::Fresh).then_some(Self(key)))
    }

    /// Writes what came of it: the id of `made`.
    pub async fn end(self, tx: &mut Tx, tenant: &Tenant, made: &str) -> Result<(), DbError> {
        let answer = Answer { status: 303, body: Value::from(made).to_string() };
        idempotency::finish(tx, tenant, &self.0, &answer).await?;
        Ok(())
    }
}
