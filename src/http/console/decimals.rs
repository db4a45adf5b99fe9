//! Amounts, shares and days as people write them, turned into what the API takes. What cannot be read is handed on as it was
//! typed, so that the API's own rule refuses it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::words::{Currency, Money};

/// Parts per million of one percent.
const PPM: i64 = 10_000;

/// `USD 0.30, KRW 300` as amounts by currency; null when nothing was typed.
pub(super) fn amounts(text: &str) -> Value {
    let mut amounts = Map::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (currency, amount) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        // A currency that is there twice is none.
        let name = if amounts.contains_key(currency) { format!("{currency} (twice)") } else { currency.to_owned() };
        amounts.insert(name, json!(amount.trim()));
    }
    if amounts.is_empty() { Value::Null } else { amounts.into() }
}

/// The other way round.
pub(super) fn written(amounts: &BTreeMap<Currency, Money>) -> String {
    amounts.values().map(|amount| format!("{} {amount}", amount.currency().code())).collect::<Vec<_>>().join(", ")
}

/// A percentage as parts per million; null when nothing was typed.
pub(super) fn ppm(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    let parts =
        text.parse::<Decimal>().ok().and_then(|percent| percent.checked_mul(PPM.into())).map(|ppm| ppm.normalize());
    let whole = parts.filter(|ppm| ppm.scale() == 0).and_then(|ppm| ppm.to_string().parse::<i64>().ok());
    whole.map_or_else(|| json!(text), Value::from)
}

/// The other way round.
pub(super) fn percent(ppm: u32) -> String {
    Decimal::new(i64::from(ppm), 4).normalize().to_string()
}

/// A whole number; null when nothing was typed.
pub(super) fn whole(text: &str) -> Value {
    match text.parse::<i64>() {
        _ if text.is_empty() => Value::Null,
        Ok(number) => number.into(),
        Err(_) => json!(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_what_the_api_takes() {
        assert_eq!(amounts(" USD 0.30, KRW  300 ,"), json!({"USD": "0.30", "KRW": "300"}));
        assert_eq!(amounts(""), Value::Null);
        assert_eq!(amounts("USD, USD 1.00"), json!({"USD": "", "USD (twice)": "1.00"}));
        for (text, value) in
            [("2.9", json!(29_000)), ("0.0001", json!(1)), ("100", json!(1_000_000)), ("", Value::Null)]
        {
            assert_eq!(ppm(text), value);
        }
        for text in ["0.00001", "many", "1e9999", "2,9"] {
            assert_eq!(ppm(text), json!(text), "for the API to refuse");
        }
        assert_eq!((percent(29_000), percent(0)), ("2.9".to_owned(), "0".to_owned()));
        assert_eq!((whole("7"), whole("-1"), whole("x"), whole("")), (json!(7), json!(-1), json!("x"), Value::Null));
    }
}
