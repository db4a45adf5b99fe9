//! One block of the chain and the hash that stands for all of it.

use super::canonical::text;
use super::merkle::Hash;
use crate::words::Timestamp;
use sha2::{Digest as _, Sha256};

/// The block before the first.
pub const GENESIS: Hash = [0; 32];

/// Begins a block's bytes; leaves begin with 0x00 and nodes with 0x01.
const BLOCK: u8 = 0x02;

/// What a block says. Its hash stands for all of it but the hash and the signature themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// 1, 2, 3 ..
    pub number: i64,
    /// The place of its first journal.
    pub first_position: i64,
    /// The place of its last journal.
    pub last_position: i64,
    /// Transfers of its journals.
    pub transfers: i64,
    /// When the earliest of its journals was posted.
    pub first_at: Timestamp,
    /// When the latest journal in it or in a block before it was posted.
    pub until_at: Timestamp,
    /// By how many microseconds at most a block's journals lie before those of earlier blocks, here or before.
    pub reach: i64,
    /// When it was made.
    pub sealed_at: Timestamp,
    /// The hash of the block before it.
    pub previous: Hash,
    /// The Merkle root over its journals.
    pub root: Hash,
    /// The hash over all of the above.
    pub hash: Hash,
    /// Ed25519 over the hash.
    pub signature: Vec<u8>,
}

impl Block {
    /// The hash over what the block says, which an honest block holds.
    #[must_use]
    pub fn digest(&self) -> Hash {
        let mut bytes = vec![BLOCK];
        text(&mut bytes, "tollgate.block.v1");
        for number in [
            self.number,
            self.first_position,
            self.last_position,
            self.transfers,
            self.first_at.micros(),
            self.until_at.micros(),
            self.reach,
            self.sealed_at.micros(),
        ] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.previous);
        bytes.extend(self.root);
        Sha256::digest(bytes).into()
    }

    /// The name of its last journal's end: what stands in findings.
    #[must_use]
    pub fn name(&self) -> String {
        format!("block {}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_stands_for_every_column() {
        let block = Block {
            number: 1,
            first_position: 1,
            last_position: 3,
            transfers: 5,
            first_at: Timestamp::from_micros(1),
            until_at: Timestamp::from_micros(2),
            reach: 0,
            sealed_at: Timestamp::from_micros(3),
            previous: GENESIS,
            root: [7; 32],
            hash: GENESIS,
            signature: Vec::new(),
        };
        let changes: Vec<fn(&mut Block)> = vec![
            |it| it.number += 1,
            |it| it.first_position += 1,
            |it| it.last_position += 1,
            |it| it.transfers += 1,
            |it| it.first_at = it.sealed_at,
            |it| it.until_at = it.sealed_at,
            |it| it.reach += 1,
            |it| it.sealed_at = it.first_at,
            |it| it.previous[0] ^= 1,
            |it| it.root[31] ^= 1,
        ];
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = block.clone();
            change(&mut other);
            assert_ne!(other.digest(), block.digest(), "change {number}");
        }
    }
}
