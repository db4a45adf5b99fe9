//! The end of the chain as it was seen, remembered outside of the database.

use std::sync::{Mutex, PoisonError};

use super::anchor::Anchor;
use super::block::Block;
use super::merkle::Hash;
use super::seal::SealError;
use super::store;
use crate::db::Db;

/// Blocks read at once.
const BLOCKS: i64 = 200;

/// The last block that a sealer has seen. Who holds only the database cannot set it back, so a chain that was cut or put together
/// anew is never sealed any further, and never signed.
#[derive(Debug, Default)]
pub struct Head(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    number: i64,
    hash: Hash,
}

impl Seen {
    fn of(block: &Block) -> Self {
        Self { number: block.number, hash: block.hash }
    }

    /// Whether this is the next block, and says what it holds.
    fn is_before(&self, block: &Block) -> bool {
        block.number == self.number.saturating_add(1) && block.previous == self.hash && block.digest() == block.hash
    }
}

impl Head {
    /// Remembers the newest of what was written down outside; nothing when nothing was.
    #[must_use]
    pub fn written(anchors: &[Anchor]) -> Self {
        let newest = anchors.iter().max_by_key(|anchor| anchor.block);
        Self(Mutex::new(newest.and_then(|anchor| {
            let hash = hex::decode(&anchor.hash).ok()?.try_into().ok()?;
            Some(Seen { number: anchor.block, hash })
        })))
    }

    /// Whether this is the block that was seen last.
    #[must_use]
    pub fn is(&self, anchor: &Anchor) -> bool {
        self.seen().is_some_and(|seen| (seen.number, hex::encode(seen.hash)) == (anchor.block, anchor.hash.clone()))
    }

    /// Goes on from the block seen last to the chain's present end, which must descend from it; remembers that end.
    pub(super) async fn follow(&self, db: &Db, end: Option<&Block>) -> Result<(), SealError> {
        if let (Some(seen), end) = (self.seen(), end) {
            let end = end.filter(|end| end.number >= seen.number).ok_or(SealError::Replaced(seen.number))?;
            descends(db, seen, end).await?;
        }
        if let Some(end) = end {
            self.saw(end);
        }
        Ok(())
    }

    /// Remembers a block that was just made.
    pub(super) fn saw(&self, block: &Block) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Seen::of(block));
    }

    fn seen(&self) -> Option<Seen> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether each block after `seen` names the one before it, up to `end`, and `seen` still is what it was.
async fn descends(db: &Db, seen: Seen, end: &Block) -> Result<(), SealError> {
    let still = if end.number == seen.number { Some(end.clone()) } else { store::block(db, seen.number).await? };
    if still.is_none_or(|block| Seen::of(&block) != seen || block.digest() != seen.hash) {
        return Err(SealError::Replaced(seen.number));
    }
    let mut at = seen;
    while at.number < end.number {
        let blocks: Vec<Block> = store::blocks(db, at.number, BLOCKS).await?;
        if blocks.is_empty() {
            return Err(SealError::Replaced(at.number.saturating_add(1)));
        }
        for block in blocks.iter().take_while(|block| block.number <= end.number) {
            if !at.is_before(block) {
                return Err(SealError::Replaced(block.number));
            }
            at = Seen::of(block);
        }
    }
    Ok(())
}
