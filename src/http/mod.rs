//! The front door: every route in one list, and what all of them share.
//!
//! Promises: each answer has a `Request-Id`; a refusal is problem+json (or a page, where people look) and has changed
//! nothing; no body, query, key or card number is logged; a request costs at most so much time and memory. Handlers turn
//! HTTP into the verbs of the slices and back; they decide nothing about money.

mod access_log;
mod answers;
pub mod api;
pub mod assets;
mod card_guard;
pub mod checkout;
pub mod console;
pub mod extract;
pub mod files;
mod health;
pub mod idempotent;
mod limits;
pub mod list;
pub mod metrics;
pub mod problem;
pub mod psp_webhooks;
pub mod request_id;

use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use axum::{Extension, Router};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;

/// Everything this server answers.
pub fn routes(app: App) -> Router {
    // A card number in any of these is refused before a handler sees it.
    let guarded = Router::new()
        .merge(api_routes())
        .merge(checkout_routes())
        .layer(from_fn(card_guard::refuse_cards))
        .merge(console_routes().layer(from_fn(card_guard::refuse_cards)).layer(from_fn(console::protect)));
    // PSPs' webhooks are taken as they are: their bodies are signed and stored raw, scrubbed, by their own handler.
    let raw = Router::new().route("/psp/{name}/webhooks", post(psp_webhooks::receive));
    let seated = guarded.merge(raw).layer(from_fn_with_state(limits::Seats::default(), limits::seat));
    // Signs of life need no seat: a server that is full is not dead.
    let routed = seated.merge(operation_routes()).layer(from_fn(limits::whole_body));
    routed
        .layer(CatchPanicLayer::custom(answers::after_panic))
        .layer(from_fn(answers::speak_problem))
        .layer(from_fn_with_state(app.clone(), answers::safe_headers))
        .layer(from_fn(access_log::record))
        .layer(from_fn(request_id::assign))
        .with_state(app)
}

/// The merchants' API.
#[rustfmt::skip]
fn api_routes() -> Router<App> {
    Router::new()
        .route("/v1/checkout/sessions", get(api::checkout_sessions::list).post(api::checkout_sessions::create))
        .route("/v1/checkout/sessions/{id}", get(api::checkout_sessions::show))
        .route("/v1/checkout/sessions/{id}/expire", post(api::checkout_sessions::expire))
        .route("/v1/merchant", get(api::merchant::show))
        .route("/v1/api_keys", get(api::keys::list).post(api::keys::create))
        .route("/v1/api_keys/{id}", get(api::keys::show))
        .route("/v1/api_keys/{id}/revoke", post(api::keys::revoke))
        .route("/v1/api_keys/{id}/rotate", post(api::keys::rotate))
        .route("/v1/sellers", get(api::sellers::list).post(api::sellers::create))
        .route("/v1/sellers/{id}/policies", get(api::policies::show_of_seller).post(api::policies::change_of_seller))
        .route("/v1/policies", get(api::policies::show).post(api::policies::change))
        .route("/v1/sellers/{id}", get(api::sellers::show).post(api::sellers::change))
        .route("/v1/sellers/{id}/verification", post(api::sellers::verify))
        .route("/v1/sellers/{id}/statement", get(api::statements::show))
        .route("/v1/events", get(api::events::list))
        .route("/v1/events/{id}", get(api::events::show))
        .route("/v1/webhook_endpoints", get(api::webhook_endpoints::list).post(api::webhook_endpoints::create))
        .route("/v1/webhook_endpoints/{id}", get(api::webhook_endpoints::show).post(api::webhook_endpoints::change).delete(api::webhook_endpoints::delete))
        .route("/v1/webhook_endpoints/{id}/rotate_secret", post(api::webhook_endpoints::rotate_secret))
        .route("/v1/webhook_endpoints/{id}/replay", post(api::webhook_endpoints::replay))
        .route("/v1/webhook_endpoints/{id}/test", post(api::webhook_endpoints::test))
        .route("/v1/webhook_deliveries", get(api::webhook_deliveries::list))
        .route("/v1/webhook_deliveries/{id}", get(api::webhook_deliveries::show))
        .route("/v1/webhook_deliveries/{id}/resend", post(api::webhook_deliveries::resend))
        .route("/v1/payments", get(api::payments::list).post(api::charges::create))
        .route("/v1/payments/explain", post(api::explain::explain))
        .route("/v1/payments/{id}", get(api::payments::show))
        .route("/v1/payments/{id}/capture", post(api::captures::capture))
        .route("/v1/payments/{id}/cancel", post(api::captures::cancel))
        .route("/v1/payment_methods", get(api::payment_methods::list))
        .route("/v1/payment_methods/{id}", get(api::payment_methods::show).delete(api::payment_methods::delete))
        .route("/v1/payment_orders/{id}", get(api::payment_orders::show))
        .route("/v1/payment_orders/{id}/fulfill", post(api::payment_orders::fulfill))
        .route("/v1/refunds", get(api::refunds::list).post(api::refunds::create))
        .route("/v1/refunds/{id}", get(api::refunds::show))
        .route("/v1/payouts", get(api::payouts::list).post(api::payouts::create))
        .route("/v1/payouts/{id}", get(api::payouts::show))
        .route("/v1/payouts/{id}/cancel", post(api::payouts::cancel))
        .route("/v1/disputes", get(api::disputes::list))
        .route("/v1/disputes/{id}", get(api::disputes::show))
        .route("/v1/disputes/{id}/evidence", post(api::disputes::answer))
        .route("/v1/disputes/{id}/accept", post(api::disputes::accept))
        .route("/v1/dead_letters", get(api::dead_letters::list))
        .route("/v1/dead_letters/retry_all", post(api::dead_letters::retry_all))
        .route("/v1/dead_letters/{id}", get(api::dead_letters::show))
        .route("/v1/dead_letters/{id}/retry", post(api::dead_letters::retry))
        .route("/v1/dead_letters/{id}/resolve", post(api::dead_letters::resolve))
        .route("/v1/wallets/{seller}", get(api::wallets::show))
        .route("/v1/ledger/journals", get(api::ledger::journals))
        .route("/v1/ledger/journals/{id}/proof", get(api::ledger::proof))
        .route("/v1/ledger/balances", get(api::ledger::balances))
        .route("/v1/ledger/trial_balance", get(api::ledger::trial_balance))
        .route("/v1/reconciliation/runs", get(api::reconciliation::list_runs))
        .route("/v1/reconciliation/runs/{id}", get(api::reconciliation::show_run))
        .route("/v1/reconciliation/breaks", get(api::reconciliation::list_breaks))
        .route("/v1/reconciliation/breaks/{id}", get(api::reconciliation::show_break))
        .route("/v1/corrections", get(api::corrections::list).post(api::corrections::create))
        .route("/v1/corrections/{id}", get(api::corrections::show))
        .route("/v1/reconciliation/breaks/{id}/resolve", post(api::reconciliation::resolve))
        .route("/v1/integrity", get(api::integrity::show))
        .route("/openapi.json", get(api::openapi))
}

/// The shopper's page.
#[rustfmt::skip]
fn checkout_routes() -> Router<App> {
    Router::new()
        .route("/pay/{token}", get(checkout::show))
        .route("/pay/{token}/register", post(checkout::register))
        .route("/pay/{token}/confirm", post(checkout::confirm))
        .route("/pay/{token}/status", get(checkout::status))
        .route("/pay/{token}/abandon", post(checkout::abandon))
        .route("/pay/{token}/cancel", post(checkout::cancel))
        .route(checkout::REPORTS, post(checkout::report))
        .route("/static/{*path}", get(assets::serve))
}

/// The console, for the people who run this gateway.
#[rustfmt::skip]
fn console_routes() -> Router<App> {
    Router::new()
        .route("/console", get(console::home::show))
        .route("/console/sign-in", get(console::sign_in::form).post(console::sign_in::enter))
        .route("/console/sign-out", post(console::sign_in::leave))
        .route("/console/payments", get(console::payments::show))
        .route("/console/payments/{id}", get(console::payment::show))
        .route("/console/payments/{id}/capture", post(console::captures::capture))
        .route("/console/payments/{id}/cancel", post(console::captures::cancel))
        .route("/console/payments/{id}/refund", post(console::give_back::refund))
        .route("/console/payments/{id}/second-charges/{attempt}", post(console::second_charge::refund))
        .route("/console/payments/{id}/fulfill/{order}", post(console::give_back::fulfill))
        .route("/console/policies", get(console::policies::show))
        .route("/console/policies/{merchant}/{mode}", get(console::terms::show))
        .route("/console/policies/{merchant}/{mode}/{part}", post(console::terms::save))
        .route("/console/policies/{merchant}/{mode}/limit/{id}/agree", post(console::terms::agree))
        .route("/console/policies/{merchant}/{mode}/limit/{id}/refuse", post(console::terms::refuse))
        .route("/console/wallets", get(console::wallets::show))
        .route("/console/payouts", get(console::payouts::show))
        .route("/console/payouts/{id}", get(console::payout::show))
        .route("/console/payouts/{id}/approve", post(console::payout::approve))
        .route("/console/payouts/{id}/reject", post(console::payout::reject))
        .route("/console/payouts/{id}/cancel", post(console::payout::cancel))
        .route("/console/sellers", get(console::sellers::show).post(console::sellers::create))
        .route("/console/sellers/{id}", get(console::seller::show))
        .route("/console/sellers/{id}/settings", get(console::seller_settings::show))
        .route("/console/sellers/{id}/settings/{part}", post(console::seller_settings::save))
        .route("/console/sellers/{id}/verification", post(console::seller::verify))
        .route("/console/sellers/{id}/payouts", post(console::seller::pay_out))
        .route("/console/sellers/{id}/statement", get(console::statement::show))
        .route("/console/sellers/{id}/statement.csv", get(console::statement::file))
        .route("/console/trial-balance", get(console::trial_balance::show))
        .route("/console/trial-balance.csv", get(console::trial_balance::file))
        .route("/console/corrections", get(console::corrections::show).post(console::corrections::ask))
        .route("/console/corrections/{id}/agree", post(console::corrections::agree))
        .route("/console/corrections/{id}/refuse", post(console::corrections::refuse))
        .route("/console/reconciliation", get(console::reconciliation::show))
        .route("/console/reconciliation/runs", post(console::reconciliation::begin))
        .route("/console/reconciliation/runs/{id}", get(console::reconciliation::run::show))
        .route("/console/reconciliation/runs/{id}/report.csv", get(console::reconciliation::run::file))
        .route("/console/reconciliation/differences.csv", get(console::reconciliation::breaks::file))
        .route("/console/reconciliation/breaks", get(console::reconciliation::breaks::show))
        .route("/console/reconciliation/breaks/{id}", get(console::reconciliation::one::show))
        .route("/console/reconciliation/breaks/{id}/propose", post(console::reconciliation::acts::propose))
        .route("/console/reconciliation/breaks/{id}/land", post(console::reconciliation::acts::land))
        .route("/console/reconciliation/breaks/{id}/approve", post(console::reconciliation::acts::approve))
        .route("/console/reconciliation/breaks/{id}/reject", post(console::reconciliation::acts::reject))
        .route("/console/reconciliation/breaks/{id}/resolve", post(console::reconciliation::acts::resolve))
        .route("/console/reconciliation/breaks/{id}/notes", post(console::reconciliation::acts::note))
        .route("/console/reconciliation/files", get(console::reconciliation::files::show))
        .route("/console/reconciliation/files/{id}/download", post(console::reconciliation::files::download))
        .route("/console/reconciliation/causes", get(console::reconciliation::causes::show))
        .route("/console/deliveries", get(console::deliveries::show))
        .route("/console/deliveries/{id}", get(console::delivery::show))
        .route("/console/deliveries/{id}/resend", post(console::delivery::resend))
        .route("/console/disputes", get(console::disputes::show))
        .route("/console/disputes/{id}", get(console::dispute::show))
        .route("/console/disputes/{id}/evidence", post(console::dispute::answer))
        .route("/console/disputes/{id}/accept", post(console::dispute::accept))
        .route("/console/dead-letters", get(console::dead_letters::show))
        .route("/console/dead-letters/retry-all", post(console::dead_letters::retry_all))
        .route("/console/dead-letters/{id}/attest", post(console::attestations::ask))
        .route("/console/dead-letters/{id}/attestations/{attestation}/agree", post(console::attestations::agree))
        .route("/console/dead-letters/{id}/attestations/{attestation}/refuse", post(console::attestations::refuse))
        .route("/console/dead-letters/{id}", get(console::dead_letter::show))
        .route("/console/dead-letters/{id}/retry", post(console::dead_letter::retry))
        .route("/console/dead-letters/{id}/resolve", post(console::dead_letter::resolve))
        .route("/console/audit", get(console::audit::show))
        .route("/console/{*rest}", get(console::nowhere))
        .layer(Extension(console::Books::default()))
}

/// For whoever runs this gateway.
#[rustfmt::skip]
fn operation_routes() -> Router<App> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
}
