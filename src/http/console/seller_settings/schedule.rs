//! The form for when a seller is paid by itself.

use serde_json::{Map, Value};

use super::Typed;
use crate::http::api::sellers::Changed;
use crate::http::console::components::choices;
use crate::http::console::decimals;
use crate::http::console::editor::{Editor, Field};
use crate::merchants::sellers::Seller;

const INTERVALS: [(&str, &str); 4] =
    [("manual", "By hand only"), ("daily", "Daily"), ("weekly", "Weekly"), ("monthly", "Monthly")];
const WEEKDAYS: [(&str, &str); 7] = [
    ("monday", "Monday"),
    ("tuesday", "Tuesday"),
    ("wednesday", "Wednesday"),
    ("thursday", "Thursday"),
    ("friday", "Friday"),
    ("saturday", "Saturday"),
    ("sunday", "Sunday"),
];

pub(super) fn form(action: String, seller: &Seller) -> Editor {
    let stands = &seller.payout_schedule;
    let text = |name: &str| stands.get(name).and_then(Value::as_str).unwrap_or_default();
    let number =
        |name: &str| stands.get(name).and_then(Value::as_u64).map_or_else(String::new, |number| number.to_string());
    let share = stands.get("reserve_ppm").and_then(Value::as_u64).and_then(|ppm| u32::try_from(ppm).ok());
    let minimum = stands.get("minimum").and_then(Value::as_object).into_iter().flatten();
    let minimum = minimum.map(|(code, amount)| format!("{code} {}", amount.as_str().unwrap_or_default()));
    let fields = vec![
        Field::choice("interval", "Paid out", choices(&INTERVALS, text("interval"))).named("payout_schedule.interval"),
        Field::choice("weekday", "On", choices(&WEEKDAYS, text("weekday"))).named("payout_schedule.weekday"),
        Field::text("month_day", "Day of the month", 2)
            .named("payout_schedule.month_day")
            .holding(number("month_day"))
            .hint("monthly only; the last day in a shorter month"),
        Field::text("hour", "Hour", 2).named("payout_schedule.hour").holding(number("hour")).hint("0 to 23"),
        Field::text("time_zone", "Time zone", 60)
            .named("payout_schedule.time_zone")
            .holding(text("time_zone"))
            .hint("such as Asia/Seoul; UTC when empty"),
        Field::text("minimum", "At least", 400)
            .named("payout_schedule.minimum")
            .holding(minimum.collect::<Vec<_>>().join(", "))
            .hint("such as USD 5.00, KRW 10000; less waits"),
        Field::text("delay_days", "Days that money rests", 2)
            .named("payout_schedule.delay_days")
            .holding(number("delay_days")),
        Field::text("reserve", "Reserve in percent", 8)
            .named("payout_schedule.reserve_ppm")
            .holding(share.map_or_else(String::new, decimals::percent))
            .hint("stays with you; 1 % is 10000 parts per million"),
        Field::text("reserve_days", "Days of a rolling reserve", 3)
            .named("payout_schedule.reserve_days")
            .holding(number("reserve_days"))
            .hint("0: taken of all that is available"),
    ];
    Editor::new("schedule", action, "Save schedule", fields)
}

/// The schedule that was typed. Fields that do not go with the interval are left out: the form always shows them.
pub(super) fn read(typed: &Typed) -> Changed {
    let interval = typed.text("interval");
    let mut schedule = Map::from_iter([("interval".to_owned(), interval.into())]);
    if interval != "manual" {
        let day = match interval {
            "weekly" => ("weekday", typed.text("weekday").into()),
            "monthly" => ("month_day", decimals::whole(typed.text("month_day"))),
            _ => ("", Value::Null),
        };
        let named = [
            day,
            ("hour", decimals::whole(typed.text("hour"))),
            ("time_zone", typed.optional("time_zone").map_or(Value::Null, Value::from)),
            ("minimum", decimals::amounts(typed.text("minimum"))),
            ("delay_days", decimals::whole(typed.text("delay_days"))),
            ("reserve_ppm", decimals::ppm(typed.text("reserve"))),
            ("reserve_days", decimals::whole(typed.text("reserve_days"))),
        ];
        schedule.extend(
            named.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)),
        );
    }
    Changed { payout_schedule: Some(schedule.into()), ..Changed::default() }
}
