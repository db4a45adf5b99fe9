//! What a reader sees instead of a page that cannot be shown.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::frame::show;
use crate::db::DbError;

/// Why a page is not shown.
#[derive(Debug)]
pub enum Refusal {
    /// No such thing.
    NotFound(&'static str),
    /// A form that did not come from a page of this session.
    ForeignForm,
    /// Something of ours failed; the log says what.
    Broken,
}

impl From<DbError> for Refusal {
    fn from(error: DbError) -> Self {
        Self::broken(&error)
    }
}

impl Refusal {
    /// Writes the cause and its chain to the log, and tells the reader no more than that.
    pub fn broken(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut chain = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            chain.push_str(": ");
            chain.push_str(&error.to_string());
            cause = error.source();
        }
        tracing::error!(error = %chain, "a console page failed");
        Self::Broken
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, title, detail) = match self {
            Self::NotFound(what) => (StatusCode::NOT_FOUND, "Not found", format!("There is no {what} with this id.")),
            Self::ForeignForm => (
                StatusCode::FORBIDDEN,
                "Nothing was done",
                "This form did not come from a console page of your present session. Go back, reload the page and try again."
                    .to_owned(),
            ),
            Self::Broken => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This page could not be made",
                "Something failed on our side; nothing was changed by looking. The gateway's log says what it was.".to_owned(),
            ),
        };
        show(status, &Refused { title: title.to_owned(), detail })
    }
}

/// Any path under the console that is no page.
pub async fn nowhere() -> Response {
    let page = Refused { title: "Not found".to_owned(), detail: "The console has no page at this address.".to_owned() };
    show(StatusCode::NOT_FOUND, &page)
}

/// The page for a request that was refused before it came to the console.
pub(super) fn in_words(status: StatusCode, code: &str) -> Response {
    let detail = match code {
        "card_number_refused" => {
            "What you typed holds what looks like a card number. Card numbers are not kept here, so there is nothing to find; \
             it was neither stored nor logged. Search by the payment's id, reference, e-mail or the PSP's reference."
        }
        _ => "The request could not be understood. Nothing was changed.",
    };
    show(status, &Refused { title: "This was refused".to_owned(), detail: detail.to_owned() })
}

/// The page of a refusal.
#[derive(Template)]
#[template(path = "console/refused.html")]
pub struct Refused {
    /// What is wrong.
    pub title: String,
    /// What to do.
    pub detail: String,
}

impl Refused {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self { title: "Not found".into(), detail: "There is no payment with this id.".into() }
    }
}
