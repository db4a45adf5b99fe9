//! The stand-in's bank: the account of whoever runs the gateway, and its statement of a day.
//!
//! What the stand-in pays out for a business day comes in; sellers' payouts go out, and come back when they are returned. The
//! statement is ISO 20022 camt.053.001.08, by calendar days in Asia/Seoul; of a day that is not over it tells what was booked so far.

mod camt053;
mod store;

use std::sync::Arc;

use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::connection::Scissors;
use super::faults::Operation;
use super::obstacle;
use super::refusal::Refusal;
use super::settlement::day;
use super::state::Sim;

/// Which day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    #[serde(default)]
    date: String,
}

/// `GET /v1/bank-statements?date=YYYY-MM-DD`
pub async fn statement(
    State(sim): State<Arc<Sim>>,
    ConnectInfo(wire): ConnectInfo<Scissors>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    let draw = match obstacle::admit(&sim, &wire, &headers, Operation::Settlement).await {
        Ok(draw) => draw,
        Err(response) => return *response,
    };
    match of_day(&sim, &wanted.date).await {
        Ok(xml) => {
            let told = ([(header::CONTENT_TYPE, "application/xml")], xml).into_response();
            obstacle::leave(told, draw.error_after, draw.lose_response, &wire)
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn of_day(sim: &Sim, date: &str) -> Result<String, Refusal> {
    let odd = || Refusal::invalid("date", "a day such as 2026-01-31");
    let date = day::parse(date).ok_or_else(odd)?;
    let from = day::midnight(date).ok_or_else(odd)?;
    let until = from.saturating_add(day::DAY_MICROS);
    let openings = store::openings(&sim.store.read, from).await?;
    let entries = store::entries(&sim.store.read, from, until).await?;
    Ok(camt053::written(date, &openings, &entries))
}
