//! Merkle trees as RFC 6962 (section 2.1) builds them, over SHA-256.
//!
//! Leaves begin with 0x00 and nodes with 0x01, so that no node can pass for a leaf; a tree of n leaves splits at the largest
//! power of two below n.

use sha2::{Digest as _, Sha256};

/// A SHA-256.
pub type Hash = [u8; 32];

/// Begins every leaf.
pub const LEAF: u8 = 0x00;
/// Begins every inner node.
const NODE: u8 = 0x01;

/// The root over `leaves`; the hash of nothing when there are none.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// The hashes beside the way from the leaf at `index` up to the root, the lowest first; `None` when there is no such leaf.
#[must_use]
pub fn path(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut path, beside) =
        if index < at { (path(left, index)?, root(right)) } else { (path(right, index.checked_sub(at)?)?, root(left)) };
    path.push(beside);
    Some(path)
}

/// The root that a leaf and its path lead to: what whoever holds a root compares with it.
#[must_use]
pub fn climb(leaf: &Hash, index: usize, count: usize, path: &[Hash]) -> Option<Hash> {
    if count <= 1 {
        return (count == 1 && index == 0 && path.is_empty()).then_some(*leaf);
    }
    let (beside, below) = path.split_last()?;
    let at = split(count);
    if index < at {
        Some(node(&climb(leaf, index, at, below)?, beside))
    } else {
        Some(node(beside, &climb(leaf, index.checked_sub(at)?, count.checked_sub(at)?, below)?))
    }
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([NODE]).chain_update(left).chain_update(right).finalize().into()
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: usize) -> usize {
    let half = count.next_power_of_two() / 2;
    half.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(data: &[u8]) -> Hash {
        Sha256::new().chain_update([LEAF]).chain_update(data).finalize().into()
    }

    /// The leaves and roots that certificate transparency's implementations test themselves with.
    #[test]
    fn roots_are_those_of_rfc_6962() {
        let data: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves: Vec<Hash> = data.iter().map(|data| leaf(data)).collect();
        for (count, wanted) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex::encode(root(&leaves[..count])), wanted, "{count} leaves");
        }
    }

    #[test]
    fn every_path_leads_to_the_root_and_no_other_leaf_does() {
        for count in 1..=33_u8 {
            let leaves: Vec<Hash> = (0..count).map(|number| leaf(&[number])).collect();
            let root = root(&leaves);
            for (index, own) in leaves.iter().enumerate() {
                let path = path(&leaves, index).unwrap();
                assert_eq!(climb(own, index, leaves.len(), &path), Some(root));
                assert_ne!(climb(&leaf(b"other"), index, leaves.len(), &path), Some(root));
                if count > 1 {
                    assert_ne!(climb(own, (index + 1) % leaves.len(), leaves.len(), &path), Some(root));
                }
            }
            assert_eq!(path(&leaves, usize::from(count)), None);
        }
    }
}
