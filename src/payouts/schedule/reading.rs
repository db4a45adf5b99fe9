//! A schedule as merchants write it and as it is stored: one JSON object, refused field by field. Pure.

use std::collections::BTreeMap;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Rule, Schedule};
use crate::words::{Currency, Money};

/// A field that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{param} {rule}")]
pub struct Fault {
    /// The field, such as `weekday`; empty for the object itself.
    pub param: String,
    /// The rule, to be read after the field.
    pub rule: String,
}

const FIELDS: [&str; 9] =
    ["interval", "weekday", "month_day", "hour", "time_zone", "minimum", "delay_days", "reserve_ppm", "reserve_days"];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// Reads a schedule; `None` for one that pays by hand only. The value beside it is how it is stored and shown.
///
/// # Errors
/// [`Fault`], which names the field and its rule.
pub fn read(value: &Value) -> Result<(Option<Schedule>, Value), Fault> {
    let object = value.as_object().ok_or_else(|| fault("", "must be an object"))?;
    if let Some(unknown) = object.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(fault(&unknown.chars().take(40).collect::<String>(), "is not a field of a schedule"));
    }
    let interval = object.get("interval").and_then(Value::as_str).unwrap_or_default();
    let rule = match interval {
        "manual" => {
            return match object.keys().find(|name| *name != "interval") {
                Some(name) => Err(fault(name, "has no meaning when payouts are made by hand")),
                None => Ok((None, json!({ "interval": "manual" }))),
            };
        }
        "daily" => Rule::Daily,
        "weekly" => Rule::Weekly(weekday(object)?),
        "monthly" => Rule::Monthly(whole(object, "month_day", 1, 31, None)?),
        _ => return Err(fault("interval", "is one of manual, daily, weekly, monthly")),
    };
    for (name, of) in [("weekday", "weekly"), ("month_day", "monthly")] {
        if object.contains_key(name) && interval != of {
            return Err(fault(name, &format!("goes with the interval {of}")));
        }
    }
    let name = match object.get("time_zone") {
        None => "UTC",
        Some(name) => name.as_str().ok_or_else(|| fault("time_zone", ZONE))?,
    };
    let schedule = Schedule {
        rule,
        hour: whole(object, "hour", 0, 23, Some(0))?,
        zone: zone(name)?,
        minimum: minimum(object)?,
        delay_days: whole(object, "delay_days", 0, 90, Some(0))?,
        reserve_ppm: whole(object, "reserve_ppm", 0, 1_000_000, Some(0))?,
        reserve_days: whole(object, "reserve_days", 0, 365, Some(0))?,
    };
    if schedule.reserve_days > 0 && schedule.reserve_ppm == 0 {
        return Err(fault("reserve_days", "goes with a reserve_ppm above 0"));
    }
    let mut shown = json!({
        "interval": interval,
        "hour": schedule.hour,
        "time_zone": name,
        "minimum": schedule.minimum.iter().map(|(currency, amount)| (currency.code(), json!(amount))).collect::<BTreeMap<_, _>>(),
        "delay_days": schedule.delay_days,
        "reserve_ppm": schedule.reserve_ppm,
        "reserve_days": schedule.reserve_days,
    });
    for name in ["weekday", "month_day"] {
        if let Some(value) = object.get(name) {
            shown[name] = value.clone();
        }
    }
    Ok((Some(schedule), shown))
}

const ZONE: &str = "must be a name of the IANA time zone database, such as \"Asia/Seoul\"";

fn zone(name: &str) -> Result<TimeZone, Fault> {
    // A plain name: the database may be files, and a path is not looked for in it.
    let plain = name.len() <= 60 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte));
    let found = if plain { TimeZone::get(name).ok() } else { None };
    found.filter(|zone| zone.iana_name().is_some()).ok_or_else(|| fault("time_zone", ZONE))
}

fn weekday(object: &Map<String, Value>) -> Result<Weekday, Fault> {
    let name = object.get("weekday").and_then(Value::as_str);
    let found = WEEKDAYS.iter().find(|(known, _)| Some(*known) == name);
    found.map(|(_, weekday)| *weekday).ok_or_else(|| fault("weekday", "is a day from monday to sunday"))
}

fn whole<T: TryFrom<i64>>(
    object: &Map<String, Value>,
    name: &str,
    least: i64,
    most: i64,
    unless: Option<i64>,
) -> Result<T, Fault> {
    let number = match object.get(name) {
        None => unless,
        Some(value) => value.as_i64().filter(|number| (least..=most).contains(number)),
    };
    let number = number.and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| fault(name, &format!("is a whole number from {least} to {most}")))
}

fn minimum(object: &Map<String, Value>) -> Result<BTreeMap<Currency, Money>, Fault> {
    let Some(value) = object.get("minimum") else { return Ok(BTreeMap::new()) };
    let amounts = value.as_object().ok_or_else(|| fault("minimum", "must be an object of amounts by currency"))?;
    amounts
        .iter()
        .map(|(code, amount)| {
            let param = format!("minimum.{}", code.chars().take(10).collect::<String>());
            let currency = Currency::parse(code).map_err(|error| fault(&param, &format!("is {error}")))?;
            let text = amount.as_str().ok_or_else(|| fault(&param, "must be a decimal string"))?;
            let money = Money::parse(text, currency).map_err(|error| fault(&param, &error.to_string()))?;
            Ok((currency, money))
        })
        .collect()
}

fn fault(param: &str, rule: &str) -> Fault {
    Fault { param: param.to_owned(), rule: rule.to_owned() }
}
