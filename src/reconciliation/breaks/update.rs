//! Update: who closes a difference changes while it is open, and that is told as the difference was.

use super::super::words::Class;
use super::open::tell;
use super::{Break, ITSELF, store};
use crate::db::{DbError, Tx};
use crate::words::Timestamp;

/// Hands a break to a person, because what its cause promises did not help; does nothing when one has it.
///
/// # Errors
/// When the database fails.
pub async fn escalate(tx: &mut Tx, it: &Break, why: &str, now: Timestamp) -> Result<(), DbError> {
    let it = Break { class: Class::Investigate, escalated: true, ..it.clone() };
    change(tx, &it, "overdue", why, now).await
}

/// Gives a break that is open another cause and its class.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &mut Tx, it: &Break, cause: &str, class: Class, now: Timestamp) -> Result<(), DbError> {
    let why = format!("{} was {}: now it is {cause}, {}", it.cause, it.class.as_str(), class.as_str());
    let it = Break { class, cause: cause.to_owned(), escalated: false, ..it.clone() };
    change(tx, &it, "known", &why, now).await
}

async fn change(tx: &mut Tx, it: &Break, what: &str, why: &str, now: Timestamp) -> Result<(), DbError> {
    if !store::update(tx, it).await? {
        return Ok(());
    }
    store::note(tx, &it.id, ITSELF, what, why, now).await?;
    tell(tx, "reconciliation.break_updated", it, now).await?;
    let labels = [("type", it.outcome.as_str()), ("class", it.class.as_str())];
    metrics::counter!("tollgate_reconciliation_breaks_updated_total", &labels).increment(1);
    Ok(())
}
