//! `/v1/ledger/corrections`: what was put right in the books by hand.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::app::App;
use crate::corrections;
use crate::http::extract::{Authenticated, PageQuery};
use crate::http::list::envelope;
use crate::http::problem::Problem;
use crate::words::CorrectionId;

/// The merchant's corrections, the newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery,
) -> Result<Json<Value>, Problem> {
    let tenant = &principal.tenant;
    if let Some(id) = query.cursor(CorrectionId::parse)? {
        let found = corrections::find(&app.db, &id).await?.filter(|it| it.tenant == *tenant);
        found.ok_or_else(|| query.unknown_cursor())?;
    }
    let slice = corrections::of_tenant(&app.db, tenant, &query.page).await?;
    Ok(envelope("/v1/ledger/corrections", slice, corrections::view))
}
