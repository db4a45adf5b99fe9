//! The days of a source: in which time zone they run, and at which hour they end. Pure.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use crate::config::reconciliation::{self, Source};
use crate::words::Timestamp;

/// A source's own days.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    /// Midnight: the day of the calendar.
    cutoff: Time,
}

/// A setting of a source that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoCalendar {
    /// Its `zone`.
    #[error("zone {0:?} is no time zone of the IANA database, such as Asia/Seoul")]
    Zone(String),
    /// Its `cutoff` or `at`.
    #[error("{0:?} is no time of day such as 17:30")]
    Time(String),
}

impl Calendar {
    /// The days of `source`.
    pub fn of(source: &Source) -> Result<Self, NoCalendar> {
        let zone = TimeZone::get(&source.zone).map_err(|_| NoCalendar::Zone(source.zone.clone()))?;
        Ok(Self { zone, cutoff: time_of_day(&source.cutoff)? })
    }

    /// The business day to which an instant belongs. `None` at the ends of the calendar.
    pub fn day_of(&self, at: Timestamp) -> Option<Date> {
        let local = jiff::Timestamp::from_microsecond(at.micros()).ok()?.to_zoned(self.zone.clone());
        let after = self.cutoff != Time::midnight() && local.time() >= self.cutoff;
        if after { local.date().tomorrow().ok() } else { Some(local.date()) }
    }

    /// The instant of a time on the source's clocks. One that comes twice is the first of the two; one that the clocks skip
    /// is as much later as they skip. `None` at the ends of the calendar.
    pub fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let zoned = local.to_zoned(self.zone.clone()).ok()?;
        Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
    }

    /// When a business day ends. `None` at the ends of the calendar.
    pub fn end_of(&self, day: Date) -> Option<Timestamp> {
        let date = if self.cutoff == Time::midnight() { day.tomorrow().ok()? } else { day };
        self.instant(date.to_datetime(self.cutoff))
    }
}

/// A time of day, `HH:MM`.
pub fn time_of_day(text: &str) -> Result<Time, NoCalendar> {
    reconciliation::time_of_day(text).ok_or_else(|| NoCalendar::Time(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(zone: &str, cutoff: &str) -> Result<Calendar, NoCalendar> {
        let zone = TimeZone::get(zone).map_err(|_| NoCalendar::Zone(zone.to_owned()))?;
        Ok(Calendar { zone, cutoff: time_of_day(cutoff)? })
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_day_is_the_zones_and_ends_at_its_cutoff() {
        let seoul = calendar("Asia/Seoul", "00:00").unwrap();
        assert_eq!(seoul.day_of(at("2025-10-09T14:59:59Z")).unwrap().to_string(), "2025-10-09");
        assert_eq!(seoul.day_of(at("2025-10-09T15:00:00Z")).unwrap().to_string(), "2025-10-10");
        let early = calendar("Asia/Seoul", "17:30").unwrap();
        assert_eq!(early.day_of(at("2025-10-09T08:29:59Z")).unwrap().to_string(), "2025-10-09");
        assert_eq!(early.day_of(at("2025-10-09T08:30:00Z")).unwrap().to_string(), "2025-10-10");
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        for (zone, cutoff) in [("Asia/Seoul", "00:00"), ("Europe/Berlin", "17:30"), ("America/New_York", "00:00")] {
            let calendar = calendar(zone, cutoff).unwrap();
            let day: Date = "2025-11-02".parse().unwrap();
            let end = calendar.end_of(day).unwrap();
            let before = Timestamp::from_micros(end.micros() - 1);
            assert_eq!((calendar.day_of(before), calendar.day_of(end)), (Some(day), day.tomorrow().ok()), "{zone}");
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_the_first_of_the_two() {
        let amsterdam = calendar("Europe/Amsterdam", "00:00").unwrap();
        let twice = "2025-10-26T02:30:00".parse().unwrap();
        assert_eq!(amsterdam.instant(twice), Some(at("2025-10-26T00:30:00Z")));
    }

    #[test]
    fn odd_settings_are_named() {
        assert!(matches!(calendar("PST8", "00:00").map(|_| ()), Err(NoCalendar::Zone(_))));
        for odd in ["", "5:00", "24:00", "12:60", "12.30", "12:3x", "1२:30"] {
            assert_eq!(time_of_day(odd), Err(NoCalendar::Time(odd.to_owned())), "{odd}");
        }
    }
}
