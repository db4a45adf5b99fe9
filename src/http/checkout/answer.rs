//! How a payment stands, as the page's script reads it.

use serde::Serialize;

use super::locale::Locale;
use super::phrases::Phrases;
use super::ticket;
use crate::app::App;
use crate::checkout::Session;
use crate::http::problem::Problem;
use crate::payments::{Standing, attempts};
use crate::psp::DeclineCode;

/// The state's name, for the page and its script.
pub fn state(standing: &Standing) -> &'static str {
    match standing {
        Standing::Ready => "ready",
        Standing::Processing => "processing",
        Standing::ActionRequired { .. } => "action_required",
        Standing::Declined { .. } => "declined",
        Standing::Unknown => "unknown",
        Standing::Succeeded => "succeeded",
        Standing::Expired => "expired",
        Standing::Returned => "returned",
        Standing::Canceled | Standing::Failed => "canceled",
    }
}

/// What a card may be tried in.
pub fn is_payable(standing: &Standing) -> bool {
    matches!(standing, Standing::Ready | Standing::Declined { .. })
}

/// Why the last card was refused, in the shopper's language; empty in every other state.
pub fn message(standing: &Standing, words: &Phrases) -> &'static str {
    match standing {
        Standing::Declined { code } => words.refusal(*code),
        _ => "",
    }
}

/// The answer of every JSON endpoint of the page. Nulls are present.
#[derive(Debug, Serialize)]
pub struct Answer {
    state: &'static str,
    message: Option<&'static str>,
    /// Only the reasons a shopper may know.
    decline_code: Option<&'static str>,
    challenge_url: Option<String>,
    redirect_url: Option<String>,
    /// How many cards were tried: tells a new refusal from an old one.
    tries: usize,
    /// A fresh page token, so that a page in use never runs out of time.
    page_token: String,
    form_url: Option<String>,
}

impl Answer {
    /// How the payment of `session` stands.
    pub async fn of(app: &App, session: &Session, locale: Locale, standing: &Standing) -> Result<Self, Problem> {
        let words = Phrases::of(locale);
        let told = message(standing, words);
        let tries = attempts::of_payment(&app.db, &session.payment).await?.len();
        let page_token =
            ticket::mint(&app.keyring, &session.id, locale, app.now()).map_err(|error| Problem::internal(&error))?;
        Ok(Self {
            state: state(standing),
            message: (!told.is_empty()).then_some(told),
            decline_code: shown_code(standing),
            challenge_url: match standing {
                Standing::ActionRequired { url } => Some(url.clone()),
                _ => None,
            },
            redirect_url: matches!(standing, Standing::Succeeded).then(|| session.success_address()),
            tries,
            page_token,
            form_url: None,
        })
    }

    /// With the address of the PSP's card form.
    pub fn with_form(mut self, url: String) -> Self {
        self.form_url = Some(url);
        self
    }

    /// Paid before this page asked to pay.
    pub fn already_paid(mut self) -> Self {
        self.state = "already_paid";
        self
    }
}

/// Whoever holds a stolen card must not learn why it is refused.
fn shown_code(standing: &Standing) -> Option<&'static str> {
    let Standing::Declined { code } = standing else { return None };
    Some(match code {
        DeclineCode::LostCard | DeclineCode::StolenCard | DeclineCode::SuspectedFraud | DeclineCode::RiskRefused => {
            DeclineCode::Generic.as_str()
        }
        other => other.as_str(),
    })
}
