//! What can be said of a card number without asking anybody: its brand, its length, its check digit.

use std::fmt;

/// A card scheme, told from the first digits of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Visa.
    Visa,
    /// Mastercard.
    Mastercard,
    /// American Express.
    Amex,
    /// JCB.
    Jcb,
    /// Diners Club.
    Diners,
    /// Discover.
    Discover,
    /// China `UnionPay`.
    UnionPay,
    /// Cards issued for use inside Korea only (numbers that begin with 9).
    KoreanLocal,
    /// None that we know.
    Unknown,
}

impl Brand {
    /// The brand a number (or its beginning) belongs to.
    #[must_use]
    pub fn of(digits: &str) -> Self {
        let starts = |low: u32, high: u32| {
            let length = low.to_string().len();
            digits
                .get(..length)
                .and_then(|head| head.parse::<u32>().ok())
                .is_some_and(|head| (low..=high).contains(&head))
        };
        let any = |ranges: &[(u32, u32)]| ranges.iter().any(|&(low, high)| starts(low, high));
        if any(&[(34, 34), (37, 37)]) {
            Self::Amex
        } else if any(&[(3528, 3589)]) {
            Self::Jcb
        } else if any(&[(300, 305), (3095, 3095), (36, 36), (38, 39)]) {
            Self::Diners
        } else if any(&[(6011, 6011), (644, 649), (65, 65)]) {
            Self::Discover
        } else if any(&[(62, 62), (81, 81)]) {
            Self::UnionPay
        } else if any(&[(51, 55), (2221, 2720)]) {
            Self::Mastercard
        } else if any(&[(4, 4)]) {
            Self::Visa
        } else if any(&[(9, 9)]) {
            Self::KoreanLocal
        } else {
            Self::Unknown
        }
    }

    /// The word used on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Visa => "visa",
            Self::Mastercard => "mastercard",
            Self::Amex => "amex",
            Self::Jcb => "jcb",
            Self::Diners => "diners",
            Self::Discover => "discover",
            Self::UnionPay => "unionpay",
            Self::KoreanLocal => "korean_local",
            Self::Unknown => "unknown",
        }
    }

    /// How many digits a whole number of this brand may have.
    #[must_use]
    pub fn lengths(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Amex => 15..=15,
            Self::Mastercard | Self::KoreanLocal => 16..=16,
            Self::Diners => 14..=19,
            Self::Jcb | Self::Discover | Self::UnionPay => 16..=19,
            Self::Visa | Self::Unknown => 13..=19,
        }
    }

    /// How many digits the security code has.
    #[must_use]
    pub fn cvc_length(self) -> usize {
        if self == Self::Amex { 4 } else { 3 }
    }
}

impl fmt::Display for Brand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether the last digit is the check digit ISO/IEC 7812 (Luhn) asks for. Only digits are expected.
#[must_use]
pub fn luhn(digits: &str) -> bool {
    let mut sum = 0_u32;
    for (place, digit) in digits.chars().rev().enumerate() {
        let Some(value) = digit.to_digit(10) else {
            return false;
        };
        let weighed = if place % 2 == 1 { value * 2 } else { value };
        sum += if weighed > 9 { weighed - 9 } else { weighed };
    }
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// The bare digits of a number typed with spaces or dashes; `None` when it cannot be a card number.
#[must_use]
pub fn parse(typed: &str) -> Option<String> {
    if typed.len() > 40 || typed.chars().any(|c| !(c.is_ascii_digit() || c == ' ' || c == '-')) {
        return None;
    }
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    let brand = Brand::of(&digits);
    (brand.lengths().contains(&digits.len()) && luhn(&digits)).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_are_told_by_their_first_digits() {
        for (number, brand) in [
            ("4242424242424242", Brand::Visa),
            ("5555555555554444", Brand::Mastercard),
            ("2223003122003222", Brand::Mastercard),
            ("378282246310005", Brand::Amex),
            ("3566002020360505", Brand::Jcb),
            ("30569309025904", Brand::Diners),
            ("6011111111111117", Brand::Discover),
            ("6205500000000000004", Brand::UnionPay),
            ("9410123400000001", Brand::KoreanLocal),
        ] {
            assert_eq!(Brand::of(number), brand, "{number}");
            assert_eq!(parse(number).as_deref(), Some(number), "{number}");
        }
        assert_eq!(Brand::of(""), Brand::Unknown);
        assert_eq!(Brand::of("22"), Brand::Unknown, "2221 is needed to know it is a Mastercard");
    }

    #[test]
    fn a_wrong_check_digit_length_or_letter_is_refused() {
        for number in
            ["4242424242424241", "424242424242", "5555 5555 5555 444", "4242x42424242424", "", "37828224631000"]
        {
            assert_eq!(parse(number), None, "{number}");
        }
        assert_eq!(parse("4242 4242-4242 4242").as_deref(), Some("4242424242424242"));
    }

    #[test]
    fn every_single_digit_error_is_caught() {
        let number = "4242424242424242";
        for place in 0..number.len() {
            for digit in '0'..='9' {
                let mut wrong: Vec<char> = number.chars().collect();
                if wrong[place] == digit {
                    continue;
                }
                wrong[place] = digit;
                assert!(!luhn(&wrong.into_iter().collect::<String>()));
            }
        }
    }
}
