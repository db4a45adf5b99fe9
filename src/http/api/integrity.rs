//! `/v1/integrity`: whether this merchant's books can be believed.

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::http::extract::Authenticated;
use crate::http::problem::Problem;
use crate::integrity::{self, Scope, watch};

/// The question reads everything a merchant has: however many ask, payments keep most of the database to themselves.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Asks every invariant of the merchant's own rows, now; and what the watch over changes has seen.
pub async fn show(State(app): State<App>, Authenticated(principal): Authenticated) -> Result<Json<Value>, Problem> {
    let Ok(_turn) = AT_ONCE.try_acquire() else {
        return Err(Problem::unavailable(
            "integrity_busy",
            "The books are being checked already. Ask again shortly.",
            5,
        ));
    };
    let report = integrity::check(&app.db, Scope::Tenant(&principal.tenant)).await?;
    let seen = watch::seen(&app.db).await?;
    let breaks = watch::breaks(&app.db, &principal.tenant).await?;
    let watched = integrity::watch_view(&seen, &breaks);
    Ok(Json(integrity::report_view(&principal.tenant, &report, app.now(), &watched)))
}
