//! Card -> token: the call the card form makes to its own origin.
//!
//! The number lives in this function's arguments and nowhere else. What is kept: brand, last four digits, and which row of
//! the magic cards it is.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::simulator::body::{self, Received};
use crate::simulator::card_number::{self, Brand};
use crate::simulator::cards;
use crate::simulator::payments::{Card, by_client_token, keep_card};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::words::Timestamp;

/// A card as typed. No `Debug`: it must not be printable.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypedCard {
    number: String,
    exp_month: u8,
    exp_year: u16,
    cvc: String,
}

/// `POST /form/{client_token}/token`
pub async fn make(State(sim): State<Arc<Sim>>, Path(client_token): Path<String>, body: Received) -> Response {
    match tokenise(&sim, &client_token, body).await {
        Ok(told) => (StatusCode::CREATED, [("cache-control", "no-store")], Json(told)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn tokenise(sim: &Sim, client_token: &str, body: Received) -> Result<Value, Refusal> {
    let typed: TypedCard = body::parse(body)?;
    let payment = by_client_token(sim, client_token).await?.ok_or_else(|| Refusal::not_found("payment"))?;
    if payment.is_closed() {
        return Err(Refusal::conflict("payment_closed", "this payment takes no card any more"));
    }
    let digits = card_number::parse(&typed.number).ok_or_else(|| wrong("invalid_number", "number"))?;
    check_expiry(typed.exp_month, typed.exp_year, sim.clock.now())?;
    let brand = Brand::of(&digits);
    if typed.cvc.len() != brand.cvc_length() || !typed.cvc.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong("invalid_cvc", "cvc"));
    }
    let card = Card {
        magic: cards::behaviour_name(&digits).to_owned(),
        brand: brand.as_str().to_owned(),
        last4: digits.get(digits.len().saturating_sub(4)..).unwrap_or_default().to_owned(),
    };
    let token = sim.new_id("tok_sim");
    keep_card(sim, &token, &payment.id, &card).await?;
    Ok(json!({"token": token, "brand": card.brand, "last4": card.last4}))
}

/// A card is good until the end of its month, everywhere on earth.
fn check_expiry(month: u8, year: u16, now: Timestamp) -> Result<(), Refusal> {
    // The month ends last twelve hours behind UTC.
    let today = now.minus(std::time::Duration::from_hours(12)).to_datetime();
    let (this_year, this_month) = today.map_or((1970, 1), |date| (date.year(), u8::from(date.month())));
    if !(1..=12).contains(&month) || !(2000..=2099).contains(&year) {
        return Err(wrong("invalid_expiry", "exp_month"));
    }
    if (i32::from(year), month) < (this_year, this_month) {
        return Err(wrong("expired_card", "exp_year"));
    }
    Ok(())
}

fn wrong(code: &'static str, param: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, "the card details are not valid").about(param)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_good_until_its_month_has_ended_everywhere() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        assert!(check_expiry(10, 2025, at("2025-10-31T23:59:59Z")).is_ok());
        assert!(check_expiry(10, 2025, at("2025-11-01T11:59:59Z")).is_ok());
        assert!(check_expiry(10, 2025, at("2025-11-01T12:00:00Z")).is_err());
        assert!(check_expiry(13, 2030, at("2025-10-31T00:00:00Z")).is_err());
        assert!(check_expiry(0, 2030, at("2025-10-31T00:00:00Z")).is_err());
    }
}
