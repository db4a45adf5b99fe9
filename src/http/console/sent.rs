//! A form that was sent: what came of it is shown at another address, or the page is shown again with what is wrong beside its
//! field and what was typed still in it.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::editor::{Editor, Typed};
use super::refusal::Refusal;
use crate::http::problem::Problem;

/// How a page with forms is shown: as it stands, or with one of its forms refused. `P` tells the forms of a page apart.
#[derive(Debug)]
pub(super) struct Shown<'t, P>(Option<Refused<'t, P>>);

#[derive(Debug)]
struct Refused<'t, P> {
    part: P,
    typed: &'t Typed,
    problem: Problem,
}

impl<P: PartialEq> Shown<'_, P> {
    /// As it stands: nothing was sent.
    pub const fn as_it_stands() -> Self {
        Self(None)
    }

    /// One of its forms: the refused one holds what was typed, and says what is wrong.
    pub fn form(&self, part: &P, form: Editor) -> Editor {
        match &self.0 {
            Some(refused) if refused.part == *part => form.refused(refused.typed, &refused.problem),
            _ => form,
        }
    }

    /// The status of the page.
    pub fn status(&self) -> StatusCode {
        self.0.as_ref().map_or(StatusCode::OK, |refused| refused.problem.status())
    }
}

/// Goes to the address that came of a form, or shows the form's `page` again. What failed on our side is not the form's fault.
pub(super) async fn answer<'t, P, F: Future<Output = Result<Response, Refusal>>>(
    acted: Result<String, Problem>,
    part: P,
    typed: &'t Typed,
    page: impl FnOnce(Shown<'t, P>) -> F,
) -> Result<Response, Refusal> {
    match acted {
        Ok(address) => Ok(Redirect::to(&address).into_response()),
        Err(problem) if problem.status().is_server_error() => Err(Refusal::Broken),
        Err(problem) => page(Shown(Some(Refused { part, typed, problem }))).await,
    }
}
