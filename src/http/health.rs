//! Signs of life: `/healthz` for whoever restarts processes, `/readyz` for whoever sends them traffic.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::db::GATEWAY;

/// A worker that has not looked for work within this is not working.
const WORKER_WITHIN: Duration = Duration::from_secs(30);
/// A database that has not answered within this is as good as away.
const DATABASE_WITHIN: Duration = Duration::from_secs(3);

/// `GET /healthz`: the process answers. Looks at nothing else: restarting does not mend a database.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200 when requests can be served and the work they leave gets done, else 503 with what is missing.
pub async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let schema = tokio::time::timeout(DATABASE_WITHIN, app.db.is_current(&GATEWAY)).await;
    let database = match schema {
        Ok(Ok(true)) => "ok",
        Ok(Ok(false)) => "the schema is not this program's: run tollgate migrate",
        Ok(Err(_)) => "does not answer",
        Err(_) => "does not answer in time",
    };
    let worker = match app.pulse.last() {
        Some(last) if app.now().since(last) <= WORKER_WITHIN => "ok",
        Some(_) => "has stopped looking for work",
        None => "has not started",
    };
    let ready = database == "ok" && worker == "ok";
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "database": database, "worker": worker })))
}
