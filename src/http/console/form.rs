//! A form of the console: taken only from our own page, from somebody with a session, with that session's token in it.

use axum::extract::{FromRef, FromRequest, Request};
use axum::response::{IntoResponse as _, Response};
use axum::{Form, RequestExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use subtle::ConstantTimeEq as _;

use super::headers::from_our_own_page;
use super::refusal::Refusal;
use super::session::{SignedIn, signed_in, to_the_door};
use crate::app::App;

/// A form that may be acted on, and who sent it. Every POST behind the log-in takes this or [`PostedWith`], so none can
/// forget to check.
#[derive(Debug)]
pub struct Posted(pub SignedIn);

/// As [`Posted`], with what was typed into the form's own fields.
#[derive(Debug)]
pub struct PostedWith<T>(pub SignedIn, pub T);

#[derive(Deserialize)]
struct Filled<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    fields: T,
}

#[derive(Deserialize)]
struct Nothing {}

impl<S> FromRequest<S> for Posted
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let PostedWith(who, Nothing {}) = PostedWith::from_request(request, state).await?;
        Ok(Self(who))
    }
}

impl<S, T> FromRequest<S> for PostedWith<T>
where
    S: Send + Sync,
    App: FromRef<S>,
    T: DeserializeOwned + 'static,
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
        let Ok(Form(form)) = request.extract::<Form<Filled<T>>, _>().await else {
            return Err(Refusal::ForeignForm.into_response());
        };
        if bool::from(form.csrf.as_bytes().ct_eq(who.csrf.as_bytes())) {
            Ok(Self(who, form.fields))
        } else {
            Err(Refusal::ForeignForm.into_response())
        }
    }
}
