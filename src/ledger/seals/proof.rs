//! That one journal is in the chain, shown without showing any other.

use super::block::Block;
use super::merkle::{self, Hash};
use super::store;
use crate::db::{Db, DbError};
use crate::words::{JournalId, Tenant};
use serde_json::{Value, json};

/// A journal's way to the root of its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The journal.
    pub journal: JournalId,
    /// Its place among all sealed journals.
    pub position: i64,
    /// Its leaf.
    pub leaf: Hash,
    /// The hashes beside the way, the lowest first.
    pub path: Vec<Hash>,
    /// Its block.
    pub block: Block,
}

/// The proof of a journal of this tenant; `None` while it waits to be sealed, or when there is no such journal.
///
/// # Errors
/// When the database fails.
pub async fn proof(db: &Db, tenant: &Tenant, journal: &JournalId) -> Result<Option<Proof>, DbError> {
    let Some((position, number)) = store::place_of(db, tenant, journal).await? else { return Ok(None) };
    let Some(block) = store::block(db, number).await? else { return Ok(None) };
    let leaves = store::leaves(db, block.first_position, block.last_position).await?;
    let index = usize::try_from(position.saturating_sub(block.first_position)).unwrap_or(usize::MAX);
    let (Some(path), Some(leaf)) = (merkle::path(&leaves, index), leaves.get(index)) else { return Ok(None) };
    Ok(Some(Proof { journal: journal.clone(), position, leaf: *leaf, path, block }))
}

/// The public shape of a proof; hashes in hexadecimal digits.
#[must_use]
pub fn proof_view(tenant: &Tenant, proof: &Proof, public_key: &[u8]) -> Value {
    let block = &proof.block;
    json!({
        "object": "journal_proof",
        "livemode": tenant.mode.is_live(),
        "journal": proof.journal,
        "position": proof.position,
        "leaf": hex::encode(proof.leaf),
        "path": proof.path.iter().map(hex::encode).collect::<Vec<_>>(),
        "block": {
            "number": block.number,
            "first_position": block.first_position,
            "last_position": block.last_position,
            "transfers": block.transfers,
            "first_at": block.first_at,
            "until_at": block.until_at,
            "reach": block.reach,
            "sealed_at": block.sealed_at,
            "previous": hex::encode(block.previous),
            "root": hex::encode(block.root),
            "hash": hex::encode(block.hash),
            "signature": hex::encode(&block.signature),
        },
        "public_key": hex::encode(public_key),
    })
}
