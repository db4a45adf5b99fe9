//! Every route of the stand-in.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{delete, get, post};

use super::refusal::Refusal;
use super::state::Sim;
use super::{admin, bank, disputes, pages, payments, payouts, planted, settlement};

/// Bodies are small: a payment is a few hundred bytes.
const LARGEST_BODY: usize = 64 * 1024;

pub fn routes(sim: Arc<Sim>) -> Router {
    Router::new()
        // The API of the gateway, with its secret key.
        .route("/v1/payments", post(payments::register).get(payments::search))
        .route("/v1/payments/{id}", get(payments::lookup))
        .route("/v1/payments/{id}/confirm", post(payments::confirm))
        .route("/v1/payments/{id}/abandon", post(payments::abandon))
        .route("/v1/payments/{id}/capture", post(payments::capture))
        .route("/v1/payments/{id}/void", post(payments::void))
        .route("/v1/payments/{id}/refund", post(payments::refund))
        .route("/v1/refunds", get(payments::search_refunds))
        .route("/v1/payouts", post(payouts::send).get(payouts::search))
        .route("/v1/payouts/{id}", get(payouts::lookup))
        .route("/v1/disputes", get(disputes::search))
        .route("/v1/disputes/{id}", get(disputes::lookup))
        .route("/v1/disputes/{id}/evidence", post(disputes::evidence))
        .route("/v1/disputes/{id}/accept", post(disputes::give_in))
        .route("/v1/settlements", get(settlement::list))
        .route("/v1/bank-statements", get(bank::statement))
        // The shopper's browser, in a frame.
        .route("/form/{client_token}", get(pages::show_form))
        .route("/form/{client_token}/token", post(pages::make_token))
        .route("/challenge/{token}", get(pages::show_challenge).post(pages::answer_challenge))
        .route("/assets/texts.js", get(pages::texts_script))
        .route("/assets/{name}", get(pages::asset))
        // The admin.
        .route("/admin/faults", post(admin::add_fault).get(admin::list_faults).delete(admin::clear_faults))
        .route("/admin/faults/{id}", delete(admin::remove_fault))
        .route("/admin/disputes", post(disputes::open))
        .route("/admin/disputes/{id}/decide", post(disputes::decide))
        .route("/admin/settlements/close", post(settlement::close_day))
        .route("/admin/planted", post(planted::plant).delete(planted::clear))
        .route("/admin/calls", get(admin::calls))
        .route("/admin/refunds/{id}/return", post(admin::return_refund))
        .route("/admin/cards", get(admin::cards))
        .route("/admin/settings", get(admin::settings))
        .route("/admin/payouts/{id}/advance", post(payouts::advance))
        .route("/admin/record/{list}", get(admin::record))
        .route("/healthz", get(|| async { "ok" }))
        .fallback(|| async { Refusal::not_found("address").into_response() })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "another method is needed here")
                .into_response()
        })
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(sim)
}
