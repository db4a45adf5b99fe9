//! The 3-D Secure challenge: the bank's question, and the shopper's verdict.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::form::{Asked, refuse, render};
use super::texts::{Locale, Texts};
use crate::simulator::body::{self, Received};
use crate::simulator::cards::DeclineCode;
use crate::simulator::payments::{by_challenge, pass_verdict};
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;
use crate::words::{Currency, Money};

#[derive(Template)]
#[template(path = "simulator/challenge.html")]
struct ChallengePage<'a> {
    locale: &'static str,
    texts: &'static Texts,
    parent: &'a str,
    challenge_token: &'a str,
    return_url: Option<&'a str>,
    open: bool,
    amount: String,
    brand: String,
    last4: &'a str,
}

/// `GET /challenge/{token}?locale=&parent=`
pub async fn show(
    State(sim): State<Arc<Sim>>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let locale = Locale::choose(asked.locale.as_deref(), &headers);
    let (payment, attempt) = match by_challenge(&sim, &token).await {
        Ok(Some(found)) => found,
        Ok(None) => return refuse(StatusCode::NOT_FOUND, locale, locale.texts().refused_unknown, None),
        Err(refusal) => return refusal.into_response(),
    };
    let parent = asked.parent.or_else(|| payment.parent_origin.clone()).or_else(|| sim.first_parent());
    let Some(parent) = parent.filter(|origin| sim.frames(origin)) else {
        return refuse(StatusCode::FORBIDDEN, locale, locale.texts().refused_parent, None);
    };
    let amount = Currency::parse(&payment.currency)
        .ok()
        .and_then(|currency| Money::of(payment.amount, currency))
        .map(|money| format!("{} {}", grouped(&money.to_string()), money.currency().code()))
        .unwrap_or_default();
    let page = ChallengePage {
        locale: locale.as_str(),
        texts: locale.texts(),
        parent: &parent,
        challenge_token: &token,
        return_url: payment.return_url.as_deref(),
        open: attempt.status == "requires_action",
        amount,
        brand: attempt.brand.to_uppercase(),
        last4: &attempt.last4,
    };
    render(&page, StatusCode::OK, Some(&parent))
}

/// The whole part in groups of three: `1,234,567.89`.
fn grouped(amount: &str) -> String {
    let (whole, rest) = amount.split_at(amount.find('.').unwrap_or(amount.len()));
    let mut shown = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + rest
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wish {
    Approve,
    Fail,
    Abandon,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VerdictBody {
    outcome: Wish,
}

/// `POST /challenge/{token}`
pub async fn answer(State(sim): State<Arc<Sim>>, Path(token): Path<String>, body: Received) -> Response {
    match judge(&sim, &token, body).await {
        Ok(status) => Json(json!({"status": status})).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn judge(sim: &Sim, token: &str, body: Received) -> Result<String, Refusal> {
    let verdict: VerdictBody = body::parse(body)?;
    let wish = match verdict.outcome {
        Wish::Approve => Ok(()),
        Wish::Fail => Err(DeclineCode::AuthenticationFailed),
        Wish::Abandon => Err(DeclineCode::AuthenticationAbandoned),
    };
    Ok(pass_verdict(sim, token, wish).await?.status)
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn amounts_are_read_in_groups_of_three() {
        for (amount, shown) in
            [("5", "5"), ("999", "999"), ("15000", "15,000"), ("1234567.89", "1,234,567.89"), ("100000.5", "100,000.5")]
        {
            assert_eq!(grouped(amount), shown);
        }
    }
}
