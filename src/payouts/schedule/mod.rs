//! When a seller is paid out without being asked, and how much of what is available. Pure: `now` is an argument.
//!
//! A period is a local date in the schedule's time zone. A local hour that the clocks skip is the first moment after the
//! gap, and one that comes twice is the first of the two, so that no period is left out and none comes twice.

mod payable;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use crate::words::{Currency, Money, Timestamp};

pub(super) use payable::reserve;
pub use payable::{Funds, Short, payable};
pub use reading::{Fault, read};

/// On which days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Every day.
    Daily,
    /// Once a week.
    Weekly(Weekday),
    /// Once a month, on this day or the month's last when it has none such.
    Monthly(i8),
}

/// A seller's schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// On which days.
    pub rule: Rule,
    /// At which local hour.
    pub hour: i8,
    /// Whose hours and days.
    pub zone: TimeZone,
    /// Less than this waits for the next period.
    pub minimum: BTreeMap<Currency, Money>,
    /// Only what has been available for so many days.
    pub delay_days: u16,
    /// What stays, in parts per million.
    pub reserve_ppm: u32,
    /// Of what it is a part: of what became available within so many days, and is let go when they are over; of all that is
    /// available at each turn when it is 0.
    pub reserve_days: u16,
}

/// One turn of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The local date, as `2026-02-28`.
    pub period: String,
    /// When it is due.
    pub at: Timestamp,
}

impl Schedule {
    /// The last turn that is due at `now`. Turns before it that nobody took are not made up for: what they would have
    /// paid out is still there. `None` at the ends of the calendar.
    #[must_use]
    pub fn latest(&self, now: Timestamp) -> Option<Turn> {
        let mut date = self.rule.on_or_before(self.local(now)?)?;
        loop {
            let turn = self.turn(date)?;
            if turn.at <= now {
                return Some(turn);
            }
            date = self.rule.on_or_before(date.yesterday().ok()?)?;
        }
    }

    /// The first turn after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Turn> {
        let mut date = self.rule.on_or_after(self.local(now)?)?;
        loop {
            let turn = self.turn(date)?;
            if turn.at > now {
                return Some(turn);
            }
            date = self.rule.on_or_after(date.tomorrow().ok()?)?;
        }
    }

    fn local(&self, at: Timestamp) -> Option<Date> {
        Some(jiff::Timestamp::from_microsecond(at.micros()).ok()?.to_zoned(self.zone.clone()).date())
    }

    fn turn(&self, date: Date) -> Option<Turn> {
        let local = date.at(self.hour, 0, 0, 0);
        let at = local.to_zoned(self.zone.clone()).ok()?.timestamp().as_microsecond();
        Some(Turn { period: date.to_string(), at: Timestamp::from_micros(at) })
    }
}

impl Rule {
    fn on_or_before(self, date: Date) -> Option<Date> {
        match self {
            Self::Daily => Some(date),
            Self::Weekly(weekday) => date.checked_sub(i64::from(date.weekday().since(weekday)).days()).ok(),
            Self::Monthly(day) => match in_month(date, day) {
                Some(turn) if turn <= date => Some(turn),
                _ => in_month(date.first_of_month().yesterday().ok()?, day),
            },
        }
    }

    fn on_or_after(self, date: Date) -> Option<Date> {
        match self {
            Self::Daily => Some(date),
            Self::Weekly(weekday) => date.checked_add(i64::from(date.weekday().until(weekday)).days()).ok(),
            Self::Monthly(day) => match in_month(date, day) {
                Some(turn) if turn >= date => Some(turn),
                _ => in_month(date.last_of_month().tomorrow().ok()?, day),
            },
        }
    }
}

/// The `day` of the month of `date`, or its last one.
fn in_month(date: Date, day: i8) -> Option<Date> {
    Date::new(date.year(), date.month(), day.min(date.days_in_month())).ok()
}
