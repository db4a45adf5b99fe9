//! Schedules against the calendar: month ends, weeks, and the days on which clocks are changed.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn schedule(value: &Value) -> Schedule {
    read(value).unwrap().0.unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// The turns after `from`, as many as `expected`.
fn turns(value: &Value, from: &str, expected: &[(&str, &str)]) {
    let schedule = schedule(value);
    let mut now = at(from);
    for (period, instant) in expected {
        let turn = schedule.next(now).unwrap();
        assert_eq!((turn.period.as_str(), turn.at), (*period, at(instant)), "{value} after {now}");
        assert_eq!(schedule.latest(turn.at).unwrap(), turn, "it is due at its own instant");
        now = turn.at;
    }
}

#[test]
fn a_month_without_the_day_pays_on_its_last() {
    turns(
        &json!({"interval": "monthly", "month_day": 31}),
        "2027-12-31T00:00:00Z",
        &[
            ("2028-01-31", "2028-01-31T00:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z"),
            ("2028-03-31", "2028-03-31T00:00:00Z"),
            ("2028-04-30", "2028-04-30T00:00:00Z"),
        ],
    );
    turns(
        &json!({"interval": "monthly", "month_day": 29, "time_zone": "Asia/Seoul", "hour": 9}),
        "2027-01-30T00:00:00Z",
        &[("2027-02-28", "2027-02-28T00:00:00Z"), ("2027-03-29", "2027-03-29T00:00:00Z")],
    );
}

#[test]
fn a_week_pays_on_its_day_there_not_here() {
    // 2026-11-22 is a Sunday in UTC and, from 15:00 UTC, a Monday in Seoul.
    turns(
        &json!({"interval": "weekly", "weekday": "monday", "time_zone": "Asia/Seoul"}),
        "2026-11-22T14:59:59Z",
        &[("2026-11-23", "2026-11-22T15:00:00Z"), ("2026-11-30", "2026-11-29T15:00:00Z")],
    );
}

#[test]
fn an_hour_that_is_skipped_comes_after_the_gap_and_one_that_comes_twice_comes_once() {
    // New York skips 02:00 to 03:00 on 8 March 2026 and lives 01:00 to 02:00 twice on 1 November.
    let at_two = json!({"interval": "daily", "hour": 2, "time_zone": "America/New_York"});
    turns(
        &at_two,
        "2026-03-07T07:00:00Z",
        &[("2026-03-08", "2026-03-08T07:00:00Z"), ("2026-03-09", "2026-03-09T06:00:00Z")],
    );
    let at_one = json!({"interval": "daily", "hour": 1, "time_zone": "America/New_York"});
    turns(
        &at_one,
        "2026-10-31T05:00:00Z",
        &[("2026-11-01", "2026-11-01T05:00:00Z"), ("2026-11-02", "2026-11-02T06:00:00Z")],
    );
    // Beirut's clocks skip midnight itself.
    let midnight = json!({"interval": "daily", "time_zone": "Asia/Beirut"});
    turns(
        &midnight,
        "2025-03-28T22:00:00Z",
        &[("2025-03-30", "2025-03-29T22:00:00Z"), ("2025-03-31", "2025-03-30T21:00:00Z")],
    );
}

#[test]
fn after_a_long_sleep_the_last_turn_is_due_and_no_other() {
    let daily = schedule(&json!({"interval": "daily"}));
    let latest = daily.latest(at("2026-11-22T13:00:00Z")).unwrap();
    assert_eq!(latest.period, "2026-11-22");
    let monthly = schedule(&json!({"interval": "monthly", "month_day": 31, "hour": 12}));
    assert_eq!(monthly.latest(at("2026-11-30T11:59:59Z")).unwrap().period, "2026-10-31");
    assert_eq!(monthly.latest(at("2026-11-30T12:00:00Z")).unwrap().period, "2026-11-30");
}

#[test]
fn what_is_no_schedule_is_refused_by_its_field() {
    for (value, param) in [
        (json!([]), ""),
        (json!({}), "interval"),
        (json!({"interval": "hourly"}), "interval"),
        (json!({"interval": "weekly"}), "weekday"),
        (json!({"interval": "weekly", "weekday": "someday"}), "weekday"),
        (json!({"interval": "daily", "weekday": "monday"}), "weekday"),
        (json!({"interval": "monthly"}), "month_day"),
        (json!({"interval": "monthly", "month_day": 0}), "month_day"),
        (json!({"interval": "monthly", "month_day": 32}), "month_day"),
        (json!({"interval": "daily", "hour": 24}), "hour"),
        (json!({"interval": "daily", "hour": 1.5}), "hour"),
        (json!({"interval": "daily", "time_zone": "Moon/Base"}), "time_zone"),
        (json!({"interval": "daily", "time_zone": "../../etc/passwd"}), "time_zone"),
        (json!({"interval": "daily", "minimum": {"USD": "1"}}), "minimum.USD"),
        (json!({"interval": "daily", "minimum": {"XX": "1"}}), "minimum.XX"),
        (json!({"interval": "daily", "delay_days": 91}), "delay_days"),
        (json!({"interval": "daily", "reserve_ppm": 1_000_001}), "reserve_ppm"),
        (json!({"interval": "daily", "reserve_ppm": 1, "reserve_days": 366}), "reserve_days"),
        (json!({"interval": "daily", "reserve_days": 30}), "reserve_days"),
        (json!({"interval": "manual", "hour": 1}), "hour"),
        (json!({"interval": "daily", "day": 1}), "day"),
    ] {
        assert_eq!(read(&value).unwrap_err().param, param, "{value}");
    }
    assert!(read(&json!({"interval": "manual"})).unwrap().0.is_none());
}

#[test]
fn what_is_shown_reads_back_as_the_same() {
    for value in [
        json!({"interval": "daily"}),
        json!({"interval": "weekly", "weekday": "friday", "time_zone": "Europe/Berlin", "minimum": {"KWD": "1.000"}}),
        json!({"interval": "monthly", "month_day": 31, "hour": 6, "delay_days": 7, "reserve_ppm": 100_000, "reserve_days": 90}),
    ] {
        let (schedule, shown) = read(&value).unwrap();
        assert_eq!(read(&shown).unwrap(), (schedule, shown.clone()), "{shown}");
    }
}

#[test]
fn the_reserve_and_the_young_stay() {
    let usd = Currency::parse("USD").unwrap();
    let with = |reserve_ppm: u32| {
        schedule(&json!({"interval": "daily", "reserve_ppm": reserve_ppm, "minimum": {"USD": "1.00"}}))
    };
    let minor = |reserve, available, young| {
        payable(&with(reserve), usd, Funds { available, young, recent: 0 }).map(Money::minor)
    };
    assert_eq!(minor(0, 1000, 0), Ok(1000));
    assert_eq!(minor(100_000, 1001, 0), Ok(900), "a tenth of 10.01 stays, rounded up");
    assert_eq!(minor(100_000, 1000, 300), Ok(700), "the reserve may be young");
    assert_eq!(minor(0, 1000, 901), Err(Short::BelowMinimum));
    assert_eq!(minor(0, 1000, 2000), Err(Short::Nothing));
    assert_eq!(minor(0, -5, 0), Err(Short::Nothing));
    assert_eq!(minor(1_000_000, 1000, 0), Err(Short::Nothing));
}

#[test]
fn a_rolling_reserve_is_a_part_of_what_came_within_its_days() {
    let usd = Currency::parse("USD").unwrap();
    let rolling = schedule(&json!({"interval": "daily", "reserve_ppm": 100_000, "reserve_days": 30}));
    let minor = |available, young, recent| payable(&rolling, usd, Funds { available, young, recent }).map(Money::minor);
    assert_eq!(minor(1000, 0, 1000), Ok(900), "a tenth of what has come");
    assert_eq!(minor(100, 0, 1000), Err(Short::Nothing), "and it stays at the next turn");
    assert_eq!(minor(600, 0, 1501), Ok(449), "with a tenth of what has come since, rounded up");
    assert_eq!(minor(100, 0, 0), Ok(100), "until its days are over");
    assert_eq!(minor(1000, 300, 2000), Ok(700), "it may be young");
}

#[test]
fn more_than_an_amount_can_be_leaves_in_several_turns() {
    let usd = Currency::parse("USD").unwrap();
    let daily = schedule(&json!({"interval": "daily"}));
    let funds = |available| Funds { available, young: 0, recent: 0 };
    assert_eq!(payable(&daily, usd, funds(Money::MOST + 7)).map(Money::minor), Ok(Money::MOST));
    assert_eq!(payable(&daily, usd, funds(i64::MAX)).map(Money::minor), Ok(Money::MOST));
}

proptest! {
    /// Whatever the schedule and the instant: the last turn is not after it, the next one is, none lies between, and no two
    /// turns share a period.
    #[test]
    fn turns_follow_each_other(
        seconds in 1_600_000_000_i64..2_000_000_000,
        day in 1..=31_i64,
        hour in 0..24_i64,
        zone in prop::sample::select(vec!["UTC", "America/New_York", "Asia/Seoul", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia"]),
        which in 0..3_usize,
    ) {
        let mut value = json!({"hour": hour, "time_zone": zone});
        value["interval"] = json!(["daily", "weekly", "monthly"][which]);
        match which {
            1 => value["weekday"] = json!(["monday", "thursday", "sunday"][usize::try_from(day).unwrap() % 3]),
            2 => value["month_day"] = json!(day),
            _ => {}
        }
        let schedule = schedule(&value);
        let now = Timestamp::from_unix_seconds(seconds);
        let (latest, next) = (schedule.latest(now).unwrap(), schedule.next(now).unwrap());
        prop_assert!(latest.at <= now && now < next.at);
        prop_assert!(latest.period < next.period);
        prop_assert_eq!(&schedule.next(latest.at).unwrap(), &next);
        let longest = [25, 8 * 24, 32 * 24][which] * 3600;
        prop_assert!(next.at.since(latest.at).as_secs() <= longest);
    }

    /// Never more than is there, and never what is young or reserved.
    #[test]
    fn never_more_than_is_there(
        available in -1_000_000_i64..1_000_000_000,
        young in 0..1_000_000_000_i64,
        recent in 0..1_000_000_000_i64,
        reserve in 1..=1_000_000_u32,
        days in 0..=365_u16,
    ) {
        let usd = Currency::parse("USD").unwrap();
        let schedule = schedule(&json!({"interval": "daily", "reserve_ppm": reserve, "reserve_days": days}));
        if let Ok(amount) = payable(&schedule, usd, Funds { available, young, recent }) {
            prop_assert!(amount.minor() > 0 && amount.minor() + young <= available);
        }
    }
}
