//! The key's text: `sk_test_` and its kin, 30 random characters, 6 of checksum. Pure.
//!
//! The checksum lets us, and any scanner, tell a typo from a wrong key without asking the database.

use sha2::{Digest as _, Sha256};

use super::Kind;
use crate::words::{Mode, Secret, random_base62};

const RANDOM: usize = 30;
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key as its holder has it.
#[derive(Debug, Clone)]
pub struct Token {
    /// What it may be.
    pub kind: Kind,
    /// Which side of the merchant's data it opens.
    pub mode: Mode,
    text: Secret<String>,
}

impl Token {
    /// A new key that nobody has seen.
    #[must_use]
    pub fn random(kind: Kind, mode: Mode) -> Self {
        let random = random_base62(RANDOM);
        let text = format!("{}{random}{}", prefix(kind, mode), checksum(&random));
        Self { kind, mode, text: Secret::new(text) }
    }

    /// Reads a key, refusing anything that cannot be one: unknown prefix, wrong length, wrong checksum.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, mode, tail) = Kind::ALL
            .into_iter()
            .flat_map(|kind| [(kind, Mode::Test), (kind, Mode::Live)])
            .find_map(|(kind, mode)| Some((kind, mode, text.strip_prefix(&prefix(kind, mode))?)))?;
        let (random, sum) = tail.split_at_checked(RANDOM)?;
        let well_formed = tail.len() == RANDOM + CHECKSUM && tail.bytes().all(|b| b.is_ascii_alphanumeric());
        (well_formed && checksum(random) == sum).then(|| Self { kind, mode, text: Secret::new(text.to_owned()) })
    }

    /// SHA-256 of the whole key in hex: what is stored and looked up.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.text.expose().as_bytes()))
    }

    /// The last four characters, for telling keys apart in a list.
    #[must_use]
    pub fn last4(&self) -> String {
        let text = self.text.expose();
        text.get(text.len().saturating_sub(4)..).unwrap_or_default().to_owned()
    }

    /// The key itself, to be shown once to who asked for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

/// `sk_test_`, `rk_live_`, ...
#[must_use]
pub fn prefix(kind: Kind, mode: Mode) -> String {
    format!("{}_{}_", kind.letters(), mode.as_str())
}

/// CRC32 (IEEE) of the random part in base62, most significant first, padded to six with `0`.
fn checksum(random: &str) -> String {
    let mut rest = crc32fast::hash(random.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % 62];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_published_vector() {
        assert_eq!(checksum("0123456789ABCDEFGHIJKLMNOPQRST"), "4PMbyp");
        assert_eq!(crc32fast::hash(b"0123456789ABCDEFGHIJKLMNOPQRST"), 4_039_328_943);
    }

    #[test]
    fn a_new_key_reads_back() {
        for kind in Kind::ALL {
            for mode in [Mode::Test, Mode::Live] {
                let token = Token::random(kind, mode);
                let read = Token::parse(token.expose()).unwrap();
                assert_eq!((read.kind, read.mode, read.hash()), (kind, mode, token.hash()));
                assert!(token.expose().ends_with(&token.last4()));
            }
        }
    }

    #[test]
    fn every_single_typo_is_noticed() {
        let token = Token::random(Kind::Secret, Mode::Test);
        let text = token.expose();
        for at in 0..text.len() {
            let mut typo = text.as_bytes().to_vec();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(Token::parse(&String::from_utf8(typo).unwrap()).is_none(), "position {at}");
        }
        assert!(Token::parse(&text[..text.len() - 1]).is_none());
        assert!(Token::parse(&format!("{text}0")).is_none());
        assert!(Token::parse("sk_test_가나다라마바사아자차카타").is_none());
        assert!(Token::parse("").is_none());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let token = Token::random(Kind::Secret, Mode::Live);
        assert!(!format!("{token:?}").contains(token.expose()));
    }
}
