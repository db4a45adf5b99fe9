//! `/v1/policies` and `/v1/sellers/{id}/policies`: what the merchant has decided about its money. Only a secret key changes
//! them: they decide what a restricted key's refunds and sales cost.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::db::On;
use crate::http::extract::{Authenticated, Keyholder, Strict};
use crate::http::problem::Problem;
use crate::merchants::Principal;
use crate::merchants::policies::{self, Change};
use crate::merchants::sellers;
use crate::words::{SellerId, Tenant};

/// What `POST /v1/policies` takes: any of these, and null for the default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    #[serde(default, deserialize_with = "named")]
    late_success: Option<Value>,
    #[serde(default, deserialize_with = "named")]
    second_charge: Option<Value>,
    #[serde(default, deserialize_with = "named")]
    refund_fee: Option<Value>,
    #[serde(default, deserialize_with = "named")]
    fulfill_after_days: Option<Value>,
    #[serde(default, deserialize_with = "named")]
    platform_fee: Option<Value>,
    #[serde(default, deserialize_with = "named")]
    payout_approval_above: Option<Value>,
    #[serde(default, deserialize_with = "named")]
    negative_balance: Option<Value>,
}

/// What `POST /v1/sellers/{id}/policies` takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WantedOfSeller {
    #[serde(default, deserialize_with = "named")]
    platform_fee: Option<Value>,
}

/// A field that is there with null is not a field that is missing.
fn named<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// What is decided.
pub async fn show(State(app): State<App>, Authenticated(principal): Authenticated) -> Result<Json<Value>, Problem> {
    let policies = policies::of(&app.db, &principal.tenant).await?;
    Ok(Json(policies::view(&principal.tenant, &policies)))
}

/// Changes what is named, all of it or nothing.
pub async fn change(
    State(app): State<App>,
    Keyholder(Principal { tenant, key, .. }): Keyholder,
    Strict(wanted): Strict<Wanted>,
) -> Result<Json<Value>, Problem> {
    let named: Vec<(&'static str, Value)> = [
        ("late_success", wanted.late_success),
        ("second_charge", wanted.second_charge),
        ("refund_fee", wanted.refund_fee),
        ("fulfill_after_days", wanted.fulfill_after_days),
        ("platform_fee", wanted.platform_fee),
        ("payout_approval_above", wanted.payout_approval_above),
        ("negative_balance", wanted.negative_balance),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
    .collect();
    let mut tx = app.db.begin().await?;
    let policies = policies::change(&mut tx, &tenant, &named, key.as_str(), app.now()).await?;
    tx.commit().await?;
    Ok(Json(policies::view(&tenant, &policies)))
}

/// What holds for one seller alone.
pub async fn show_of_seller(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let seller = seller(&app.db, &principal.tenant, &id).await?;
    let fees = policies::of_sellers(&app.db, &principal.tenant).await?;
    Ok(Json(policies::seller_view(&principal.tenant, &seller, fees.get(&seller))))
}

/// Changes what holds for one seller alone.
pub async fn change_of_seller(
    State(app): State<App>,
    Keyholder(Principal { tenant, key, .. }): Keyholder,
    Path(id): Path<String>,
    Strict(wanted): Strict<WantedOfSeller>,
) -> Result<Json<Value>, Problem> {
    let wanted = wanted.platform_fee.as_ref().map(policies::fee_of).transpose()?;
    let mut tx = app.db.begin().await?;
    let seller = seller(&mut tx, &tenant, &id).await?;
    let fee = match wanted {
        Some(fee) => policies::change_of_seller(&mut tx, &tenant, &seller, fee, key.as_str(), app.now()).await?,
        None => policies::of_sellers(&mut tx, &tenant).await?.remove(&seller),
    };
    tx.commit().await?;
    Ok(Json(policies::seller_view(&tenant, &seller, fee.as_ref())))
}

async fn seller(on: impl Into<On<'_>>, tenant: &Tenant, id: &str) -> Result<SellerId, Problem> {
    let missing = || Problem::not_found("seller");
    let id = SellerId::parse(id).map_err(|_| missing())?;
    Ok(sellers::get(on, tenant, &id).await?.ok_or_else(missing)?.id)
}

impl From<Change> for Problem {
    fn from(change: Change) -> Self {
        match change {
            Change::Fault { param, rule } => {
                let detail = format!("`{param}` {rule}.");
                Self::invalid(param, detail)
            }
            Change::NeedsTwo { param } => {
                let detail = format!(
                    "`{param}` is raised or removed only in the console, by one operator who asks and another who agrees."
                );
                Self::new(StatusCode::FORBIDDEN, "second_person_required", detail).param(param)
            }
            Change::Db(error) => error.into(),
        }
    }
}
