//! The merchants' JSON API: one file per resource, one function per route.

pub mod captures;
pub mod charges;
pub mod checkout_sessions;
pub mod corrections;
pub mod dead_letters;
pub mod disputes;
pub mod events;
pub mod explain;
pub mod fields;
pub mod integrity;
pub mod keys;
pub mod ledger;
pub mod merchant;
pub mod payment_methods;
pub mod payment_orders;
pub mod payments;
pub mod payouts;
pub mod policies;
pub mod reconciliation;
pub mod refunds;
pub mod sellers;
pub mod statements;
pub mod wallets;
pub mod webhook_deliveries;
pub mod webhook_endpoints;

use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

/// `GET /openapi.json`: the contract for machines. A test holds it against the routes and against real answers.
pub async fn openapi() -> ([(HeaderName, &'static str); 1], &'static str) {
    ([(CONTENT_TYPE, "application/json")], include_str!("openapi.json"))
}
