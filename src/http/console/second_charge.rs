//! What an operator does about a charge beside the one that paid: give it back.

use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::form::PostedWith;
use super::give_back::{back, found, is_reason, noted, outcome};
use super::once::Once;
use super::refusal::Refusal;
use crate::app::App;
use crate::payments::second_charge::{GiveBackError, give_back};
use crate::words::AttemptId;

/// The form, as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    reason: String,
    /// Of the form as it was shown, so that a second click is not a second refund.
    once: String,
}

/// `POST /console/payments/{id}/second-charges/{attempt}`
pub async fn refund(
    State(app): State<App>,
    Path((id, attempt)): Path<(String, String)>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let payment = found(&app.db, &id).await?;
    let attempt = AttemptId::parse(&attempt).map_err(|_| Refusal::NotFound("attempt"))?;
    let reason = typed.reason.trim();
    if !is_reason(reason) {
        return Ok(back(&payment.id, "refund=reason"));
    }
    let mut tx = app.db.begin().await?;
    let path = format!("/console/payments/{}/second-charges/{attempt}", payment.id);
    let Some(once) = Once::begin(&mut tx, &payment.tenant, &typed.once, &path, &json!([reason]), app.now()).await?
    else {
        return Ok(back(&payment.id, "refund=again"));
    };
    let by = (who.operator.email.as_str(), reason);
    let refund = match give_back(&app, &mut tx, &payment.id, &attempt, by, app.now()).await {
        Ok(refund) => refund,
        Err(GiveBackError::Db(error)) => return Err(error.into()),
        Err(GiveBackError::Payment(error)) => return Err(Refusal::broken(&error)),
        Err(error) => return Ok(back(&payment.id, why_not(&error))),
    };
    let note = format!("{attempt} {} {} {reason}", refund.amount, refund.amount.currency());
    noted(&mut tx, &app, &who, "payment.second_charge_refund", payment.id.as_str(), &note).await?;
    once.end(&mut tx, &payment.tenant, refund.id.as_str()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(back(&payment.id, outcome(&app, &refund).await?))
}

fn why_not(error: &GiveBackError) -> &'static str {
    match error {
        GiveBackError::Already => "refund=already",
        GiveBackError::Resolved(_) => "refund=resolved",
        GiveBackError::Contested => "refund=contested",
        GiveBackError::Unnamed(_) => "refund=unnamed",
        _ => "refund=state",
    }
}
