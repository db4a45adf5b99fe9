//! Walking the chain from its beginning and naming what does not agree.

use super::anchor::Anchor;
use super::block::{Block, GENESIS};
use super::merkle::{self, Hash};
use super::store::{self, Place};
use crate::db::{Db, DbError};
use crate::keyring;

/// So many things that do not agree are named; the first of them is the first in the chain.
const NAMED: usize = 5;
/// Blocks read at once.
const BLOCKS: i64 = 200;

/// A row that is not as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The journal's id, or which block.
    pub subject: String,
    /// What was done to it.
    pub detail: String,
}

/// What the walk saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Blocks looked at.
    pub blocks: i64,
    /// Sealed journals looked at.
    pub journals: i64,
    /// Journals that wait to be sealed.
    pub waiting: i64,
    /// Whether anything that was written down outside was given to hold the chain against.
    pub witnessed: bool,
    /// Outside witnesses that agreed.
    pub anchors: i64,
    /// Whether the signatures were looked at.
    pub signatures: bool,
    /// The first few things that do not agree, in the order of the chain. Past the last named one nothing was looked at.
    pub findings: Vec<Finding>,
}

/// Where the walk stands.
struct Standing {
    number: i64,
    position: i64,
    hash: Hash,
    /// The block before could be believed, so the next one can be held against it.
    believed: bool,
}

/// Reads every sealed journal and its transfers, hashes them anew and holds them against the chain; then what no block holds.
///
/// `keys` are the public keys that sign here or did before, none when they are not known. `anchors` are what was written down outside.
///
/// # Errors
/// When the database fails.
pub async fn walk(db: &Db, keys: &[Vec<u8>], anchors: &[Anchor]) -> Result<Walk, DbError> {
    let mut walk = Walk { signatures: !keys.is_empty(), witnessed: !anchors.is_empty(), ..Walk::default() };
    let mut at = Standing { number: 0, position: 0, hash: GENESIS, believed: true };
    loop {
        let blocks = store::blocks(db, at.number, BLOCKS).await?;
        if blocks.is_empty() {
            break;
        }
        for block in blocks {
            one(db, &block, keys, &mut at, &mut walk).await?;
            witnesses(&block, anchors, &mut walk);
            if walk.findings.len() >= NAMED {
                return Ok(walk);
            }
        }
    }
    ends(db, &at, anchors, &mut walk).await?;
    Ok(walk)
}

async fn one(db: &Db, block: &Block, keys: &[Vec<u8>], at: &mut Standing, walk: &mut Walk) -> Result<(), DbError> {
    let before = walk.findings.len();
    let expected = at.number.saturating_add(1);
    if block.number != expected {
        found(walk, format!("block {expected}"), "it was taken away");
        at.believed = false;
    } else if block.digest() != block.hash {
        found(walk, block.name(), "its own row was changed");
    } else if at.believed && block.previous != at.hash {
        found(walk, block.name(), "it does not name the block before it: the chain was put together anew from here on");
    } else if !keys.is_empty() && !keys.iter().any(|key| keyring::is_signed(key, &block.hash, &block.signature)) {
        found(walk, block.name(), "it was not signed by this gateway's key: it was made by somebody else");
    }
    if at.believed && block.first_position != at.position.saturating_add(1) {
        found(walk, block.name(), "its places do not follow those of the block before it");
    }
    let places = store::places(db, block.first_position, block.last_position).await?;
    let leaves = hold(block, &places, walk);
    // Only when no journal could be named: then the leaves were changed with the rows.
    if walk.findings.len() == before && merkle::root(&leaves) != block.root {
        let detail = "its journals are not those that were sealed: rows and their hashes were changed together";
        found(walk, block.name(), detail);
    }
    walk.blocks = walk.blocks.saturating_add(1);
    walk.journals = walk.journals.saturating_add(i64::try_from(places.len()).unwrap_or(i64::MAX));
    *at = Standing {
        number: block.number,
        position: block.last_position,
        hash: block.hash,
        believed: walk.findings.len() == before,
    };
    Ok(())
}

/// Holds the journals of a block against what was kept of them, and gives their leaves.
fn hold(block: &Block, places: &[Place], walk: &mut Walk) -> Vec<Hash> {
    let mut leaves = Vec::with_capacity(places.len());
    let mut expected = block.first_position;
    for place in places {
        if place.position != expected {
            found(walk, block.name(), &format!("the row of place {expected} was taken away"));
            expected = place.position;
        }
        expected = expected.saturating_add(1);
        if place.block != block.number {
            found(walk, place.journal_id.clone(), &format!("it was moved from block {} to another", block.number));
        }
        let Some(journal) = &place.journal else {
            found(
                walk,
                place.journal_id.clone(),
                &format!("it was taken away after it was sealed in {}", block.name()),
            );
            continue;
        };
        let leaf = journal.leaf(place.position);
        let touched = journal.difference(&place.marks);
        let detail = match (leaf[..] == place.leaf[..], touched) {
            (true, None) => None,
            // Nothing is proved by the marks, and yet somebody prepared that a change could not be told.
            (true, Some(_)) => Some("the marks of its rows were changed".to_owned()),
            (false, touched) => Some(touched.unwrap_or_else(|| "its place was changed".to_owned())),
        };
        if let Some(detail) = detail {
            found(walk, place.journal_id.clone(), &format!("{detail} after it was sealed in {}", block.name()));
        }
        leaves.push(leaf);
    }
    if expected <= block.last_position {
        found(walk, block.name(), &format!("the row of place {expected} was taken away"));
    }
    leaves
}

/// What was written down outside about this block.
fn witnesses(block: &Block, anchors: &[Anchor], walk: &mut Walk) {
    for anchor in anchors.iter().filter(|anchor| anchor.block == block.number) {
        if anchor.hash == hex::encode(block.hash) {
            walk.anchors = walk.anchors.saturating_add(1);
        } else {
            let detail =
                "it is not the block that was written down outside: from here on or before, the chain was replaced";
            found(walk, block.name(), detail);
        }
    }
}

/// What stands beyond the last block.
async fn ends(db: &Db, at: &Standing, anchors: &[Anchor], walk: &mut Walk) -> Result<(), DbError> {
    let chain = store::chain(db).await?;
    if chain.blocks < at.number {
        found(walk, "ledger_chain".to_owned(), "it says that there are fewer blocks than there are");
    }
    // More blocks may have been sealed since the walk came to its end.
    if chain.blocks > at.number && store::block(db, at.number.saturating_add(1)).await?.is_none() {
        let detail = format!("it was taken away, and all up to block {}", chain.blocks);
        found(walk, format!("block {}", at.number.saturating_add(1)), &detail);
    }
    if let Some(beyond) = anchors.iter().filter(|anchor| anchor.block > chain.blocks).min_by_key(|anchor| anchor.block)
    {
        let detail = format!("it was written down outside on {} and is gone: the chain was cut", beyond.sealed_at);
        found(walk, format!("block {}", beyond.block), &detail);
    }
    if chain.blocks == at.number
        && let Some((position, journal)) = store::places_beyond(db, at.position).await?
        && store::chain(db).await? == chain
    {
        found(walk, journal, &format!("it says that it is sealed at place {position}, and no block holds that place"));
    }
    let room = NAMED.saturating_sub(walk.findings.len());
    for (subject, detail) in store::strays(db, i64::try_from(room).unwrap_or(0)).await? {
        found(walk, subject, &detail);
    }
    walk.waiting = store::behind(db).await?.0;
    Ok(())
}

fn found(walk: &mut Walk, subject: String, detail: &str) {
    if walk.findings.len() < NAMED {
        walk.findings.push(Finding { subject, detail: detail.to_owned() });
    }
}
