//! The settlement list of a day: what the stand-in will pay out, sale by sale and refund by refund.
//!
//! A day is a calendar day in Asia/Seoul (UTC+09:00, no daylight saving).

mod store;

use std::sync::Arc;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::connection::Scissors;
use super::faults::Operation;
use super::obstacle;
use super::refusal::Refusal;
use super::state::Sim;
use crate::words::Timestamp;

const SEOUL_OFFSET_MICROS: i64 = 9 * 3600 * 1_000_000;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
const MOST_ROWS: i64 = 5000;

/// Which day, and which part of its list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    date: Option<String>,
    #[serde(default)]
    limit: Option<i64>,
    /// The `id` of the last row of the former part.
    #[serde(default)]
    starting_after: Option<String>,
}

/// `GET /v1/settlements?date=YYYY-MM-DD`
pub async fn list(
    State(sim): State<Arc<Sim>>,
    ConnectInfo(wire): ConnectInfo<Scissors>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let draw = match obstacle::admit(&sim, &wire, &headers, Operation::Settlement).await {
        Ok(draw) => draw,
        Err(response) => return *response,
    };
    obstacle::show(day(&sim, &wanted).await, draw, &wire)
}

async fn day(sim: &Sim, wanted: &Wanted) -> Result<Value, Refusal> {
    let date = wanted.date.as_deref().unwrap_or_default();
    let from = midnight_in_seoul(date).ok_or_else(|| Refusal::invalid("date", "a day such as 2026-01-31"))?;
    let until = from.saturating_add(DAY_MICROS);
    let limit = wanted.limit.unwrap_or(MOST_ROWS);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(Refusal::invalid("limit", "1 to 5000"));
    }
    let read = &sim.store.read;
    let after = match &wanted.starting_after {
        Some(id) => {
            let time = store::time_of(read, id, from, until).await?;
            Some((time.ok_or_else(|| Refusal::invalid("starting_after", "no such row on this day"))?, id.as_str()))
        }
        None => None,
    };
    let totals = store::totals(read, from, until).await?;
    // One more than asked for tells whether there is more.
    let part = store::Part { from, until, after, limit: limit.saturating_add(1) };
    let mut rows = store::rows(read, &part).await?;
    let asked = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > asked;
    rows.truncate(asked);
    Ok(json!({
        "object": "settlement",
        "date": date,
        "timezone": "Asia/Seoul",
        "utc_offset": "+09:00",
        "totals": totals.iter().map(store::Total::view).collect::<Vec<_>>(),
        "data": rows.iter().map(store::Row::view).collect::<Vec<_>>(),
        "has_more": has_more,
    }))
}

/// When a day begins in Seoul, in microseconds since the epoch.
fn midnight_in_seoul(date: &str) -> Option<i64> {
    if date.len() != 10 {
        return None;
    }
    let midnight_utc = Timestamp::parse(&format!("{date}T00:00:00Z"))?;
    midnight_utc.micros().checked_sub(SEOUL_OFFSET_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_seoul_begins_nine_hours_before_utc() {
        let begins = midnight_in_seoul("2025-10-10").map(|micros| Timestamp::from_micros(micros).to_string());
        assert_eq!(begins.as_deref(), Some("2025-10-09T15:00:00Z"));
        for odd in ["", "2025-13-01", "2025-02-30", "20251010", "2025-10-10T"] {
            assert_eq!(midnight_in_seoul(odd), None, "{odd}");
        }
    }
}
