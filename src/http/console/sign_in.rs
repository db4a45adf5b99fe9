//! The way in and the way out.

use askama::Template;
use axum::Form;
use axum::RequestExt as _;
use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, SET_COOKIE};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::form::Posted;
use super::frame::show;
use super::headers::from_our_own_page;
use super::refusal::Refusal;
use super::session;
use crate::app::App;
use crate::operators::{self, SignInError};
use crate::words::Secret;

/// The log-in form.
#[derive(Template, Default)]
#[template(path = "console/sign_in.html")]
pub struct SignIn {
    next: String,
    email: String,
    problem: Option<String>,
}

/// A page that only leads on: a browser does not send a `SameSite=Strict` cookie with the click that comes from a chat or a mail.
#[derive(Template)]
#[template(path = "console/passing.html")]
pub struct Passing {
    /// The page that was asked for.
    pub here: String,
}

/// Where to go afterwards.
#[derive(Deserialize)]
pub struct Next {
    #[serde(default)]
    next: String,
}

/// What was typed.
#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    next: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

/// `GET /console/sign-in`
pub async fn form(Query(Next { next }): Query<Next>) -> Response {
    show(StatusCode::OK, &SignIn { next: inside(&next).to_owned(), ..SignIn::default() })
}

/// `POST /console/sign-in`
pub async fn enter(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    if !from_our_own_page(&parts.headers, &parts.uri, &app.config.public_url) {
        return Err(Refusal::ForeignForm);
    }
    let address = session::address(&parts);
    let Ok(Form(typed)) = Request::from_parts(parts, body).extract::<Form<Typed>, _>().await else {
        return Err(Refusal::ForeignForm);
    };
    let next = inside(&typed.next);
    let now = app.now();
    // Longer than any password may be: not worth a hash.
    let password = Secret::new(typed.password.chars().take(257).collect());
    match operators::sign_in(&app.db, &typed.email, password, &address, now).await {
        Ok((operator, id)) => {
            let cookie = session::begin(&app, &operator, id, now).ok_or(Refusal::Broken)?;
            Ok(([(SET_COOKIE, cookie)], Redirect::to(next)).into_response())
        }
        Err(SignInError::Wrong) => {
            let page = SignIn {
                next: next.to_owned(),
                email: typed.email,
                problem: Some("This e-mail and this password do not belong together.".to_owned()),
            };
            Ok(show(StatusCode::UNAUTHORIZED, &page))
        }
        Err(SignInError::Throttled { wait }) => {
            let seconds = wait.as_secs().saturating_add(1);
            let page = SignIn {
                next: next.to_owned(),
                email: typed.email,
                problem: Some(format!("Too many wrong passwords. Try again in {}.", in_words(seconds))),
            };
            let answer = show(StatusCode::TOO_MANY_REQUESTS, &page);
            Ok(([(RETRY_AFTER, seconds.to_string())], answer).into_response())
        }
        Err(SignInError::Operator(error)) => Err(Refusal::broken(&error)),
    }
}

/// `POST /console/sign-out`
pub async fn leave(State(app): State<App>, Posted(who): Posted) -> Result<Response, Refusal> {
    let mut tx = app.db.begin().await?;
    operators::sign_out(&mut tx, &who.operator.id, &who.session, &who.address, app.now()).await?;
    tx.commit().await?;
    let cookie = session::end(&app).ok_or(Refusal::Broken)?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/console/sign-in")).into_response())
}

/// A path of the console, or its first page: nobody is sent elsewhere by a link to our log-in.
fn inside(next: &str) -> &str {
    let rest = next.strip_prefix("/console");
    let of_ours = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    let plain = next.len() <= 2000 && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let to_the_door = rest.is_some_and(|rest| rest.starts_with("/sign-"));
    if of_ours && plain && !to_the_door { next } else { "/console" }
}

fn in_words(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

impl SignIn {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self {
            next: "/console/payments".into(),
            email: "admin@example.com".into(),
            problem: Some("Too many wrong passwords. Try again in 34 seconds.".into()),
        }
    }
}

impl Passing {
    /// A page with something in every part.
    pub fn sample() -> Self {
        Self { here: "/console/payments/pay_1".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_means_inside_the_console() {
        for next in ["/console", "/console/payments?q=a%20b", "/console?x=1"] {
            assert_eq!(inside(next), next);
        }
        for next in [
            "",
            "/",
            "//evil.example",
            "https://evil.example/console",
            "/consolex",
            "/console/\\evil",
            "/console/a b",
            "/console/\r\nSet-Cookie: a=b",
            "/console/sign-in",
            "/v1/payments",
        ] {
            assert_eq!(inside(next), "/console", "{next}");
        }
    }

    #[test]
    fn waits_are_told_in_words() {
        assert_eq!([1, 34, 120, 121].map(in_words), ["1 second", "34 seconds", "2 minutes", "3 minutes"]);
    }
}
