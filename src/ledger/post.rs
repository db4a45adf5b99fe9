//! The only function that writes to the books.

use super::posting::{Fact, Flaw, Posting, repetitions};
use super::store;
use crate::db::{DbError, MayRetry, Tx};
use crate::words::JournalId;

/// Where a fact stands in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its journal.
    pub journal: JournalId,
    /// Whether this call wrote it; otherwise it was there already, with the same contents.
    pub new: bool,
}

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A posting breaks a rule of the books. The caller's transaction must not be committed.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for LedgerError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Db(error) if error.may_retry())
    }
}

/// Posts many facts at once, of any tenants, in three statements when all are new. The answer has one entry per posting, in order.
///
/// A fact that is posted already changes nothing and is reported as such.
///
/// # Errors
/// [`Flaw`] when a posting breaks a rule or contradicts what is posted, and then nothing of the batch may be committed.
pub async fn post(tx: &mut Tx, postings: &[Posting]) -> Result<Vec<Entry>, LedgerError> {
    for posting in postings {
        posting.check()?;
    }
    let repeats = repetitions(postings)?;
    let ids: Vec<JournalId> = postings.iter().map(|_| JournalId::new()).collect();

    // In the order of their unique key, so that two batches that share facts wait for each other instead of deadlocking.
    let mut firsts: Vec<usize> = (0..postings.len()).filter(|&index| repeats[index].is_none()).collect();
    firsts.sort_by_key(|&index| (&postings[index].tenant, postings[index].kind, &postings[index].source_id));
    let journals: Vec<_> = firsts.iter().map(|&index| (ids[index].clone(), &postings[index])).collect();
    if journals.is_empty() {
        return Ok(Vec::new());
    }
    let written = store::insert_journals(tx, &journals).await?;

    let mut entries: Vec<Entry> =
        ids.iter().map(|id| Entry { journal: id.clone(), new: written.contains(id) }).collect();
    let fresh: Vec<_> = journals.into_iter().filter(|(id, _)| written.contains(id)).collect();
    if !fresh.is_empty() {
        store::insert_transfers(tx, &fresh).await?;
        store::insert_unsealed(tx, &fresh).await?;
    }
    for &index in &firsts {
        if !entries[index].new {
            entries[index].journal = already_posted(tx, &postings[index]).await?;
        }
    }
    for (index, earlier) in repeats.iter().enumerate() {
        if let Some(earlier) = earlier {
            entries[index] = Entry { journal: entries[*earlier].journal.clone(), new: false };
        }
    }
    Ok(entries)
}

/// The journal of a fact that is in the books, if it says the same.
async fn already_posted(tx: &mut Tx, posting: &Posting) -> Result<JournalId, LedgerError> {
    let (journal, payment, transfers) = store::posted(tx, &posting.tenant, posting.kind, &posting.source_id).await?;
    if posting.says(payment.as_ref(), &transfers) {
        Ok(journal)
    } else {
        let Fact { kind, source_id } = posting.fact();
        tracing::error!(kind, source_id, "a fact was posted a second time with different contents");
        Err(Flaw::Contradiction(posting.fact()).into())
    }
}
