//! Amounts as files write them, signed, into minor units. Exact or refused: nothing is rounded.

use rust_decimal::Decimal;

use crate::words::{Currency, Money};

/// Characters of an amount: sign, 15 digits, a point, and some padding.
const LONGEST: usize = 40;

/// A decimal number of major units such as `-20.00`, `52` or `.11`: missing decimals are zeros, more than the currency has
/// must be zeros.
pub fn major(text: &str, currency: Currency) -> Result<i64, String> {
    let exponent = currency.exponent();
    let mut amount = decimal(text)?.normalize();
    if amount.scale() > exponent {
        return Err(format!("{text:?} has more decimals than the {exponent} of {currency}"));
    }
    amount.rescale(exponent);
    i64::try_from(amount.mantissa()).ok().filter(|minor| holds(*minor, currency)).ok_or_else(|| too_large(text))
}

/// A whole number of minor units.
pub fn minor(text: &str, currency: Currency) -> Result<i64, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || text.len() > LONGEST || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("{text:.60?} is no whole number of minor units"));
    }
    text.parse().ok().filter(|minor| holds(*minor, currency)).ok_or_else(|| too_large(text))
}

/// A decimal number, without exponents, separators or spaces.
pub fn decimal(text: &str) -> Result<Decimal, String> {
    let bad = || format!("{text:.60?} is no decimal number");
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if text.len() > LONGEST || !plain(whole) || !plain(decimals) || (whole.is_empty() && decimals.is_empty()) {
        return Err(bad());
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    Decimal::from_str_exact(&format!("{sign}0{whole}.{decimals}0")).map_err(|_| bad())
}

/// A number with a decimal comma, and points between its thousands if any, with a decimal point instead. A point that stands
/// anywhere else may be a decimal one: what it means is not guessed.
pub fn with_point(text: &str) -> Result<String, String> {
    let (whole, decimals) = text.split_once(',').unwrap_or((text, ""));
    let mut groups = whole.strip_prefix(['-', '+']).unwrap_or(whole).split('.');
    let first = groups.next().unwrap_or_default().len();
    let mut rest = groups.peekable();
    let parted = rest.peek().is_none() || (1..=3).contains(&first);
    if !parted || decimals.contains('.') || !rest.all(|group| group.len() == 3) {
        return Err(format!("{text:.60?}: with a decimal comma, a point may only stand between thousands"));
    }
    let whole = whole.replace('.', "");
    Ok(if decimals.is_empty() { whole } else { format!("{whole}.{decimals}") })
}

/// The words for two amounts that should be the same.
pub fn shown(minor: i64, currency: Currency) -> String {
    format!("{} {currency}", Decimal::new(minor, currency.exponent()))
}

fn holds(minor: i64, currency: Currency) -> bool {
    minor.checked_abs().is_some_and(|minor| Money::of(minor, currency).is_some())
}

fn too_large(text: &str) -> String {
    format!("{text:.60?} is larger than an amount can be")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn amounts_are_read_exactly_in_their_currency() {
        for (text, code, minor) in [
            ("100.00", "USD", 10_000),
            ("-31.80", "USD", -3180),
            ("52", "USD", 5200),
            (".11", "USD", 11),
            ("-.5", "USD", -50),
            ("+1.", "USD", 100),
            ("0.760000", "USD", 76),
            ("15000", "KRW", 15000),
            ("15000.00", "KRW", 15000),
            ("1.234", "KWD", 1234),
            ("-0.00", "USD", 0),
            ("9999999999999.99", "USD", 999_999_999_999_999),
        ] {
            assert_eq!(major(text, currency(code)), Ok(minor), "{text} {code}");
        }
        assert_eq!(minor("-435", currency("KRW")), Ok(-435));
    }

    #[test]
    fn nothing_is_rounded_or_guessed() {
        for (text, code) in [
            ("", "USD"),
            (".", "USD"),
            ("-", "USD"),
            ("1.005", "USD"),
            ("0.5", "KRW"),
            ("1,000.00", "USD"),
            ("1e3", "USD"),
            ("1_000", "USD"),
            ("--1", "USD"),
            ("1 ", "USD"),
            ("NaN", "USD"),
            ("٣", "KRW"),
            ("10000000000000.00", "USD"),
            ("99999999999999999999999999999999999999999", "KRW"),
        ] {
            assert!(major(text, currency(code)).is_err(), "{text:?} {code}");
        }
        for text in ["", "-", "1.0", "+1", "9223372036854775808", "-9223372036854775808", "1000000000000000"] {
            assert!(minor(text, currency("KRW")).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_point_beside_a_decimal_comma_parts_thousands_or_is_refused() {
        let usd = currency("USD");
        let read = |text: &str| with_point(text).and_then(|text| major(&text, usd));
        for (text, minor) in [
            ("12,34", 1234),
            ("-1.234,5", -123_450),
            ("1.234", 123_400),
            ("1234567,89", 123_456_789),
            ("1.234.567,89", 123_456_789),
            ("12", 1200),
            ("12,", 1200),
        ] {
            assert_eq!(read(text), Ok(minor), "{text}");
        }
        for text in ["12.34", "1234.567,00", ".123", "1.23,4", "1,234.56", "1.2345", "1..234", "1.234,5,6", ""] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same(units in -999_999_999_999_999_i64..=999_999_999_999_999, code in prop::sample::select(vec!["KRW", "USD", "KWD"])) {
            let text = Decimal::new(units, currency(code).exponent()).to_string();
            prop_assert_eq!(major(&text, currency(code)), Ok(units));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = (major(&text, currency("USD")), minor(&text, currency("KRW")));
        }
    }
}
