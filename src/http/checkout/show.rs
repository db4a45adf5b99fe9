//! `GET /pay/{token}`: the page itself.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::answer::{is_payable, message, state};
use super::locale::Locale;
use super::page::{Line, Notice, Page};
use super::phrases::Phrases;
use super::{amount, headers, steps, ticket, visitor};
use crate::app::App;
use crate::checkout::{Language, LineItem, Session};
use crate::http::access_log;
use crate::http::problem::Problem;
use crate::merchants::{self, sellers};
use crate::payments::{self, Standing};
use crate::psp::PageOrigins;
use crate::words::{Money, SellerId};

/// What the page's address may say besides its token; anything else is ignored, as shops add their own.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    locale: Option<String>,
}

/// The page for a session, in whatever state its payment is.
pub async fn show(
    State(app): State<App>,
    Path(token): Path<String>,
    query: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = query.map(|Query(asked)| asked).unwrap_or_default();
    let browser = Locale::choose(asked.locale.as_deref(), None, &headers);
    match visitor::session(&app, &token).await {
        Ok(Some(session)) => {
            access_log::name_tenant(&session.tenant);
            let locale = Locale::choose(asked.locale.as_deref(), wanted(&session), &headers);
            match page(&app, &session, locale).await {
                Ok((page, origins)) => answer(&app, StatusCode::OK, &origins, &page, locale),
                Err(_) => trouble(&app, locale),
            }
        }
        Ok(None) => answer(&app, StatusCode::NOT_FOUND, &PageOrigins::default(), &Notice::not_found(browser), browser),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a payment page could not be looked up");
            trouble(&app, browser)
        }
    }
}

fn wanted(session: &Session) -> Option<Locale> {
    match session.language {
        Language::Auto => None,
        Language::Korean => Some(Locale::Ko),
        Language::English => Some(Locale::En),
    }
}

fn trouble(app: &App, locale: Locale) -> Response {
    answer(app, StatusCode::SERVICE_UNAVAILABLE, &PageOrigins::default(), &Notice::trouble(locale), locale)
}

fn answer(app: &App, status: StatusCode, origins: &PageOrigins, page: &impl Template, locale: Locale) -> Response {
    match page.render() {
        Ok(html) => {
            let language = [(axum::http::header::CONTENT_LANGUAGE, locale.code())];
            (status, headers::secure(origins, &app.config.public_url), language, Html(html)).into_response()
        }
        Err(error) => Problem::internal(&error).into_response(),
    }
}

async fn page(app: &App, session: &Session, locale: Locale) -> Result<(Page, PageOrigins), Problem> {
    let standing = steps::standing(app, session).await?;
    let merchant = merchants::get(&app.db, &session.tenant.merchant).await?;
    let merchant = merchant.map(|merchant| merchant.name).unwrap_or_default();
    let names = seller_names(app, session).await?;
    let page_token = ticket::mint(&app.keyring, &session.id, locale, app.now()).map_err(|e| Problem::internal(&e))?;
    let words = Phrases::of(locale);
    let (total, name) = (read(session.amount), merchant.clone());
    let page = Page {
        words,
        languages: Page::languages(locale),
        title: (words.title)(&merchant),
        livemode: session.tenant.mode.is_live(),
        base: format!("/pay/{}", session.page_token),
        session_id: session.id.to_string(),
        page_token,
        state: if standing == Standing::Succeeded { "already_paid" } else { state(&standing) },
        message: message(&standing, words).to_owned(),
        challenge_url: match &standing {
            Standing::ActionRequired { url } => url.clone(),
            _ => String::new(),
        },
        redirect_url: if standing == Standing::Succeeded { session.success_address() } else { String::new() },
        cancel_url: session.cancel_address().unwrap_or_default(),
        expires_unix: session.expires_at.unix_seconds(),
        monogram: Page::monogram(&merchant),
        merchant,
        reference: session.reference.clone().unwrap_or_default(),
        first: session.line_items.first().map(|first| first.name.clone()).unwrap_or_default(),
        others: Page::others(words, session.line_items.len()),
        lines: session.line_items.iter().map(|item| line(item, &names, words)).collect(),
        pay_label: (words.pay)(&total),
        total,
        consent: if session.save_payment_method { (words.save_consent)(&name) } else { String::new() },
        payable: is_payable(&standing),
    };
    Ok((page, origins(app, session).await?))
}

fn line(item: &LineItem, names: &BTreeMap<SellerId, String>, words: &Phrases) -> Line {
    Line {
        name: item.name.clone(),
        seller: names.get(&item.seller).map(|name| (words.sold_by)(name)).unwrap_or_default(),
        quantity: item.quantity,
        quantity_text: amount::count(item.quantity),
        unit: read(item.unit_amount),
        amount: read(item.amount),
    }
}

fn read(money: Money) -> String {
    amount::for_people(&money.to_string(), money.currency().code())
}

/// The sellers' names, when there is more than one: only then is it worth saying who sells what.
async fn seller_names(app: &App, session: &Session) -> Result<BTreeMap<SellerId, String>, Problem> {
    let mut names = BTreeMap::new();
    if session.shares.len() > 1 {
        for (id, _) in &session.shares {
            if let Some(seller) = sellers::get(&app.db, &session.tenant, id).await? {
                names.insert(id.clone(), seller.name);
            }
        }
    }
    Ok(names)
}

/// Whom the page may frame: the PSP that has the payment, or the one that would get it.
async fn origins(app: &App, session: &Session) -> Result<PageOrigins, Problem> {
    let payment = payments::store::get(&app.db, &session.tenant, &session.payment).await?;
    let known = payment.and_then(|payment| payment.psp).and_then(|name| app.psps.get(&name));
    Ok(known.or_else(|| app.psps.taking(session.tenant.mode)).map(|psp| psp.page_origins()).unwrap_or_default())
}
