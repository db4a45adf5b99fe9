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

/// What was written down outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Witness {
    /// Line by line.
    pub anchors: Vec<Anchor>,
    /// Lines whose writing broke off, as in a crash: they say nothing.
    pub torn: usize,
}

/// Reads an anchor file; `keys` are the public keys that may have signed it, none when they are not known.
///
/// # Errors
/// The number of the first line that is no anchor, that was not signed by the key it names, or not by one of ours, in words.
pub fn read_anchors(text: &str, keys: &[Vec<u8>]) -> Result<Witness, String> {
    let mut witness = Witness::default();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let anchor: Anchor = match serde_json::from_str(line) {
            Ok(anchor) => anchor,
            Err(error) if error.is_eof() => {
                witness.torn = witness.torn.saturating_add(1);
                continue;
            }
            Err(error) => return Err(format!("line {number} is not an anchor: {error}")),
        };
        if anchor.object != OBJECT || !anchor.is_signed() {
            return Err(format!("line {number} was not signed by the key that it names"));
        }
        if !keys.is_empty() && !keys.iter().any(|key| hex::encode(key) == anchor.public_key) {
            return Err(format!("line {number} was signed by another key than this gateway's"));
        }
        witness.anchors.push(anchor);
    }
    Ok(witness)
}

/// What stands in an anchor file, by whatever key it was signed; nothing when there is no such file yet.
///
/// # Errors
/// When the file cannot be read, or holds what is no anchor.
pub async fn read_file(file: &Path) -> std::io::Result<Witness> {
    match tokio::fs::read_to_string(file).await {
        Ok(text) => read_anchors(&text, &[]).map_err(std::io::Error::other),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Witness::default()),
        Err(error) => Err(error),
    }
}

/// Writes an anchor at the end of a file, making the file when it is missing; it is on disk when this returns. After a line whose
/// writing broke off it begins a new one.
///
/// # Errors
/// When the file cannot be written.
pub async fn append(file: &Path, anchor: &Anchor) -> std::io::Result<()> {
    let torn = tokio::fs::read(file).await.is_ok_and(|text| text.last().is_some_and(|end| *end != b'\n'));
    let mut file = OpenOptions::new().create(true).append(true).open(file).await?;
    let begin = if torn { "\n" } else { "" };
    file.write_all(format!("{begin}{}\n", anchor.line()).as_bytes()).await?;
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
        let (own, others) = (keyring.public_key(), other.public_key());
        let read = Witness { anchors: vec![anchor.clone()], torn: 0 };
        assert_eq!(read_anchors(&text, std::slice::from_ref(&own)).unwrap(), read);
        assert_eq!(read_anchors(&text, &[]).unwrap(), read);
        assert!(read_anchors(&text, std::slice::from_ref(&others)).unwrap_err().contains("another key"));
        assert_eq!(read_anchors(&text, &[others, own]).unwrap(), read, "the master key was changed once");
        let forged = Anchor { hash: hex::encode([9; 32]), ..anchor };
        assert!(read_anchors(&forged.line(), &[]).unwrap_err().contains("not signed"));
        assert!(read_anchors("nonsense", &[]).unwrap_err().contains("line 1"));
    }

    #[tokio::test]
    async fn a_line_whose_writing_broke_off_spoils_no_other() {
        let keyring = Keyring::derive(&Secret::new("a master key of enough length for this test".to_owned()));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("books.jsonl");
        let anchor = Anchor::of(&block(), &keyring);
        append(&file, &anchor).await.unwrap();
        let whole = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{whole}{}", &whole[..whole.len() / 2])).unwrap();
        let torn = read_file(&file).await.unwrap();
        assert_eq!((torn.anchors.len(), torn.torn), (1, 1));
        append(&file, &anchor).await.unwrap();
        let mended = read_file(&file).await.unwrap();
        assert_eq!((mended.anchors.len(), mended.torn), (2, 1));
        // What was written to its end and makes no sense was not torn.
        std::fs::write(&file, whole.replacen("hash", "has", 1)).unwrap();
        assert!(read_file(&file).await.is_err());
    }
}
