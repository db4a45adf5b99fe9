//! Moving money: the books and the wallets together.

use super::delta::{Delta, Key, deltas};
use super::store;
use crate::db::{DbError, MayRetry, Tx};
use crate::ledger::{self, Entry, Flaw, LedgerError, Posting};
use crate::sabotage::Protection::Wallets;
use crate::words::Timestamp;

/// Why no money was moved. The caller's transaction must not be committed.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// A posting breaks a rule of the books, or contradicts what is posted.
    #[error(transparent)]
    Flaw(#[from] Flaw),
    /// A seller does not have what was to be taken.
    #[error("the wallet of {seller} in {currency} does not hold enough")]
    NotEnough {
        /// The seller's id.
        seller: String,
        /// The code of the currency.
        currency: &'static str,
    },
    /// A change does not fit into 64 bits.
    #[error("the change of a wallet is too large to be added up")]
    Overflow,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl WalletError {
    fn not_enough(key: &Key) -> Self {
        Self::NotEnough { seller: key.seller.to_string(), currency: key.currency.code() }
    }
}

impl From<LedgerError> for WalletError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Flaw(flaw) => Self::Flaw(flaw),
            LedgerError::Db(error) => Self::Db(error),
        }
    }
}

impl MayRetry for WalletError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Db(error) if error.may_retry())
    }
}

/// Posts many facts to the books and changes the wallets of the sellers in them: three statements when all facts are new sales.
///
/// Call it last in a transaction: wallets are the rows that sellers' payments share, and they stay locked until the commit.
/// A fact that is posted already changes neither books nor wallets and is reported as such.
///
/// # Errors
/// [`WalletError`], and then nothing of the transaction may be committed.
pub async fn post(tx: &mut Tx, postings: &[Posting]) -> Result<Vec<Entry>, WalletError> {
    change(tx, postings, false).await
}

/// As [`post`], for what has happened whether the seller has the money or not: `available` may go below nothing, and the
/// seller owes then. The other three never do.
///
/// # Errors
/// As [`post`].
pub async fn post_owing(tx: &mut Tx, postings: &[Posting]) -> Result<Vec<Entry>, WalletError> {
    change(tx, postings, true).await
}

async fn change(tx: &mut Tx, postings: &[Posting], may_owe: bool) -> Result<Vec<Entry>, WalletError> {
    let entries = ledger::post(tx, postings).await?;
    let fresh = postings.iter().zip(&entries).filter(|(_, entry)| entry.new);
    let deltas = deltas(fresh.clone().map(|(posting, _)| posting)).ok_or(WalletError::Overflow)?;
    let Some(now) = fresh.map(|(posting, _)| posting.now).max() else {
        return Ok(entries);
    };
    if Wallets.is_absent() {
        return Ok(entries);
    }

    if deltas.values().any(|delta| delta.takes()) {
        // One by one, still in the order of their keys: a wallet must hold what is taken, and the update itself asks that.
        for (key, delta) in &deltas {
            if delta.takes() {
                if !taken(tx, key, *delta, may_owe, now).await? {
                    return Err(WalletError::not_enough(key));
                }
            } else {
                store::give(tx, &[(key, *delta)], now).await?;
            }
        }
    } else if !deltas.is_empty() {
        let deltas: Vec<_> = deltas.iter().map(|(key, delta)| (key, *delta)).collect();
        store::give(tx, &deltas, now).await?;
    }
    Ok(entries)
}

/// Takes from one wallet. Whoever may owe need not have a wallet yet: a seller whose first sale was all fee has none.
async fn taken(tx: &mut Tx, key: &Key, delta: Delta, may_owe: bool, now: Timestamp) -> Result<bool, DbError> {
    if store::take(tx, key, delta, may_owe, now).await? {
        return Ok(true);
    }
    if !may_owe {
        return Ok(false);
    }
    store::give(tx, &[(key, Delta::default())], now).await?;
    store::take(tx, key, delta, may_owe, now).await
}
