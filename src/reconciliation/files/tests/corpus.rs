//! The files that fuzzing begins with and those it found: every parser reads all of them and gives an answer.

use std::path::Path;

use super::super::{ReadError, read};
use super::bytes::{FORMATS, check};
use super::source;

#[test]
fn every_file_of_the_corpus_ends_in_an_answer() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut seen = 0;
    for folder in std::fs::read_dir(corpus).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            seen += 1;
            for format in FORMATS {
                let outcome = read(&source(format), bytes.as_slice(), &mut |line| check(&line));
                assert!(!matches!(outcome, Err(ReadError::Broken(_))), "{} as {format:?}", path.display());
            }
        }
    }
    assert!(seen >= 30, "the corpus is not there");
}
