//! The stand-in's calendar: days in Asia/Seoul (UTC+09:00, no daylight saving).

use jiff::civil::Date;
use jiff::{Span, Timestamp as Instant};

const SEOUL_OFFSET_MICROS: i64 = 9 * 3600 * 1_000_000;
/// A day in microseconds.
pub const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// Reads `YYYY-MM-DD` and nothing else.
pub fn parse(text: &str) -> Option<Date> {
    if text.len() != 10 {
        return None;
    }
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

/// When a day begins in Seoul, in microseconds since the epoch.
pub fn midnight(date: Date) -> Option<i64> {
    let utc = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    utc.timestamp().as_microsecond().checked_sub(SEOUL_OFFSET_MICROS)
}

/// Which day it is in Seoul.
pub fn of(micros: i64) -> Option<Date> {
    let shifted = Instant::from_microsecond(micros.checked_add(SEOUL_OFFSET_MICROS)?).ok()?;
    Some(shifted.to_zoned(jiff::tz::TimeZone::UTC).date())
}

/// The day after.
pub fn next(date: Date) -> Option<Date> {
    date.checked_add(Span::new().days(1)).ok()
}

/// The day before.
pub fn before(date: Date) -> Option<Date> {
    date.checked_sub(Span::new().days(1)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Timestamp;

    #[test]
    fn a_day_in_seoul_begins_nine_hours_before_utc() {
        let begins = parse("2025-10-10").and_then(midnight).map(|micros| Timestamp::from_micros(micros).to_string());
        assert_eq!(begins.as_deref(), Some("2025-10-09T15:00:00Z"));
        for odd in ["", "2025-13-01", "2025-02-30", "20251010", "2025-10-10T", "+02025-1-1"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        let midnight = parse("2025-10-10").and_then(midnight).unwrap();
        assert_eq!(of(midnight), parse("2025-10-10"));
        assert_eq!(of(midnight - 1), parse("2025-10-09"));
    }
}
