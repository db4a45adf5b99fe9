//! How a business day ends: by itself after midnight, or when the admin says so. With it goes what is owed to our bank.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use jiff::civil::Date;
use serde_json::{Value, json};
use sqlx::{Executor, Sqlite};

use super::list::batch;
use super::{day, store};
use crate::simulator::auth;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::words::Timestamp;

/// How long after midnight a day is left open for calls that began before it.
const GRACE_MICROS: i64 = 5_000_000;

/// From which instant until before which one a business day goes. `None` for days nobody can write.
pub async fn window<'e>(
    on: impl Executor<'e, Database = Sqlite> + Copy,
    date: Date,
) -> Result<Option<(i64, i64)>, Refusal> {
    let (Some(midnight), Some(yesterday), Some(tomorrow)) = (day::midnight(date), day::before(date), day::next(date))
    else {
        return Ok(None);
    };
    let Some(next_midnight) = day::midnight(tomorrow) else { return Ok(None) };
    let from = store::end_of(on, &yesterday.to_string()).await?.map_or(midnight, |end| end.saturating_add(1));
    let until = store::end_of(on, &date.to_string()).await?.map_or(next_midnight, |end| end.saturating_add(1));
    Ok(Some((from, until)))
}

/// Closes every day that is over.
pub async fn close_due(sim: &Sim) -> Result<(), Refusal> {
    let Some(today) = day::of(sim.now().saturating_sub(GRACE_MICROS)) else { return Ok(()) };
    while let Some(open) = first_open(sim).await?.filter(|open| *open < today) {
        let Some(midnight) = day::next(open).and_then(day::midnight) else { return Ok(()) };
        close(sim, open, midnight.saturating_sub(1)).await?;
    }
    Ok(())
}

/// The day after the last one that was closed, or the day of the first capture.
async fn first_open(sim: &Sim) -> Result<Option<Date>, Refusal> {
    let read = &sim.store.read;
    if let Some(last) = store::last_closed(read).await? {
        return Ok(day::parse(&last).and_then(day::next));
    }
    Ok(store::first_row(read).await?.and_then(day::of))
}

/// `POST /admin/settlements/close`: the business day ends now.
pub async fn close_day(State(sim): State<Arc<Sim>>, headers: HeaderMap) -> Response {
    match close_now(&sim, &headers).await {
        Ok(closed) => Json(closed).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn close_now(sim: &Sim, headers: &HeaderMap) -> Result<Value, Refusal> {
    auth::require(headers, &sim.admin_key)?;
    close_due(sim).await?;
    let open = first_open(sim).await?.or_else(|| day::of(sim.now()));
    let date = open.ok_or_else(|| Refusal::conflict("no_day", "there is no day to close"))?;
    let ends_at = sim.now();
    let payouts = close(sim, date, ends_at).await?;
    Ok(json!({
        "object": "business_day",
        "date": date.to_string(),
        "ends_at": Timestamp::from_micros(ends_at),
        "payouts": payouts,
    }))
}

async fn close(sim: &Sim, date: Date, ends_at: i64) -> Result<Vec<Value>, Refusal> {
    let mut tx = sim.store.begin().await?;
    let name = date.to_string();
    if store::end_of(&mut *tx, &name).await?.is_some() {
        return Ok(Vec::new());
    }
    let yesterday = day::before(date).map(|day| day.to_string()).unwrap_or_default();
    let begins = match store::end_of(&mut *tx, &yesterday).await? {
        Some(end) => Some(end.saturating_add(1)),
        None => day::midnight(date),
    };
    let from = begins.ok_or_else(|| Refusal::conflict("no_day", "there is no such day"))?;
    store::close(&mut tx, &name, ends_at).await?;
    let mut payouts = Vec::new();
    for total in store::totals(&mut *tx, from, ends_at.saturating_add(1)).await? {
        let amount = total.gross.saturating_sub(total.fee);
        if amount == 0 {
            continue;
        }
        let payout = store::Payout {
            id: sim.new_id("spp"),
            batch: batch(date, &total.currency),
            date: name.clone(),
            currency: total.currency,
            amount,
            ends_at,
        };
        store::pay_out(&mut tx, &payout).await?;
        payouts.push(payout.view());
    }
    tx.commit().await?;
    Ok(payouts)
}
