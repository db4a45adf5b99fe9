use super::*;

fn source(lag_days: u16) -> Source {
    let settings = serde_json::json!({
        "name": "psp", "format": "simulator", "psp": "simulator", "merchant": "mrc_x", "zone": "Asia/Seoul", "at": "05:30",
        "lag_days": lag_days,
    });
    serde_json::from_value(settings).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn date(text: &str) -> Date {
    text.parse().unwrap()
}

fn days(now: &str, lag: u16, tried: &[(&str, Option<&str>, &str)]) -> Vec<String> {
    let source = source(lag);
    let latest = latest(&source, at(now)).unwrap().unwrap();
    let tried = tried
        .iter()
        .map(|(day, done, last)| (date(day), Tried { done: done.map(at), last: Some(at(last)), failures: 1 }))
        .collect();
    due(&source, at(now), latest, &tried).iter().map(ToString::to_string).collect()
}

#[test]
fn a_day_is_due_at_its_hour_in_its_own_zone() {
    let source = source(1);
    // 05:30 in Seoul is 20:30 UTC of the day before.
    let latest = |now: &str| latest(&source, at(now)).unwrap().unwrap().to_string();
    assert_eq!(latest("2026-03-09T20:29:59Z"), "2026-03-08");
    assert_eq!(latest("2026-03-09T20:30:00Z"), "2026-03-09");
}

#[test]
fn without_a_lag_a_day_is_due_when_it_is_over() {
    let source = source(0);
    let latest = |now: &str| latest(&source, at(now)).unwrap().unwrap().to_string();
    assert_eq!(latest("2026-03-09T14:59:59Z"), "2026-03-08");
    assert_eq!(latest("2026-03-09T15:00:00Z"), "2026-03-09");
}

#[test]
fn missed_days_are_made_up_for_and_a_new_source_begins_with_the_last_one() {
    let now = "2026-03-09T21:00:00Z";
    assert_eq!(days(now, 1, &[]), ["2026-03-09"]);
    let done = ("2026-03-06", Some("2026-03-06T20:30:05Z"), "2026-03-06T20:30:05Z");
    assert_eq!(days(now, 1, &[done]), ["2026-03-07", "2026-03-08", "2026-03-09"]);
}

#[test]
fn a_day_to_come_that_was_done_by_hand_keeps_no_day_from_being_done() {
    let by_mistake = ("2062-03-08", Some("2026-03-08T10:00:00Z"), "2026-03-08T10:00:00Z");
    assert_eq!(days("2026-03-09T21:00:00Z", 1, &[by_mistake]), ["2026-03-09"]);
}

#[test]
fn what_failed_is_tried_again_later_and_holds_nothing_up() {
    let now = "2026-03-09T20:40:00Z";
    let failed = |last| ("2026-03-08", None, last);
    assert_eq!(days(now, 1, &[failed("2026-03-09T20:31:00Z")]), ["2026-03-09"], "nine minutes ago");
    assert_eq!(days(now, 1, &[failed("2026-03-09T20:24:00Z")]), ["2026-03-08", "2026-03-09"]);
}

#[test]
fn what_fails_again_and_again_is_tried_less_often() {
    let minutes = |failures| pause(failures).as_secs() / 60;
    assert_eq!([1, 2, 3, 5, 6, 40, 400].map(minutes), [15, 30, 60, 240, 360, 360, 360]);
}

#[test]
fn a_day_that_was_done_before_it_was_over_is_done_again() {
    let early = ("2026-03-09", Some("2026-03-09T10:00:00Z"), "2026-03-09T10:00:00Z");
    assert_eq!(days("2026-03-09T20:31:00Z", 1, &[early]), ["2026-03-09"]);
    let whole = ("2026-03-09", Some("2026-03-09T20:30:10Z"), "2026-03-09T20:30:10Z");
    assert!(days("2026-03-09T20:31:00Z", 1, &[whole]).is_empty());
}
