//! The shop's pages and its webhook receiver.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Form, Path, Query, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::catalogue::{CURRENCY, PRODUCTS, Product};
use super::language::Language;
use super::orders::{Heard, Order};
use super::{CardHint, Shop, signature};

/// One basket may hold this many of a thing.
const MOST: u32 = 9;
/// How many orders the list shows.
const LISTED: usize = 50;

#[derive(Template)]
#[template(path = "shop/products.html")]
struct ProductsPage<'s> {
    language: Language,
    path: &'static str,
    shelf: &'static [Product],
    cards: &'s [CardHint],
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "shop/thanks.html")]
struct ThanksPage {
    language: Language,
    path: String,
    order: Order,
}

#[derive(Template)]
#[template(path = "shop/orders.html")]
struct OrdersPage {
    language: Language,
    path: &'static str,
    orders: Vec<Order>,
    refused: u32,
}

/// `GET /`
pub async fn products(
    State(shop): State<Arc<Shop>>,
    asked: Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let language = language(&asked, &headers);
    page(
        &shop,
        StatusCode::OK,
        &ProductsPage { language, path: "/", shelf: &PRODUCTS, cards: &shop.cards, problem: None },
    )
}

/// `POST /buy`: asks the gateway for a checkout session and sends the shopper there.
pub async fn buy(
    State(shop): State<Arc<Shop>>,
    headers: HeaderMap,
    Form(form): Form<HashMap<String, String>>,
) -> Response {
    let language = Language::of(form.get("lang").map(String::as_str), &headers);
    let refuse = |status, words: [&'static str; 2]| {
        let problem = Some(language.pick(words));
        page(&shop, status, &ProductsPage { language, path: "/", shelf: &PRODUCTS, cards: &shop.cards, problem })
    };
    let basket: Vec<(&Product, u32)> = PRODUCTS
        .iter()
        .filter(|product| form.get("only").is_none_or(|id| id == product.id))
        .filter_map(|product| Some((product, form.get(product.id)?.trim().parse().ok()?)))
        .map(|(product, quantity): (_, u32)| {
            let least = u32::from(form.contains_key("only"));
            (product, quantity.clamp(least, MOST))
        })
        .filter(|(_, quantity)| *quantity > 0)
        .collect();
    if basket.is_empty() {
        return refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            ["담은 상품이 없습니다. 수량을 골라 주세요.", "The basket is empty. Choose how many you want."],
        );
    }
    match order(&shop, language, &basket).await {
        Ok(url) => (StatusCode::SEE_OTHER, [(LOCATION, url)]).into_response(),
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "the demo shop could not start a checkout");
            refuse(
                StatusCode::BAD_GATEWAY,
                [
                    "지금은 결제를 시작할 수 없습니다. 다시 시도해 주세요.",
                    "We cannot start the payment just now. Please try again.",
                ],
            )
        }
    }
}

async fn order(shop: &Shop, language: Language, basket: &[(&Product, u32)]) -> anyhow::Result<String> {
    let reference = shop.orders.next_reference();
    let line_items: Vec<Value> = basket
        .iter()
        .map(|(product, quantity)| {
            json!({
                "name": product.name(language),
                "unit_amount": product.price.to_string(),
                "quantity": quantity,
                "seller": shop.sellers.get(product.seller),
            })
        })
        .collect();
    let request = json!({
        "line_items": line_items,
        "currency": CURRENCY,
        "reference": reference,
        "locale": language.code(),
        "success_url": format!("{}/thanks?lang={}&session={{CHECKOUT_SESSION_ID}}", shop.public_url, language.code()),
        "cancel_url": format!("{}/?lang={}", shop.public_url, language.code()),
    });
    // The shop's data may be deleted while the gateway's stays: the key must not repeat with the order number.
    let key = format!("{reference}-{}", crate::words::random_base62(12));
    let session = shop.api.create("/v1/checkout/sessions", &key, &request).await?;
    let text = |field: &str| session[field].as_str().map(str::to_owned);
    let (Some(id), Some(amount), Some(url)) = (text("id"), text("amount"), text("url")) else {
        anyhow::bail!("the session has no id, amount or url: {session}");
    };
    let items = basket.iter().map(|(product, quantity)| format!("{} × {quantity}", product.name(language))).collect();
    shop.orders.place(Order { session: id, reference, items, amount, paid: false, heard: Vec::new() })?;
    Ok(url)
}

/// `GET /thanks?session=cs_...`: where the hosted page sends the shopper back to.
pub async fn thanks(
    State(shop): State<Arc<Shop>>,
    asked: Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let language = language(&asked, &headers);
    match asked.get("session").and_then(|session| shop.orders.find(session)) {
        Some(order) => {
            let path = format!("/thanks?session={}", order.session);
            page(&shop, StatusCode::OK, &ThanksPage { language, path, order })
        }
        None => page(
            &shop,
            StatusCode::NOT_FOUND,
            &ProductsPage {
                language,
                path: "/",
                shelf: &PRODUCTS,
                cards: &shop.cards,
                problem: Some(language.pick(["그런 주문은 없습니다.", "There is no such order."])),
            },
        ),
    }
}

/// `GET /orders`
pub async fn orders(
    State(shop): State<Arc<Shop>>,
    asked: Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let (orders, refused) = (shop.orders.newest(LISTED), shop.orders.refused());
    page(&shop, StatusCode::OK, &OrdersPage { language: language(&asked, &headers), path: "/orders", orders, refused })
}

/// `GET /orders/{session}`: what the page that waits for the webhook asks.
pub async fn order_state(State(shop): State<Arc<Shop>>, Path(session): Path<String>) -> Response {
    match shop.orders.find(&session) {
        Some(order) => axum::Json(json!({ "paid": order.paid, "heard": order.heard })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `POST /webhooks`: verified before it is read.
pub async fn webhook(State(shop): State<Arc<Shop>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let now = shop.clock.now();
    let id = match signature::verify(&shop.webhook_secret, &headers, &body, now.unix_seconds()) {
        Ok(id) => id.to_owned(),
        Err(error) => {
            tracing::warn!(%error, "the demo shop refused a webhook");
            shop.orders.refuse();
            return StatusCode::UNAUTHORIZED;
        }
    };
    let Ok(message) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let kind = message["type"].as_str().unwrap_or_default().to_owned();
    let object = &message["data"]["object"];
    let about = [&object["id"], &object["checkout_session"]].map(|it| it.as_str().unwrap_or_default().to_owned());
    let paid = kind == "checkout.session.completed";
    let heard = Heard { id, kind, at: now.to_string() };
    match shop.orders.hear(|order| about.contains(&order.session), paid, heard) {
        // An event about something else is not the shop's business: it says thank you all the same.
        Ok(_) => StatusCode::NO_CONTENT,
        Err(error) => {
            tracing::error!(%error, "the demo shop cannot write its orders");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// `GET /static/{file}`
pub async fn file(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "shop.css" => ("text/css; charset=utf-8", include_str!("../../../../static/shop/shop.css")),
        "waiting.js" => ("text/javascript; charset=utf-8", include_str!("../../../../static/shop/waiting.js")),
        "jar.svg" => ("image/svg+xml", include_str!("../../../../static/shop/jar.svg")),
        "cups.svg" => ("image/svg+xml", include_str!("../../../../static/shop/cups.svg")),
        "tangerines.svg" => ("image/svg+xml", include_str!("../../../../static/shop/tangerines.svg")),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")], text).into_response()
}

fn language(asked: &HashMap<String, String>, headers: &HeaderMap) -> Language {
    Language::of(asked.get("lang").map(String::as_str), headers)
}

fn page(shop: &Shop, status: StatusCode, content: &impl Template) -> Response {
    let html = match content.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page of the demo shop cannot be drawn");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    // The form leads to the gateway's page: browsers hold the redirect to the same rule as the form.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self' {}; base-uri 'none'; frame-ancestors 'none'",
        shop.checkout_origin
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html).into_response()
}
