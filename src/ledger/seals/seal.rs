//! Making the next block.

use super::block::{Block, GENESIS};
use super::canonical::JournalRow;
use super::change::{changes, times};
use super::head::Head;
use super::merkle;
use super::store::{self, Chain};
use crate::db::{Db, DbError, MayRetry};
use crate::keyring::Keyring;
use crate::words::Timestamp;

/// Journals of one block.
const JOURNALS: i64 = 1000;

/// Why no block was made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The last block is not there any more.
    #[error(
        "block {0}, the last of the ledger's chain, is gone: nothing is sealed until `tollgate verify` holds again"
    )]
    Broken(i64),
    /// The chain's end is not what its own count says.
    #[error(
        "block {0} does not end where the ledger's chain says: nothing is sealed until `tollgate verify` holds again"
    )]
    Counted(i64),
    /// The chain does not descend from the block that was seen last.
    #[error(
        "block {0} of the ledger's chain is not the one that was seen before: the chain was cut or replaced, or the database set back. \
         Nothing is sealed or signed. When you have set it back yourself, move ledger.anchor_file away and start anew"
    )]
    Replaced(i64),
    /// The sums of an account do not fit into the 103 bits that are kept.
    #[error("what was debited or credited to an account cannot be added up")]
    Overflow,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl MayRetry for SealError {
    fn may_retry(&self) -> bool {
        matches!(self, Self::Db(error) if error.may_retry())
    }
}

/// What came of one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sealed {
    /// No journal waits.
    Nothing,
    /// This block is new.
    Block(Box<Block>),
    /// Somebody else made the next block meanwhile; there may be more to do.
    Elsewhere,
}

/// Seals the journals that wait, at most 1000 of them, into one block.
///
/// They are read and hashed before the transaction begins, for they never change; in it, whoever updates the chain's one row first
/// has made the block, and a second sealer in whatever process writes nothing. The chain must descend from `head`, which then is its end.
///
/// # Errors
/// [`SealError`]; then nothing was written.
pub async fn seal(db: &Db, keyring: &Keyring, head: &Head, now: Timestamp) -> Result<Sealed, SealError> {
    let chain = store::chain(db).await?;
    let last = match chain.blocks {
        0 => None,
        number => Some(store::block(db, number).await?.ok_or(SealError::Broken(number))?),
    };
    if let Some(block) = last.as_ref().filter(|block| block.last_position != chain.positions) {
        return Err(SealError::Counted(block.number));
    }
    head.follow(db, last.as_ref()).await?;
    let waiting = store::waiting(db, JOURNALS).await?;
    if waiting.is_empty() {
        return Ok(Sealed::Nothing);
    }
    let leaves: Vec<_> = (chain.positions.saturating_add(1)..)
        .zip(&waiting)
        .map(|(position, journal)| (position, journal.leaf(position), journal))
        .collect();
    let block = next(&chain, last.as_ref(), &leaves, keyring, now);
    let changes = changes(&waiting).ok_or(SealError::Overflow)?;
    let balances = store::balances(&changes).ok_or(SealError::Overflow)?;
    let buckets = store::buckets(&changes).ok_or(SealError::Overflow)?;

    let mut tx = db.begin().await?;
    if !store::advance(&mut tx, &chain, &block).await? {
        return Ok(Sealed::Elsewhere);
    }
    store::insert_block(&mut tx, &block).await?;
    store::insert_sealed(&mut tx, block.number, &leaves).await?;
    if !store::no_longer_waits(&mut tx, &block).await? {
        return Ok(Sealed::Elsewhere);
    }
    store::insert_times(&mut tx, &times(&waiting)).await?;
    store::change_balances(&mut tx, &balances).await?;
    store::change_buckets(&mut tx, &buckets).await?;
    tx.commit().await?;
    head.saw(&block);
    Ok(Sealed::Block(Box::new(block)))
}

/// How many journals wait, and since when the oldest of them does.
///
/// # Errors
/// When the database fails.
pub async fn behind(db: &Db) -> Result<(i64, Option<Timestamp>), DbError> {
    store::behind(db).await
}

fn next(
    chain: &Chain,
    last: Option<&Block>,
    leaves: &[(i64, merkle::Hash, &JournalRow)],
    keyring: &Keyring,
    now: Timestamp,
) -> Block {
    let times = || leaves.iter().map(|(_, _, journal)| journal.created_at);
    let first_at = times().min().unwrap_or(0);
    let before = last.map_or(i64::MIN, |block| block.until_at.micros());
    let until_at = times().max().unwrap_or(0).max(before);
    // How far this block reaches back behind the blocks before it: a transaction that committed late, or a clock that was set back.
    let back = if last.is_some() { before.saturating_sub(first_at).max(0) } else { 0 };
    let count = i64::try_from(leaves.len()).unwrap_or(i64::MAX);
    let transfers: usize = leaves.iter().map(|(_, _, journal)| journal.transfers.len()).sum();
    let mut block = Block {
        number: chain.blocks.saturating_add(1),
        first_position: chain.positions.saturating_add(1),
        last_position: chain.positions.saturating_add(count),
        transfers: i64::try_from(transfers).unwrap_or(i64::MAX),
        first_at: Timestamp::from_micros(first_at),
        until_at: Timestamp::from_micros(until_at),
        reach: back.max(last.map_or(0, |block| block.reach)),
        sealed_at: now,
        previous: last.map_or(GENESIS, |block| block.hash),
        root: merkle::root(&leaves.iter().map(|(_, leaf, _)| *leaf).collect::<Vec<_>>()),
        hash: GENESIS,
        signature: Vec::new(),
    };
    block.hash = block.digest();
    block.signature = keyring.sign(&block.hash);
    block
}
