//! What the sealer says of the chain: it alone remembers, outside of the database, how far the chain had come.

use super::CHAIN;
use super::store::{self, Break};
use crate::db::{Db, DbError};
use crate::words::Timestamp;

/// Keeps that the chain does not go on from what the sealer has seen, in the sealer's words; or forgets it when it does.
///
/// # Errors
/// When the database fails.
pub async fn chain_goes_on(db: &Db, broken: Option<&str>, now: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    match broken {
        Some(detail) => {
            let (check, subject) = (CHAIN.name.to_owned(), "ledger_chain".to_owned());
            let found = Break { check, tenant: None, subject, detail: detail.to_owned() };
            store::keep(&mut tx, &[found], now).await?;
        }
        None => store::forget(&mut tx, CHAIN.name).await?,
    }
    tx.commit().await
}
