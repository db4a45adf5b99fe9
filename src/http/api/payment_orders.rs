//! `/v1/payment_orders`: one seller's share of a payment, and its delivery.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use crate::app::App;
use crate::http::extract::{Authenticated, Keyed, NoFields};
use crate::http::idempotent::{Done, WorkError, idempotent};
use crate::http::problem::Problem;
use crate::payments::{self, FulfillError, order_view, store};
use crate::wallets::WalletError;
use crate::words::PaymentOrderId;

/// One order.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let order = store::order(&app.db, &principal.tenant, &read(&id)?).await?.ok_or_else(not_found)?;
    let payment = store::get(&app.db, &principal.tenant, &order.payment).await?.ok_or_else(not_found)?;
    Ok(Json(order_view(&payment, &order)))
}

/// Marks an order delivered: what is still pending of it becomes available to its seller. Delivered again, the answer is the
/// order as it is.
pub async fn fulfill(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
    request: Keyed<NoFields>,
) -> Result<Response, Problem> {
    let id = read(&id)?;
    let (tenant, now, wake) = (principal.tenant.clone(), app.now(), app.wake.clone());
    let answer = idempotent(app, principal.tenant, request.once, StatusCode::OK, async move |tx| {
        let (payment, order) = payments::fulfill(tx, &tenant, &id, now).await.map_err(refused)?;
        Ok(Done::about(&payment.id, order_view(&payment, &order)))
    })
    .await?;
    wake.notify_one();
    Ok(answer)
}

fn refused(error: FulfillError) -> WorkError {
    match error {
        FulfillError::NoOrder => not_found().into(),
        FulfillError::NotPaid(status) => Problem::conflict(
            "payment_order_not_paid",
            format!("The order is {status}: only a paid order (SUCCESS) can be fulfilled."),
        )
        .into(),
        FulfillError::Db(error) | FulfillError::Books(WalletError::Db(error)) => error.into(),
        FulfillError::Books(error) => Problem::internal(&error).into(),
    }
}

fn read(id: &str) -> Result<PaymentOrderId, Problem> {
    PaymentOrderId::parse(id).map_err(|_| not_found())
}

fn not_found() -> Problem {
    Problem::not_found("payment order")
}
