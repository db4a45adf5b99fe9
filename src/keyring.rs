//! Keys derived from the one master key: for page and console tokens, for secrets kept in the database, and for the seals of the books.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use chacha20poly1305::aead::{Aead, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::words::{Secret, random_bytes};

const NONCE: usize = 12;

/// Keys with one purpose each, so that none can be used for another's.
#[derive(Debug, Clone)]
pub struct Keyring {
    jwt: Secret<[u8; 32]>,
    seal: Secret<[u8; 32]>,
    sign: Secret<[u8; 32]>,
}

/// A sealed value that was not sealed by this key, or was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a sealed secret cannot be opened: the master key is not the one it was sealed with")]
pub struct CannotOpen;

impl Keyring {
    /// Derives the keys from `master` (at least 32 random bytes, in any writing).
    pub fn derive(master: &Secret<String>) -> Self {
        let derive = |purpose: &str| Secret::new(hmac_sha256(master.expose().as_bytes(), purpose.as_bytes()));
        Self { jwt: derive("tollgate jwt v1"), seal: derive("tollgate seal v1"), sign: derive("tollgate ledger v1") }
    }

    /// The key that signs page and console tokens.
    pub const fn jwt(&self) -> &[u8; 32] {
        self.jwt.expose()
    }

    /// Seals `plain` for the database: nonce, then ChaCha20-Poly1305 (RFC 8439) ciphertext.
    pub fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, CannotOpen> {
        let nonce = random_bytes::<NONCE>();
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), plain).map_err(|_| CannotOpen)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] gave.
    pub fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, CannotOpen> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(CannotOpen)?;
        self.cipher().decrypt(&Nonce::from(*nonce), sealed).map(Secret::new).map_err(|_| CannotOpen)
    }

    /// Signs a block of the ledger's chain: Ed25519 (RFC 8032), 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.signer().sign(message).as_ref().to_vec()
    }

    /// The key that [`is_signed`] takes for what [`Self::sign`] gave: 32 bytes, no secret.
    pub fn public_key(&self) -> Vec<u8> {
        self.signer().public_key().as_ref().to_vec()
    }

    #[expect(clippy::expect_used, reason = "Ed25519 takes any 32 bytes as a seed")]
    fn signer(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(self.sign.expose()).expect("32 bytes")
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.seal.expose()))
    }
}

/// Whether the holder of this public key signed the message.
pub fn is_signed(public_key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ED25519, public_key).verify(message, signature).is_ok()
}

#[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_signed_by_this_master_only() {
        let keyring = Keyring::derive(&Secret::new("a master key of enough length for this test".to_owned()));
        let other = Keyring::derive(&Secret::new("another master key of enough length for it".to_owned()));
        let signature = keyring.sign(b"block");
        assert!(is_signed(&keyring.public_key(), b"block", &signature));
        assert!(!is_signed(&keyring.public_key(), b"black", &signature));
        assert!(!is_signed(&other.public_key(), b"block", &signature));
        assert!(!is_signed(b"short", b"block", &signature) && !is_signed(&keyring.public_key(), b"block", b"short"));
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_master_only() {
        let keyring = Keyring::derive(&Secret::new("a master key of enough length for this test".to_owned()));
        let other = Keyring::derive(&Secret::new("another master key of enough length for it".to_owned()));
        let sealed = keyring.seal(b"hush").unwrap();
        assert_eq!(keyring.open(&sealed).unwrap().expose(), b"hush");
        assert_eq!(other.open(&sealed).unwrap_err(), CannotOpen);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(keyring.open(&changed).is_err() && keyring.open(b"short").is_err());
        assert_ne!(sealed, keyring.seal(b"hush").unwrap());
    }
}
