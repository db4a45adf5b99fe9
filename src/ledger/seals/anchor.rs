//! The chain's last block, written down where nobody who holds the database can change it.

use super::block::Block;
use super::store;
use crate::db::{Db, DbError};
use crate::keyring::{self, Keyring};
use serde::{Deserialize, Serialize};
use std::path::Path;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt as _;

/// A line of an anchor file: one block by number and hash, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Always `tollgate.anchor.v1`.
    pub object: String,
    /// The block's number.
    pub block: i64,
    /// Journals up to its end.
    pub journals: i64,
    /// When it was sealed, RFC 3339.
    pub sealed_at: String,
    /// Its hash, in hexadecimal digits: SHA-256 over all that it says, the block before it among that.
    pub hash: String,
    /// The key that signed it: Ed25519 (RFC 8032), in hexadecimal digits.
    pub public_key: String,
    /// The signature over the hash's bytes, in hexadecimal digits.
    pub signature: String,
}

const OBJECT: &str = "tollgate.anchor.v1";

impl Anchor {
    /// What is to be written down of a block.
    #[must_use]
    pub fn of(block: &Block, keyring: &Keyring) -> Self {
        Self {
            object: OBJECT.to_owned(),
            block: block.number,
            journals: block.last_position,
            sealed_at: block.sealed_at.to_string(),
            hash: hex::encode(block.hash),
            public_key: hex::encode(keyring.public_key()),
            signature: hex::encode(keyring.sign(&block.hash)),
        }
    }

    /// One line of JSON, without its end.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn is_signed(&self) -> bool {
        let bytes = |text: &str| hex::decode(text).unwrap_or_default();
        keyring::is_signed(&bytes(&self.public_key), &bytes(&self.hash), &bytes(&self.signature))
    }
}

/// The chain's last block as an anchor; `None` while nothing is sealed.
///
/// # Errors
/// When the database fails.
pub async fn anchor(db: &Db, keyring: &Keyring) -> Result<Option<Anchor>, DbError> {
    let last = store::chain(db).await?.blocks;
    Ok(store::block(db, last).await?.map(|block| Anchor::of(&block, keyring)))
}

/// Reads an anchor file; `own` is this gateway's public key, when it is known.
///
/// # Errors
/// The number of the first line that is no anchor, that was not signed by the key it names, or not by ours, in words.
pub fn read_anchors(text: &str, own: Option<&[u8]>) -> Result<Vec<Anchor>, String> {
    let mut anchors = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let anchor: Anchor =
            serde_json::from_str(line).map_err(|error| format!("line {number} is not an anchor: {error}"))?;
        if anchor.object != OBJECT || !anchor.is_signed() {
            return Err(format!("line {number} was not signed by the key that it names"));
        }
        if own.is_some_and(|own| hex::encode(own) != anchor.public_key) {
            return Err(format!("line {number} was signed by another key than this gateway's"));
        }
        anchors.push(anchor);
    }
    Ok(anchors)
}

/// What stands in an anchor file, by whatever key it was signed; nothing when there is no such file yet.
///
/// # Errors
/// When the file cannot be read, or holds what is no anchor.
pub async fn read_file(file: &Path) -> std::io::Result<Vec<Anchor>> {
    match tokio::fs::read_to_string(file).await {
        Ok(text) => read_anchors(&text, None).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Writes an anchor at the end of a file, making the file when it is missing; it is on disk when this returns.
///
/// # Errors
/// When the file cannot be written.
pub async fn append(file: &Path, anchor: &Anchor) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file).await?;
    file.write_all(format!("{}\n", anchor.line()).as_bytes()).await?;
    file.sync_all().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Secret, Timestamp};

    fn block() -> Block {
        let at = Timestamp::from_micros(1);
        let mut block = Block {
            number: 3,
            first_position: 1,
            last_position: 9,
            transfers: 9,
            first_at: at,
            until_at: at,
            reach: 0,
            sealed_at: at,
            previous: [0; 32],
            root: [1; 32],
            hash: [0; 32],
            signature: Vec::new(),
        };
        block.hash = block.digest();
        block
    }

    #[test]
    fn an_anchor_is_read_back_and_a_forged_one_is_not() {
        let keyring = Keyring::derive(&Secret::new("a master key of enough length for this test".to_owned()));
        let other = Keyring::derive(&Secret::new("another master key of enough length for it".to_owned()));
        let anchor = Anchor::of(&block(), &keyring);
        let text = format!("{}\n\n", anchor.line());
        assert_eq!(read_anchors(&text, Some(&keyring.public_key())).unwrap(), std::slice::from_ref(&anchor));
        assert_eq!(read_anchors(&text, None).unwrap().len(), 1);
        assert!(read_anchors(&text, Some(&other.public_key())).unwrap_err().contains("another key"));
        let forged = Anchor { hash: hex::encode([9; 32]), ..anchor };
        assert!(read_anchors(&forged.line(), None).unwrap_err().contains("not signed"));
        assert!(read_anchors("nonsense", None).unwrap_err().contains("line 1"));
    }
}
