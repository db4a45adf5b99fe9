//! The card form.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::headers;
use super::texts::{Locale, Texts};
use crate::simulator::payments::by_client_token;
use crate::simulator::refusal::Refusal;
use crate::simulator::state::Sim;

/// How a page is asked for.
#[derive(Debug, Deserialize)]
pub struct Asked {
    #[serde(default)]
    pub locale: Option<String>,
    /// The origin of the page around ours.
    #[serde(default)]
    pub parent: Option<String>,
}

#[derive(Template)]
#[template(path = "simulator/form.html")]
struct FormPage<'a> {
    locale: &'static str,
    texts: &'static Texts,
    parent: &'a str,
    client_token: &'a str,
}

#[derive(Template)]
#[template(path = "simulator/refused.html")]
struct RefusedPage {
    locale: &'static str,
    texts: &'static Texts,
    reason: &'static str,
}

/// `GET /form/{client_token}?locale=&parent=`
pub async fn show(
    State(sim): State<Arc<Sim>>,
    Path(client_token): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let locale = Locale::choose(asked.locale.as_deref(), &headers);
    let texts = locale.texts();
    let Some(parent) = asked.parent.filter(|origin| sim.frames(origin)) else {
        return refuse(StatusCode::FORBIDDEN, locale, texts.refused_parent, None);
    };
    let payment = match by_client_token(&sim, &client_token).await {
        Ok(Some(payment)) => payment,
        Ok(None) => return refuse(StatusCode::NOT_FOUND, locale, texts.refused_unknown, Some(&parent)),
        Err(refusal) => return refusal.into_response(),
    };
    if payment.is_closed() {
        return refuse(StatusCode::GONE, locale, texts.refused_over, Some(&parent));
    }
    let page = FormPage { locale: locale.as_str(), texts, parent: &parent, client_token: &payment.client_token };
    render(&page, StatusCode::OK, Some(&parent))
}

/// A page that says why there is none.
pub fn refuse(status: StatusCode, locale: Locale, reason: &'static str, parent: Option<&str>) -> Response {
    let page = RefusedPage { locale: locale.as_str(), texts: locale.texts(), reason };
    render(&page, status, parent)
}

/// Writes a page with its headers.
pub fn render(page: &impl Template, status: StatusCode, parent: Option<&str>) -> Response {
    match page.render() {
        Ok(html) => headers::page(status, html, parent),
        Err(error) => {
            tracing::error!(error = %error, "simulator: a page cannot be written");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the page cannot be written").into_response()
        }
    }
}
