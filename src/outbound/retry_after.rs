//! Reads `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date. Pure.

use std::time::Duration;

use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use crate::words::Timestamp;

const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// How long the other side asks us to wait; `None` when it did not say so in a way the standard knows. A date needs to be told
/// what time it is.
pub fn parse(value: &str, now: Option<Timestamp>) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits to count is a very long wait, not nonsense.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some(date(value)?.since(now?))
}

/// An instant as HTTP writes it, such as in `Date`.
pub fn date(value: &str) -> Option<Timestamp> {
    let at = PrimitiveDateTime::parse(value.trim(), HTTP_DATE).ok()?.assume_utc().unix_timestamp();
    Some(Timestamp::from_unix_seconds(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let now = Timestamp::from_unix_seconds(784_111_777);
        let seconds = |value| parse(value, Some(now)).map(|wait| wait.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds(" 0 "), Some(0));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(seconds("99999999999999999999999"), Some(u64::MAX));
        for nonsense in ["", "-1", "soon", "1.5", "Sun, 99 Nov 1994 08:49:37 GMT", "٣"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:37 GMT", None), None, "nobody knows how long until then");
    }
}
