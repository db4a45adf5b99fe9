//! `GET /v1/settlements`: what the stand-in owes for a day, row by row.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{close, day, store};
use crate::simulator::connection::Scissors;
use crate::simulator::faults::Operation;
use crate::simulator::obstacle;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;

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
    obstacle::look_up(&sim, &wire, &headers, Operation::Settlement, of_day(&sim, &wanted)).await
}

/// The batch of a day and currency, known before it is paid out.
pub fn batch(date: Date, currency: &str) -> String {
    format!("sba_{date}_{currency}")
}

async fn of_day(sim: &Sim, wanted: &Wanted) -> Result<Value, Refusal> {
    let odd = || Refusal::invalid("date", "a day such as 2026-01-31");
    let date = wanted.date.as_deref().and_then(day::parse).ok_or_else(odd)?;
    let limit = wanted.limit.unwrap_or(MOST_ROWS);
    if !(1..=MOST_ROWS).contains(&limit) {
        return Err(Refusal::invalid("limit", "1 to 5000"));
    }
    let read = &sim.store.read;
    let (from, until) = close::window(read, date).await?.ok_or_else(odd)?;
    let after = match &wanted.starting_after {
        Some(id) => {
            let time = store::time_of(read, id, from, until).await?;
            Some((time.ok_or_else(|| Refusal::invalid("starting_after", "no such row on this day"))?, id.as_str()))
        }
        None => None,
    };
    let closed = store::end_of(read, &date.to_string()).await?.is_some();
    let totals = store::totals(read, from, until).await?;
    // One more than asked for tells whether there is more.
    let part = store::Part { from, until, after, limit: limit.saturating_add(1) };
    let mut rows = store::rows(read, &part).await?;
    let asked = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > asked;
    rows.truncate(asked);
    Ok(json!({
        "object": "settlement",
        "date": date.to_string(),
        "timezone": "Asia/Seoul",
        "utc_offset": "+09:00",
        "closed": closed,
        "totals": totals.iter().map(store::Total::view).collect::<Vec<_>>(),
        "data": rows.iter().map(|row| row.view(&batch(date, &row.currency))).collect::<Vec<_>>(),
        "has_more": has_more,
    }))
}
