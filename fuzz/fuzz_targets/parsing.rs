//! What must hold of every parser, whatever it is given: an answer, and lines that keep their promises.

use tollgate::config::reconciliation::Source;
use tollgate::reconciliation::files;

/// The source that a text in JSON describes.
pub fn source(text: &str) -> Source {
    serde_json::from_str(text).expect("a source")
}

/// Reads `bytes` as a file of `source`.
pub fn stands(source: &Source, bytes: &[u8]) {
    let _ = files::read(source, bytes, &mut |line| {
        assert_eq!(line.gross.checked_sub(line.fee), Some(line.net));
        assert!(!line.identity.is_empty() && line.number > 0);
        assert!(serde_json::from_str::<serde_json::Value>(&line.raw).is_ok());
    });
}
