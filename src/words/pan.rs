//! Finds card numbers in text, so that none is ever stored or logged.
//!
//! A number is 13 to 19 digits with single spaces or dashes allowed between them, touching no other digit, passing the
//! Luhn check (ISO/IEC 7812-1) and beginning like a card of a known scheme.

use std::ops::Range;

/// The most digits a card number has.
const LONGEST: usize = 19;

/// Where the first card number in `text` stands, in bytes.
///
/// Each group of digits is tried as the first of a number, and each group after it as the last: an expiry date or an order
/// number written beside a card hides nothing. Looks at a bounded piece from each place, so that no text takes long.
pub fn find(text: &str) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut start = 0;
    while start < bytes.len() {
        if !is_digit(start) {
            start += 1;
            continue;
        }
        if let Some(end) = end_of_card(bytes, start) {
            return Some(start..end);
        }
        while is_digit(start) {
            start += 1;
        }
    }
    None
}

/// The end of the longest card number that begins with the group of digits at `start`.
fn end_of_card(bytes: &[u8], start: usize) -> Option<usize> {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut digits = Vec::with_capacity(LONGEST);
    let mut found = None;
    let mut at = start;
    loop {
        while let Some(digit) = bytes.get(at).filter(|byte| byte.is_ascii_digit()) {
            if digits.len() == LONGEST {
                return found;
            }
            digits.push(digit - b'0');
            at += 1;
        }
        if is_card_number(&digits) {
            found = Some(at);
        }
        if !(matches!(bytes.get(at), Some(b' ' | b'-')) && is_digit(at + 1)) {
            return found;
        }
        at += 1;
    }
}

/// `text` with every card number in it replaced by its last four digits.
pub fn scrub(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = find(rest) {
        let digits: String = rest[found.clone()].chars().filter(char::is_ascii_digit).collect();
        clean.push_str(&rest[..found.start]);
        clean.push_str("<card number ending in ");
        clean.push_str(&digits[digits.len() - 4..]);
        clean.push('>');
        rest = &rest[found.end..];
    }
    clean + rest
}

fn is_card_number(digits: &[u8]) -> bool {
    (13..=LONGEST).contains(&digits.len()) && begins_like_a_card(digits) && luhn(digits)
}

/// The Luhn check over decimal digits.
pub fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn begins_like_a_card(digits: &[u8]) -> bool {
    let head = |count: usize| digits[..count].iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    // Domestic Korean cards begin with 9.
    matches!(head(1), 4 | 9)
        || matches!(head(2), 51..=55 | 34 | 37 | 65 | 36 | 38 | 39 | 62)
        || matches!(head(3), 644..=649 | 300..=305)
        || matches!(head(4), 2221..=2720 | 6011 | 3528..=3589)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn card_numbers_are_found_however_written() {
        for text in [
            "4242424242424242",
            "x 4242 4242 4242 4242 y",
            "4242-4242-4242-4242",
            "{\"n\":\"378282246310005\"}",
            "30569309025904",
            "6205500000000000004",
            "12 4242424242424242",
            "order 7 4242424242424242",
        ] {
            assert!(find(text).is_some(), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "4242424242424241",
            "0000000000000000",
            "1760000000000",
            "14242424242424242x9",
            "48902300****406*",
            "42424242424242424242424",
            "4242 4242",
            "",
            "pay_01h455vb4pex5vsknk084sn02q",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn scrubbing_keeps_the_last_four() {
        assert_eq!(scrub("a 4242 4242 4242 4242 b"), "a <card number ending in 4242> b");
        assert_eq!(scrub("nothing"), "nothing");
    }

    #[test]
    fn what_is_written_beside_a_card_does_not_hide_it() {
        for text in [
            "4242424242424242 12/28 123",
            "4242 4242 4242 4242 1",
            "1 4242-4242-4242-4242 9",
            "378282246310005 0428",
            "010 1234 5678 4242424242424242 77 88 99",
        ] {
            assert!(find(text).is_some(), "{text}");
        }
        let text = "4242 4242 4242 4242 12/28";
        assert_eq!(find(text).map(|range| &text[range]), Some("4242 4242 4242 4242"));
    }

    #[test]
    fn no_text_takes_long() {
        let started = std::time::Instant::now();
        for text in ["4 ".repeat(200_000), "4".repeat(400_000), "4242-".repeat(80_000)] {
            let _ = scrub(&text);
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_scrubbed_text_is_clean(text in "[0-9 \\-a-z가]{0,60}") {
            prop_assert_eq!(find(&scrub(&text)), None);
        }
    }
}
