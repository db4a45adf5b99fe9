//! Who asks: a shopper's page, known by its address token, and for everything but the page itself by its page token.

use axum::extract::{FromRef, FromRequestParts, Path};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use super::locale::Locale;
use super::ticket::{self, TicketError};
use crate::app::App;
use crate::checkout::{self, Session};
use crate::db::DbError;
use crate::http::access_log;
use crate::http::problem::Problem;

/// A page that has shown a good page token.
#[derive(Debug)]
pub struct Visitor {
    /// What it asks to pay.
    pub session: Session,
    /// Its language.
    pub locale: Locale,
}

impl<S> FromRequestParts<S> for Visitor
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let app = App::from_ref(state);
        let missing =
            || Problem::new(StatusCode::NOT_FOUND, "payment_page_not_found", "There is no such payment page.");
        let Path(token) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| missing())?;
        let session = session(&app, &token).await?.ok_or_else(missing)?;
        access_log::name_tenant(&session.tenant);
        let presented = bearer(&parts.headers).ok_or_else(|| refused(TicketError::Invalid))?;
        let locale = ticket::check(&app.keyring, &session.id, presented, app.now()).map_err(refused)?;
        Ok(Self { session, locale })
    }
}

/// The session whose page has this token; what cannot be a token is not looked up.
pub async fn session(app: &App, token: &str) -> Result<Option<Session>, DbError> {
    let plausible = (16..=64).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if plausible { checkout::by_page_token(&app.db, token).await } else { Ok(None) }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn refused(error: TicketError) -> Problem {
    let code = match error {
        TicketError::Invalid => "page_token_invalid",
        TicketError::Expired => "page_token_expired",
    };
    Problem::new(StatusCode::UNAUTHORIZED, code, "The page token is not good any more. Load the page again.")
        .retryable()
}
