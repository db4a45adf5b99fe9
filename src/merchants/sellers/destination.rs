//! Where a seller's payouts go: a token of the PSP or bank partner, and what people may see of the account behind it. Pure.
//!
//! An account number in clear never gets in: what looks like one is refused before it is stored or logged.

use crate::words::{Timestamp, pan};

/// A bank account, as far as we may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The partner's token. Kept, never shown.
    pub token: String,
    /// The bank's name, for people.
    pub bank_name: Option<String>,
    /// The last four characters of the account number, for people.
    pub last4: Option<String>,
    /// The how-manieth destination of the seller it is.
    pub version: i64,
    /// Nothing is paid out before this instant, because it was changed not long ago.
    pub held_until: Option<Timestamp>,
    /// Money did not arrive there, so none is sent until somebody has looked.
    pub failure: Option<DestinationFailure>,
}

/// That money did not arrive at a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationFailure {
    /// Since when that is known.
    pub at: Timestamp,
    /// Why, in the provider's words.
    pub code: String,
}

/// Why a text is no destination. None of them repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// Not in the form of a token.
    #[error(
        "must be a token of your PSP or bank partner: 1 to 255 letters, digits, dots, colons, dashes or underscores"
    )]
    NotAToken,
    /// An account number in clear.
    #[error("looks like {0}; send the token that your PSP or bank partner gave for it, never the number itself")]
    InClear(&'static str),
}

/// Refuses what is no token, and above all what is an account number in clear.
///
/// # Errors
/// [`BadDestination`], which names the rule and never the text.
pub fn check_token(text: &str) -> Result<(), BadDestination> {
    if let Some(what) = account_in(text) {
        return Err(BadDestination::InClear(what));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if text.is_empty() || text.len() > 255 || !text.bytes().all(plain) {
        return Err(BadDestination::NotAToken);
    }
    Ok(())
}

/// What kind of account number `text` looks like, if like any.
pub fn account_in(text: &str) -> Option<&'static str> {
    if pan::find(text).is_some() {
        return Some("a card number");
    }
    let bare: Vec<u8> = text.bytes().filter(|byte| !b" -./".contains(byte)).collect();
    if is_iban(&bare) {
        return Some("an IBAN");
    }
    // Nobody's token is digits alone; every bank's account numbers are.
    (bare.len() >= 5 && bare.iter().all(u8::is_ascii_digit)).then_some("an account number")
}

/// Two letters, two digits, then 11 to 30 letters and digits whose check digits agree (ISO 13616, mod 97).
fn is_iban(bare: &[u8]) -> bool {
    if !(15..=34).contains(&bare.len()) || !bare.iter().all(u8::is_ascii_alphanumeric) {
        return false;
    }
    let (head, body) = bare.split_at(4);
    if !(head[..2].iter().all(u8::is_ascii_alphabetic) && head[2..].iter().all(u8::is_ascii_digit)) {
        return false;
    }
    let remainder = body.iter().chain(head).fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
    });
    remainder == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_pass() {
        for token in ["dest_sim_paid", "ba_1NwXyZ2eZvKYlo2C", "acct:live.9f-77", "a", "tok_123456789012"] {
            assert_eq!(check_token(token), Ok(()), "{token}");
        }
    }

    #[test]
    fn account_numbers_do_not() {
        for (text, what) in [
            ("DE89370400440532013000", "an IBAN"),
            ("GB82 WEST 1234 5698 7654 32", "an IBAN"),
            ("nl91abna0417164300", "an IBAN"),
            ("4242424242424242", "a card number"),
            ("4242 4242 4242 4242", "a card number"),
            ("110-123-456789", "an account number"),
            ("12345678", "an account number"),
            ("20-00-00/55779911", "an account number"),
        ] {
            assert_eq!(check_token(text), Err(BadDestination::InClear(what)), "{text}");
        }
        for text in ["", "with space", "ümlaut", "semi;colon"] {
            assert_eq!(check_token(text), Err(BadDestination::NotAToken), "{text}");
        }
        assert_eq!(check_token(&"a".repeat(256)), Err(BadDestination::NotAToken));
    }

    #[test]
    fn a_refusal_never_repeats_the_number() {
        let told = check_token("DE89370400440532013000").unwrap_err().to_string();
        assert!(!told.contains("8937"), "{told}");
    }

    proptest! {
        #[test]
        fn digits_in_any_dress_are_refused(text in "[0-9]{2,6}([ ./-][0-9]{2,8}){2,4}") {
            prop_assert!(check_token(&text).is_err());
        }
    }
}
