//! What the page's script asks for: the card form, the payment itself, and again and again how it stands.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, is_payable};
use super::visitor::Visitor;
use crate::app::App;
use crate::checkout::Session;
use crate::http::extract::{NoFields, Strict};
use crate::http::problem::Problem;
use crate::payments::{self, PaymentError, Standing};

/// The shopper's page is not kept waiting for a slow PSP: it asks again by itself.
const LOOKING: Duration = Duration::from_secs(4);

/// `POST /pay/{token}/register`: makes the payment known to the PSP and gives the address of its card form.
pub async fn register(
    State(app): State<App>,
    visitor: Visitor,
    Strict(NoFields {}): Strict<NoFields>,
) -> Result<Json<Answer>, Problem> {
    let standing = standing(&app, &visitor.session).await?;
    let answer = Answer::of(&app, &visitor.session, visitor.locale, &standing).await?;
    if !is_payable(&standing) {
        return Ok(Json(answer));
    }
    let registered = payments::register(&app, &visitor.session.payment).await.map_err(problem)?;
    Ok(Json(answer.with_form(registered.form_url.into())))
}

/// What stands for the card.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    payment_method: String,
}

/// `POST /pay/{token}/confirm`: takes the money, unless it is taken, being taken, or too late. Asking twice is harmless.
pub async fn confirm(
    State(app): State<App>,
    visitor: Visitor,
    Strict(body): Strict<Confirm>,
) -> Result<Json<Answer>, Problem> {
    let before = standing(&app, &visitor.session).await?;
    if !is_payable(&before) {
        let answer = Answer::of(&app, &visitor.session, visitor.locale, &before).await?;
        return Ok(Json(if before == Standing::Succeeded { answer.already_paid() } else { answer }));
    }
    let after = payments::execute(&app, &visitor.session.payment, &body.payment_method).await.map_err(problem)?;
    Ok(Json(Answer::of(&app, &visitor.session, visitor.locale, &after).await?))
}

/// `GET /pay/{token}/status`: how it stands; where that is in doubt, the PSP is asked.
pub async fn status(State(app): State<App>, visitor: Visitor) -> Result<Json<Answer>, Problem> {
    let known = standing(&app, &visitor.session).await?;
    let standing = match known {
        Standing::Unknown | Standing::ActionRequired { .. } => looked(&app, &visitor.session).await?,
        known => known,
    };
    Ok(Json(Answer::of(&app, &visitor.session, visitor.locale, &standing).await?))
}

/// `POST /pay/{token}/abandon`: the shopper gives up the 3-D Secure step, to use another card.
pub async fn abandon(
    State(app): State<App>,
    visitor: Visitor,
    Strict(NoFields {}): Strict<NoFields>,
) -> Result<Json<Answer>, Problem> {
    payments::give_up(&app, &visitor.session.payment).await.map_err(problem)?;
    let standing = standing(&app, &visitor.session).await?;
    Ok(Json(Answer::of(&app, &visitor.session, visitor.locale, &standing).await?))
}

/// Where to go.
#[derive(Debug, Serialize)]
pub struct Leave {
    redirect_url: Option<String>,
}

/// `POST /pay/{token}/cancel`: the shopper would rather not pay now. The session stays open, so that whoever comes back
/// can still pay; a payment that is under way is not called off by leaving.
pub async fn cancel(
    State(app): State<App>,
    visitor: Visitor,
    Strict(NoFields {}): Strict<NoFields>,
) -> Result<Json<Leave>, Problem> {
    match standing(&app, &visitor.session).await? {
        Standing::Processing | Standing::Unknown | Standing::Succeeded => {
            Err(Problem::conflict("payment_under_way", "The payment is already under way. Ask how it stands instead."))
        }
        _ => Ok(Json(Leave { redirect_url: visitor.session.cancel_address() })),
    }
}

/// How a session stands for its shopper now. Time over counts at once, even before the worker has ended the session.
pub async fn standing(app: &App, session: &Session) -> Result<Standing, Problem> {
    let standing = payments::standing_of(app, &session.payment).await.map_err(problem)?;
    let late = is_payable(&standing) && !session.is_payable(app.now());
    Ok(if late { Standing::Expired } else { standing })
}

async fn looked(app: &App, session: &Session) -> Result<Standing, Problem> {
    // On a task of its own: what the PSP answers is settled even if this page has gone.
    let (own, payment) = (app.clone(), session.payment.clone());
    let asking = app.apart(async move {
        if let Err(error) = payments::look_again(&own, &payment).await {
            tracing::warn!(%payment, error = &error as &dyn std::error::Error, "the PSP could not be asked");
        }
    });
    let _ = tokio::time::timeout(LOOKING, asking).await;
    standing(app, session).await
}

fn problem(error: PaymentError) -> Problem {
    match error {
        PaymentError::Psp(_) | PaymentError::NoPsp(_) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the card form cannot be offered");
            Problem::unavailable("psp_unavailable", "The payment provider cannot be reached. Nothing was charged.", 5)
        }
        PaymentError::BadMethod => Problem::invalid("payment_method", error.to_string()),
        PaymentError::NotRegistered => {
            Problem::conflict("payment_not_registered", "The card form was not opened yet. Load the page again.")
        }
        PaymentError::Db(error) => error.into(),
        error => Problem::internal(&error),
    }
}
