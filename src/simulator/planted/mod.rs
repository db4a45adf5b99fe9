//! Mistakes that the admin plants in the settlement list and in the bank's statement, so that whoever reads them can be tested.
//!
//! A row is left out, altered, told twice, told days later, or invented. The record stays as it was, and so do the sums of both
//! lists: a list that tells a mistake adds up all the same. Planted before the business day is closed, a mistake in the settlement list
//! is paid out as it is told.

mod store;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth;
use super::body::{self, Received};
use super::refusal::Refusal;
use super::state::Sim;
use crate::words::{Currency, Timestamp};

/// Which list is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// `GET /v1/settlements`
    Settlement,
    /// `GET /v1/bank-statements`
    Statement,
}

/// How it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The row is not told.
    Drop,
    /// The row says something else: whatever of `type`, `currency`, `gross` and `fee` is given.
    Alter,
    /// The row is told twice, the second time under an id of its own.
    Double,
    /// The row is told `days` later.
    Delay,
    /// A row that never was.
    Invent,
}

/// A mistake as the admin orders it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mistake {
    pub list: List,
    pub kind: Kind,
    /// The id of the row; of a statement its `AcctSvcrRef`. None for one that is invented.
    #[serde(default)]
    pub row: Option<String>,
    #[serde(default, rename = "type")]
    pub what: Option<String>,
    #[serde(default)]
    pub currency: Option<String>,
    /// Minor units, signed.
    #[serde(default)]
    pub gross: Option<i64>,
    /// Minor units; of settlement rows only.
    #[serde(default)]
    pub fee: Option<i64>,
    #[serde(default)]
    pub days: i64,
    #[serde(default)]
    pub payment_id: Option<String>,
    #[serde(default)]
    pub reference: Option<String>,
    /// The idempotency key an invented settlement row tells; the `EndToEndId` of an invented entry.
    #[serde(default)]
    pub key: Option<String>,
    /// When an invented row happened; now when absent.
    #[serde(default)]
    pub at: Option<Timestamp>,
}

/// `POST /admin/planted`
pub async fn plant(State(sim): State<Arc<Sim>>, headers: HeaderMap, body: Received) -> Response {
    let done = async {
        auth::require(&headers, &sim.admin_key)?;
        let mistake: Mistake = body::parse(body)?;
        check(&mistake)?;
        let at = mistake.at.map_or_else(|| sim.now(), Timestamp::micros);
        let mut tx = sim.store.begin().await?;
        let seq = store::plant(&mut tx, &mistake, at).await.map_err(taken)?;
        tx.commit().await?;
        Ok(json!({ "object": "planted", "seq": seq, "row": mistake.row }))
    };
    answer(StatusCode::CREATED, done.await)
}

/// `DELETE /admin/planted`: both lists tell the truth again.
pub async fn clear(State(sim): State<Arc<Sim>>, headers: HeaderMap) -> Response {
    let done = async {
        auth::require(&headers, &sim.admin_key)?;
        let mut tx = sim.store.begin().await?;
        let removed = store::clear(&mut tx).await?;
        tx.commit().await?;
        Ok(json!({ "removed": removed }))
    };
    answer(StatusCode::OK, done.await)
}

fn check(mistake: &Mistake) -> Result<(), Refusal> {
    let invented = mistake.kind == Kind::Invent;
    if invented == mistake.row.is_some() {
        return Err(Refusal::invalid("row", "the id of a row of the list; none for a row that is invented"));
    }
    if mistake.currency.as_deref().is_some_and(|code| Currency::parse(code).is_err()) {
        return Err(Refusal::invalid("currency", "an ISO 4217 code in capitals"));
    }
    if invented && (mistake.what.is_none() || mistake.currency.is_none() || mistake.gross.is_none()) {
        return Err(Refusal::invalid("type", "an invented row needs type, currency and gross"));
    }
    if mistake.kind == Kind::Alter
        && mistake.what.is_none()
        && mistake.currency.is_none()
        && mistake.gross.is_none()
        && mistake.fee.is_none()
    {
        return Err(Refusal::invalid("gross", "one of type, currency, gross and fee says what is altered"));
    }
    if (mistake.kind == Kind::Delay) != (mistake.days != 0) || !(0..=366).contains(&mistake.days) {
        return Err(Refusal::invalid("days", "1 to 366 for a delay, none otherwise"));
    }
    if mistake.gross.into_iter().chain(mistake.fee).any(|amount| amount.unsigned_abs() > 1_000_000_000_000_000) {
        return Err(Refusal::invalid("gross", "minor units, at most 1000000000000000"));
    }
    Ok(())
}

fn taken(error: sqlx::Error) -> Refusal {
    let twice = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    if twice { Refusal::conflict("planted_already", "this row is wrong already") } else { error.into() }
}

fn answer(status: StatusCode, done: Result<Value, Refusal>) -> Response {
    match done {
        Ok(shown) => (status, Json(shown)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
