//! A small shop, to have somebody who integrates Tollgate: a merchant's program, written as a merchant would write it.
//!
//! Promises to use nothing but the public API with its own key and the webhooks it has verified with its own secret; an
//! order is paid when a verified webhook says so, never because a browser came back. Refuses to know the gateway's code:
//! it imports nothing from this crate but the vocabulary and the HTTP client.

mod api;
mod catalogue;
mod language;
mod orders;
mod pages;
pub mod signature;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

pub use api::GatewayApi;
pub use catalogue::{CURRENCY, SELLERS};
pub use orders::OrderBook;

use crate::words::Clock;

/// A card number to try, and what it does; shown on the shop's first page.
#[derive(Debug, Clone)]
pub struct CardHint {
    /// As a shopper would type it.
    pub number: String,
    /// What happens with it, in English.
    pub effect: String,
}

/// What the shop needs to sell.
pub struct Shop {
    /// The gateway's API with the shop's secret key.
    pub api: GatewayApi,
    /// `whsec_...`, shown once when the shop registered its endpoint.
    pub webhook_secret: String,
    /// Seller ids in the order of [`SELLERS`].
    pub sellers: Vec<String>,
    /// Where shoppers reach this shop, without a slash at the end.
    pub public_url: String,
    /// Where the hosted page is: the only other place the shop's form may lead to.
    pub checkout_origin: String,
    /// What was ordered and heard.
    pub orders: OrderBook,
    /// Cards to try.
    pub cards: Vec<CardHint>,
    /// For the age of a webhook.
    pub clock: Arc<dyn Clock>,
}

/// Every page of the shop.
pub fn routes(shop: Arc<Shop>) -> Router {
    Router::new()
        .route("/", get(pages::products))
        .route("/buy", post(pages::buy))
        .route("/thanks", get(pages::thanks))
        .route("/orders", get(pages::orders))
        .route("/orders/{session}", get(pages::order_state))
        .route("/webhooks", post(pages::webhook))
        .route("/static/{file}", get(pages::file))
        .layer(DefaultBodyLimit::max(64 * 1024))
        .with_state(shop)
}
