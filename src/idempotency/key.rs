//! The header's value, and the fingerprint of what it was first used for. Pure.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

const MAX_LENGTH: usize = 255;

/// A caller's key: 1 to 255 visible ASCII characters. `"abc"` (as the IETF draft writes it) and `abc` are the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Why a header's value is no key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// Nothing, or only quotes and spaces.
    #[error("The Idempotency-Key is empty.")]
    Empty,
    /// More than 255 characters.
    #[error("The Idempotency-Key may have {MAX_LENGTH} characters.")]
    TooLong,
    /// A space, a control character or something beyond ASCII.
    #[error("The Idempotency-Key may hold visible ASCII characters only.")]
    NotVisible,
    /// Begins with a quote but is not a structured-field string.
    #[error(
        "The Idempotency-Key begins with a quote, so it has to end with one, with only \\\" and \\\\ escaped inside."
    )]
    BadQuotes,
}

impl Key {
    /// Reads the header's value: a structured-field string when it begins with a quote, else as it is.
    ///
    /// # Errors
    /// When it is empty, too long, not visible ASCII or wrongly quoted.
    pub fn from_header(value: &[u8]) -> Result<Self, KeyError> {
        let trimmed = value.trim_ascii();
        let key = match trimmed.strip_prefix(b"\"") {
            Some(rest) => unquoted(rest)?,
            None => trimmed.to_vec(),
        };
        if key.is_empty() {
            return Err(KeyError::Empty);
        }
        if key.len() > MAX_LENGTH {
            return Err(KeyError::TooLong);
        }
        if !key.iter().all(u8::is_ascii_graphic) {
            return Err(KeyError::NotVisible);
        }
        String::from_utf8(key).map(Self).map_err(|_| KeyError::NotVisible)
    }

    /// The key as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The inside of an RFC 8941 string whose first quote is gone already.
fn unquoted(rest: &[u8]) -> Result<Vec<u8>, KeyError> {
    let mut out = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => return if bytes.next().is_none() { Ok(out) } else { Err(KeyError::BadQuotes) },
            b'\\' => match bytes.next() {
                Some(&escaped @ (b'"' | b'\\')) => out.push(escaped),
                _ => return Err(KeyError::BadQuotes),
            },
            plain => out.push(plain),
        }
    }
    Err(KeyError::BadQuotes)
}

/// SHA-256 of method, path and body, the body written canonically so that spacing and member order do not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of one request.
    #[must_use]
    pub fn of(method: &str, path: &str, body: &Value) -> Self {
        let mut hash = Sha256::new();
        for part in [method, "\n", path, "\n"] {
            hash.update(part.as_bytes());
        }
        // serde_json's map is sorted by name (its `preserve_order` feature is off; a test below would notice).
        hash.update(body.to_string().as_bytes());
        Self(hex::encode(hash.finalize()))
    }

    /// As stored: 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<String, KeyError> {
        Key::from_header(value.as_bytes()).map(|k| k.0)
    }

    #[test]
    fn bare_and_quoted_are_the_same_key() {
        assert_eq!(read("8e03978e-40d5-43dd-bc93-6894a57f9324"), read("\"8e03978e-40d5-43dd-bc93-6894a57f9324\""));
        assert_eq!(read(" abc "), Ok("abc".into()));
        assert_eq!(read(r#""a\"b\\c""#), Ok("a\"b\\c".into()));
    }

    #[test]
    fn refuses_what_is_no_key() {
        assert_eq!(read(""), Err(KeyError::Empty));
        assert_eq!(read("\"\""), Err(KeyError::Empty));
        assert_eq!(read("a b"), Err(KeyError::NotVisible));
        assert_eq!(read("clé"), Err(KeyError::NotVisible));
        assert_eq!(read(&"k".repeat(255)).map(|k| k.len()), Ok(255));
        assert_eq!(read(&"k".repeat(256)), Err(KeyError::TooLong));
        for bad in ["\"abc", "\"abc\" ;a=1", "\"a\\n\"", "\"a\"b\""] {
            assert_eq!(read(bad), Err(KeyError::BadQuotes), "{bad}");
        }
    }

    #[test]
    fn fingerprint_sees_content_not_layout() {
        let of = |body: &str| Fingerprint::of("POST", "/v1/x", &serde_json::from_str(body).unwrap());
        assert_eq!(of(r#"{"a":1,"b":{"d":1,"c":2}}"#), of(r#"{ "b": {"c":2,"d":1}, "a":1 }"#));
        assert_ne!(of(r#"{"a":1}"#), of(r#"{"a":"1"}"#));
        assert_ne!(of("{}"), Fingerprint::of("POST", "/v1/y", &serde_json::json!({})));
    }
}
