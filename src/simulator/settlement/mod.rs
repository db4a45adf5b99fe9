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
    let mut rows = store::rows(&sim.store.read, from, until).await?;
    let totals = totals(&rows);
    if let Some(after) = &wanted.starting_after {
        let place = rows
            .iter()
            .position(|row| row.id == *after)
            .ok_or_else(|| Refusal::invalid("starting_after", "no such row on this day"))?;
        rows.drain(..=place);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    Ok(json!({
        "object": "settlement",
        "date": date,
        "timezone": "Asia/Seoul",
        "utc_offset": "+09:00",
        "totals": totals,
        "data": rows.iter().map(store::Row::view).collect::<Vec<_>>(),
        "has_more": has_more,
    }))
}

/// Count, gross, fee and net per currency, over the whole day.
fn totals(rows: &[store::Row]) -> Vec<Value> {
    let mut sums: std::collections::BTreeMap<&str, (u64, i64, i64)> = std::collections::BTreeMap::new();
    for row in rows {
        let sum = sums.entry(&row.currency).or_default();
        *sum = (sum.0 + 1, sum.1.saturating_add(row.gross), sum.2.saturating_add(row.fee));
    }
    sums.into_iter()
        .map(|(currency, (count, gross, fee))| {
            json!({"currency": currency, "count": count, "gross": gross, "fee": fee, "net": gross.saturating_sub(fee)})
        })
        .collect()
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
