//! A form of the console: taken only from our own page, from somebody with a session, with that session's token in it.

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use axum::{Form, RequestExt as _};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::headers::from_our_own_page;
use super::refusal::Refusal;
use super::session::{SignedIn, signed_in, to_the_door};
use crate::app::App;

/// A form that may be acted on, and who sent it. Every POST behind the log-in takes this, so none can forget to check.
#[derive(Debug)]
pub struct Posted(pub SignedIn);

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

impl<S> FromRequest<S> for Posted
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let app = App::from_ref(state);
        let (parts, body) = request.into_parts();
        if !from_our_own_page(&parts.headers, &parts.uri, &app.config.public_url) {
            return Err(Refusal::ForeignForm.into_response());
        }
        let who = match signed_in(&app, &parts).await {
            Ok(Some(who)) => who,
            Ok(None) => return Err(to_the_door(&app, &parts)),
            Err(refusal) => return Err(refusal.into_response()),
        };
        let request = Request::from_parts(parts, body);
        let Ok(Form(token)) = request.extract::<Form<Token>, _>().await else {
            return Err(Refusal::ForeignForm.into_response());
        };
        if bool::from(token.csrf.as_bytes().ct_eq(who.csrf.as_bytes())) {
            Ok(Self(who))
        } else {
            Err(Refusal::ForeignForm.into_response())
        }
    }
}
