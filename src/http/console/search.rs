//! What somebody typed into the search box, read as all the things it may be. Pure.

use std::sync::LazyLock;

use rust_decimal::Decimal;

use crate::words::{Currency, Money};

/// The shortest text that is looked for as a beginning; shorter ones would match half of everything.
const BEGINNING: usize = 3;

/// One search, as values to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    /// An id of ours, as it is.
    pub id: String,
    /// A `like` pattern for references and e-mails, lower case.
    pub words: String,
    /// A `like` pattern for the PSP's references, as typed.
    pub at_psp: String,
    /// Minor units for currencies without, with two and with three decimals.
    pub minor: [Option<i64>; 3],
    /// The currency, if one was named.
    pub currency: Option<Currency>,
}

/// Codes of the currencies with this many decimals, joined: a list that can be bound.
pub(super) fn currencies(exponent: u32) -> &'static str {
    static LISTS: LazyLock<[String; 4]> = LazyLock::new(|| {
        [0, 1, 2, 3].map(|exponent| {
            let codes: Vec<_> = Currency::all().filter(|c| c.exponent() == exponent).map(Currency::code).collect();
            codes.join(" ")
        })
    });
    LISTS.get(exponent as usize).map_or("", String::as_str)
}

/// Reads the text; `None` when nothing was typed.
pub(super) fn read(typed: &str) -> Option<Terms> {
    let typed: String = typed.chars().filter(|c| !c.is_control()).take(200).collect();
    let typed = typed.trim();
    if typed.is_empty() {
        return None;
    }
    let (minor, currency) = amount(typed);
    Some(Terms {
        id: typed.to_lowercase(),
        words: pattern(&typed.to_lowercase()),
        at_psp: pattern(typed),
        minor,
        currency,
    })
}

/// A `like` pattern (escape `\`) for texts that begin so.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    if text.chars().count() >= BEGINNING {
        pattern.push('%');
    }
    pattern
}

/// `12.50`, `15,000 KRW`, `usd 12.5`.
fn amount(text: &str) -> ([Option<i64>; 3], Option<Currency>) {
    let nothing = ([None; 3], None);
    let upper = text.to_uppercase();
    let mut currency = None;
    let mut number = None;
    for part in upper.split_whitespace() {
        match Currency::parse(part) {
            Ok(found) if currency.is_none() => currency = Some(found),
            Err(_) if number.is_none() => number = Some(part.replace(',', "")),
            _ => return nothing,
        }
    }
    let plain = |n: &String| n.len() <= 20 && n.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let Some(number) = number.filter(plain).and_then(|n| Decimal::from_str_exact(&n).ok()) else { return nothing };
    let of = |code: &str| {
        let currency = Currency::parse(code).ok()?;
        let mut exact = number;
        exact.rescale(currency.exponent());
        let money = Money::parse(&exact.to_string(), currency).ok()?;
        (exact == number).then_some(money.minor())
    };
    ([of("KRW"), of("USD"), of("KWD")], currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_read_for_every_number_of_decimals() {
        let of = |text| amount(text).0;
        assert_eq!(of("15,000"), [Some(15_000), Some(1_500_000), Some(15_000_000)]);
        assert_eq!(of("12.5"), [None, Some(1_250), Some(12_500)]);
        assert_eq!(of("12.50"), [None, Some(1_250), Some(12_500)]);
        assert_eq!(of("1.234 kwd"), [None, None, Some(1_234)]);
        assert_eq!(amount("usd 12.50").1, Currency::parse("USD").ok());
        for text in ["", "USD", "abc", "1e3", "-5", "1 2", "1 USD KRW", "99999999999999999999999", "."] {
            assert_eq!(of(text), [None; 3], "{text}");
        }
    }

    #[test]
    fn wildcards_are_only_letters() {
        assert_eq!(pattern("100%_a\\"), "100\\%\\_a\\\\%");
        assert_eq!(pattern("ab"), "ab");
    }

    #[test]
    fn nothing_typed_is_no_search() {
        assert_eq!(read("  \u{0} "), None);
        assert_eq!(read(" Order-1 ").unwrap().words, "order-1%");
        assert_eq!(read("PAY_1").unwrap().id, "pay_1");
    }

    #[test]
    fn the_lists_hold_each_currency_under_its_decimals() {
        assert!(currencies(0).contains("KRW") && currencies(3).contains("KWD"));
        assert!(!currencies(0).contains("USD") && !currencies(3).contains("USD"));
        assert!(Currency::all().all(|c| [0, 2, 3].contains(&c.exponent())));
    }
}
