//! Money: whole minor units of one currency. Decimal strings at the border, checked integers inside, never a float.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

use super::currency::Currency;

/// An amount of minor units (cents, won, fils) in a currency; may be zero, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why text is no amount of a currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Signs, exponents, spaces, separators, leading zeros, or nothing at all.
    #[error(
        "must be a plain decimal number such as \"{0}\": digits and at most one point, no sign, spaces or separators"
    )]
    Malformed(String),
    /// Not exactly the currency's decimals.
    #[error("must have exactly {exponent} decimals for {currency}, as in \"{example}\"")]
    Decimals {
        /// The currency's code.
        currency: &'static str,
        /// Its number of decimals.
        exponent: u32,
        /// An amount written as it must be.
        example: String,
    },
    /// More than can be held.
    #[error("must be at most {0}")]
    TooLarge(String),
}

/// The largest amount: 15 digits of minor units, so that sums of many still fit 64 bits.
const MAX_MINOR: i64 = 999_999_999_999_999;

impl Money {
    /// The most minor units that an amount has.
    pub const MOST: i64 = MAX_MINOR;

    /// `minor` units of `currency`; `None` when negative or above 15 digits.
    pub fn of(minor: i64, currency: Currency) -> Option<Self> {
        (0..=MAX_MINOR).contains(&minor).then_some(Self { minor, currency })
    }

    /// Nothing of `currency`.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads a decimal string with exactly the currency's decimals: `"12.50"` USD, `"15000"` KRW, `"1.234"` KWD.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let exponent = currency.exponent();
        let example = || Self { minor: 10_i64.pow(exponent) * 12, currency }.to_string();
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || !digits(whole) || !digits(decimals) || leading_zero || text.ends_with('.') {
            return Err(AmountError::Malformed(example()));
        }
        if u32::try_from(decimals.len()) != Ok(exponent) {
            return Err(AmountError::Decimals { currency: currency.code(), exponent, example: example() });
        }
        let too_large = || AmountError::TooLarge(Self { minor: MAX_MINOR, currency }.to_string());
        if text.len() > 20 {
            return Err(too_large());
        }
        let minor = Decimal::from_str(text).ok().and_then(|amount| i64::try_from(amount.mantissa()).ok());
        minor.and_then(|minor| Self::of(minor, currency)).ok_or_else(too_large)
    }

    /// Minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum; `None` for two currencies or above what can be held.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.with(other, self.minor.checked_add(other.minor)?)
    }

    /// The difference; `None` for two currencies or below nothing.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.with(other, self.minor.checked_sub(other.minor)?)
    }

    /// As much of this as `part` is of `whole`, rounded down; `None` when `whole` is nothing or the result cannot be held.
    pub fn in_proportion(self, part: Self, whole: Self) -> Option<Self> {
        let product = i128::from(self.minor).checked_mul(i128::from(part.minor))?;
        Self::of(i64::try_from(product.checked_div(i128::from(whole.minor))?).ok()?, self.currency)
    }

    /// `count` times as much; `None` above what can be held.
    pub fn checked_mul(self, count: u32) -> Option<Self> {
        Self::of(self.minor.checked_mul(i64::from(count))?, self.currency)
    }

    /// The sum of `parts`, all of `currency`; `None` as for [`Self::checked_add`].
    pub fn sum(currency: Currency, parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        parts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn with(self, other: Self, minor: i64) -> Option<Self> {
        if self.currency == other.currency { Self::of(minor, self.currency) } else { None }
    }
}

impl fmt::Display for Money {
    /// The decimal string with exactly the currency's decimals, without the currency.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(self.minor, self.currency.exponent()).fmt(f)
    }
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Splits `total` by `weights` (any non-negative numbers, not all zero) so that the parts sum to the whole: each part is
/// rounded down, and the units left over go one each to the largest remainders, the earlier part first when equal.
///
/// `None` when there is no weight to split by.
pub fn split(total: Money, weights: &[i64]) -> Option<Vec<Money>> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum <= 0 || weights.iter().any(|weight| *weight < 0) {
        return None;
    }
    let shares: Vec<(i128, i128)> = weights
        .iter()
        .map(|weight| i128::from(total.minor) * i128::from(*weight))
        .map(|product| (product / sum, product % sum))
        .collect();
    let given: i128 = shares.iter().map(|(part, _)| part).sum();
    let left = usize::try_from(i128::from(total.minor) - given).ok()?;
    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|index| std::cmp::Reverse(shares[*index].1));
    let mut parts: Vec<i128> = shares.into_iter().map(|(part, _)| part).collect();
    for index in by_remainder.into_iter().take(left) {
        parts[index] += 1;
    }
    parts.into_iter().map(|part| Money::of(i64::try_from(part).ok()?, total.currency)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn amounts_have_exactly_the_currencys_decimals() {
        for (text, code, minor) in [
            ("12.50", "USD", 1250),
            ("15000", "KRW", 15000),
            ("1.234", "KWD", 1234),
            ("0.00", "USD", 0),
            ("0", "KRW", 0),
        ] {
            let money = Money::parse(text, currency(code)).unwrap();
            assert_eq!(money.minor(), minor);
            assert_eq!(money.to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for (text, code) in [
            ("", "USD"),
            ("12", "USD"),
            ("12.5", "USD"),
            ("12.500", "USD"),
            ("15000.0", "KRW"),
            ("15000.", "KRW"),
            ("+1.00", "USD"),
            ("-1.00", "USD"),
            ("1e3", "KRW"),
            (" 1.00", "USD"),
            ("1,000.00", "USD"),
            (".50", "USD"),
            ("01.00", "USD"),
            ("1_000", "KRW"),
            ("٣", "KRW"),
            ("1.0.0", "USD"),
            ("NaN", "USD"),
            ("1.00\n", "USD"),
            ("1000000000000000", "KRW"),
            ("99999999999999999999999999999999999999", "KRW"),
        ] {
            assert!(Money::parse(text, currency(code)).is_err(), "{text:?} {code}");
        }
        assert!(Money::parse("999999999999999", currency("KRW")).is_ok());
    }

    #[test]
    fn two_currencies_do_not_add() {
        let won = Money::of(1, currency("KRW")).unwrap();
        let yen = Money::of(1, currency("JPY")).unwrap();
        assert_eq!(won.checked_add(yen), None);
        assert_eq!(won.checked_sub(won.checked_add(won).unwrap()), None);
    }

    proptest! {
        #[test]
        fn text_and_back_is_the_same(minor in 0..=MAX_MINOR, code in prop::sample::select(vec!["KRW", "USD", "KWD"])) {
            let money = Money::of(minor, currency(code)).unwrap();
            prop_assert_eq!(Money::parse(&money.to_string(), currency(code)), Ok(money));
        }

        #[test]
        fn parts_sum_to_the_whole_and_are_fair(
            minor in 0..=MAX_MINOR,
            weights in prop::collection::vec(0..1_000_000_000_i64, 1..20),
        ) {
            let total = Money::of(minor, currency("KRW")).unwrap();
            let sum: i64 = weights.iter().sum();
            match split(total, &weights) {
                None => prop_assert_eq!(sum, 0),
                Some(parts) => {
                    prop_assert_eq!(parts.iter().map(|part| part.minor()).sum::<i64>(), minor);
                    for (part, weight) in parts.iter().zip(&weights) {
                        let exact = i128::from(minor) * i128::from(*weight);
                        let off = i128::from(part.minor()) * i128::from(sum) - exact;
                        prop_assert!(off.abs() < i128::from(sum), "a part is off by a whole unit");
                    }
                }
            }
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = Money::parse(&text, currency("USD"));
        }
    }
}
