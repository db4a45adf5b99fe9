//! Arbitrary bytes and damaged files: no panic, no hang, and no more memory than a row.

use std::fmt::Write as _;
use std::io::{self, Read};

use proptest::prelude::*;

use super::super::{LARGEST_ROW, ReadError, read};
use super::{ADYEN, CAMT, STRIPE, TOSS, samples, source};
use crate::config::reconciliation::Format;
use crate::reconciliation::line::Line;

pub const FORMATS: [Format; 6] =
    [Format::Simulator, Format::Stripe, Format::Tosspayments, Format::Adyen, Format::Camt053, Format::Csv];

/// What comes out holds, whatever went in.
pub fn check(line: &Line) {
    assert_eq!(line.gross.checked_sub(line.fee), Some(line.net));
    assert!(!line.identity.is_empty() && line.number > 0);
    assert!(serde_json::from_str::<serde_json::Value>(&line.raw).is_ok(), "{}", line.raw);
    assert!(u64::try_from(line.raw.len()).unwrap() <= 8 * LARGEST_ROW);
}

fn stands(format: Format, bytes: &[u8]) {
    let _ = read(&source(format), bytes, &mut |line| check(&line));
}

proptest! {
    #[test]
    fn arbitrary_bytes_end_in_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for format in FORMATS {
            stands(format, &bytes);
        }
    }

    #[test]
    fn files_damaged_in_places_end_in_an_answer(
        which in 0..7_usize,
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..8),
    ) {
        let (source, text) = samples().swap_remove(which);
        let mut bytes = text.as_bytes().to_vec();
        for (index, byte, how) in damages {
            let at = index.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes[at] = b"0123456789-.,\"<>{}[]&;\n"[usize::from(byte) % 23],
                _ => {
                    let end = bytes.len().min(at + 1 + usize::from(byte) / 4);
                    let piece: Vec<u8> = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        let _ = read(&source, bytes.as_slice(), &mut |line| check(&line));
    }

    #[test]
    fn a_changed_digit_never_changes_what_is_taken_unseen(index in any::<prop::sample::Index>(), digit in 0..10_u8) {
        // In reports whose sums are checked, whatever is taken comes to the same.
        for (format, text) in [(Format::Stripe, STRIPE), (Format::Adyen, ADYEN), (Format::Camt053, CAMT)] {
            let places: Vec<usize> = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(at, _)| at).collect();
            let mut bytes = text.as_bytes().to_vec();
            bytes[places[index.index(places.len())]] = b'0' + digit;
            let sum = |bytes: &[u8]| {
                let mut nets = Vec::new();
                read(&source(format), bytes, &mut |line| nets.push(line.net)).map(|_| nets.iter().sum::<i64>())
            };
            if let Ok(taken) = sum(&bytes) {
                prop_assert_eq!(taken, sum(text.as_bytes()).unwrap());
            }
        }
    }
}

/// Endless bytes, counted.
struct Endless<'a> {
    head: &'a [u8],
    piece: &'a [u8],
    at: usize,
    given: u64,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from = if self.head.is_empty() { &self.piece[self.at..] } else { self.head };
        let count = from.len().min(buffer.len());
        buffer[..count].copy_from_slice(&from[..count]);
        if self.head.is_empty() {
            self.at = (self.at + count) % self.piece.len();
        } else {
            self.head = &self.head[count..];
        }
        self.given += u64::try_from(count).unwrap();
        Ok(count)
    }
}

#[test]
fn a_row_that_never_ends_is_left_after_the_largest_row() {
    let stripe = STRIPE.lines().next().unwrap().to_owned() + "\n";
    let camt = &CAMT[..CAMT.find("<Ntry>").unwrap()];
    let cases: Vec<(Format, String, &str)> = vec![
        (Format::Stripe, stripe.clone() + "\"", "a"),
        (Format::Stripe, stripe, "po_1,"),
        (Format::Stripe, String::new(), "automatic_payout_id,"),
        (Format::Csv, String::new(), "x"),
        (Format::Tosspayments, "[".to_owned(), "[["),
        (Format::Tosspayments, "[{\"mId\":\"".to_owned(), "\\\""),
        (Format::Tosspayments, "[{\"amount\":".to_owned(), "1"),
        (Format::Simulator, "{\"data\":[".to_owned(), "{\"id\":"),
        (Format::Simulator, "{\"".to_owned(), "date"),
        (Format::Camt053, camt.to_owned() + "<Ntry><Amt Ccy=\"", "K"),
        (Format::Camt053, camt.to_owned() + "<Ntry>", "<NtryDtls>"),
        (Format::Camt053, camt.to_owned() + "<Ntry><NtryRef>", "1"),
        (Format::Camt053, camt.to_owned() + "<!-- ", "a"),
        (Format::Camt053, camt.to_owned() + "<Ntry><NtryDtls>", "<TxDtls><Amt>1</Amt></TxDtls>"),
        (Format::Camt053, camt.to_owned() + "<Ntry>", "<Sts/>a<Id>b</Id>"),
        (Format::Camt053, String::new(), "<"),
    ];
    for (format, head, piece) in cases {
        let mut endless = Endless { head: head.as_bytes(), piece: piece.as_bytes(), at: 0, given: 0 };
        let outcome = read(&source(format), &mut endless, &mut |_| ());
        assert!(matches!(outcome, Err(ReadError::Refused(_))), "{format:?} {piece}: {outcome:?}");
        assert!(endless.given < 40 * 1024 * 1024, "{format:?} {piece}: {} bytes were read", endless.given);
    }
}

#[test]
fn a_reader_that_breaks_is_not_a_file_that_is_wrong() {
    struct Breaks;
    impl Read for Breaks {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    for (source, text) in samples() {
        let half = &text.as_bytes()[..text.len() / 2];
        let outcome = read(&source, half.chain(Breaks), &mut |_| ());
        assert!(matches!(outcome, Err(ReadError::Broken(_))), "{:?}: {outcome:?}", source.format);
    }
}

#[test]
fn many_rows_are_read_one_by_one() {
    let row = TOSS.split_once("  {").unwrap().1.split_once("},\n  {").unwrap().0;
    let mut file = String::from("[");
    for number in 0..20_000 {
        let comma = if number == 0 { "" } else { "," };
        write!(file, "{comma}{{{}}}", row.replace("tk_1", &format!("tk_{number}"))).unwrap();
    }
    file.push(']');
    let mut seen = 0_u64;
    let totals = read(&source(Format::Tosspayments), file.as_bytes(), &mut |line| {
        seen += 1;
        assert_eq!(line.number, seen);
    })
    .unwrap();
    assert_eq!((totals.lines, totals.currencies["KRW"].gross), (20_000, 300_000_000));
}
