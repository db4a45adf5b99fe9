//! Amounts as people read them. The API speaks decimal strings; only pages use this.

/// `1234.50` and `USD` become `$1,234.50`; a currency without a sign of its own keeps its code (`CHF 12.50`).
pub fn for_people(decimal: &str, currency: &str) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let mut text = String::with_capacity(decimal.len() + 8);
    text.push_str(sign(currency).unwrap_or(currency));
    if sign(currency).is_none() {
        text.push('\u{a0}');
    }
    text.push_str(&grouped(whole));
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// A count with thousands separators.
pub fn count(number: i64) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    let length = digits.len();
    let mut text = String::with_capacity(length + length / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (length - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Signs that name one currency only, or its best known owner.
fn sign(currency: &str) -> Option<&'static str> {
    Some(match currency {
        "KRW" => "₩",
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "JPY" => "¥",
        "CNY" => "CN¥",
        "TWD" => "NT$",
        "HKD" => "HK$",
        "CAD" => "CA$",
        "AUD" => "A$",
        "NZD" => "NZ$",
        "INR" => "₹",
        "VND" => "₫",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_naturally() {
        for (decimal, currency, read) in [
            ("15000", "KRW", "₩15,000"),
            ("12.50", "USD", "$12.50"),
            ("0.05", "USD", "$0.05"),
            ("999", "JPY", "¥999"),
            ("1000", "JPY", "¥1,000"),
            ("1234567.89", "EUR", "€1,234,567.89"),
            ("1.234", "KWD", "KWD\u{a0}1.234"),
        ] {
            assert_eq!(for_people(decimal, currency), read);
        }
        assert_eq!(count(10_000), "10,000");
    }
}
