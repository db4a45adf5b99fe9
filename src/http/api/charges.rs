//! `POST /v1/payments`: charges a saved card, without the shopper.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::{fields, payments};
use crate::app::App;
use crate::checkout::Capture;
use crate::db::Tx;
use crate::http::extract::{Authenticated, Keyed};
use crate::http::idempotent::{Intent, Phases, Told, WorkError, two_phase};
use crate::http::problem::Problem;
use crate::payments::methods::{self, ChargeError, NewCharge};
use crate::payments::{PaymentStatus, jobs, store};
use crate::words::{Currency, Money, PaymentId, PaymentMethodId, SellerId};

/// Ten digits of minor units, as for a checkout session.
const MAX_AMOUNT: i64 = 9_999_999_999;
const TEXT: usize = 200;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    amount: String,
    currency: String,
    payment_method: String,
    seller: Option<String>,
    capture: Option<String>,
    reference: Option<String>,
    description: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
}

/// Charges a saved card: `succeeded`, `authorized` or `failed` when the PSP says so in time, else `processing`, and a
/// webhook or a look tells later.
pub async fn create(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    let new = checked(request.body)?;
    let (tenant, now) = (principal.tenant.clone(), app.now());
    let phases = Phases {
        take_on: async move |tx: &mut Tx| {
            let payment = methods::ask(tx, &tenant, new.clone(), now).await.map_err(refused)?;
            Ok(Intent { object: payment.id.to_string(), payment: Some(payment.id), job: Some(jobs::CHARGE) })
        },
        carry_out: async move |app: App, id: String| Ok(methods::charge(&app, &PaymentId::parse(&id)?).await?),
        tell,
    };
    Box::pin(two_phase(app, principal.tenant, request.once, StatusCode::CREATED, phases)).await
}

async fn tell(app: App, id: String) -> Result<Told, Problem> {
    let id = PaymentId::parse(&id).map_err(|error| Problem::internal(&error))?;
    let payment = store::find(&app.db, &id).await?.ok_or_else(|| Problem::not_found("payment"))?;
    let is_final = !matches!(payment.status, PaymentStatus::RequiresPayment | PaymentStatus::Processing);
    Ok(Told { body: payments::whole(&app.db, &payment).await?, is_final })
}

fn checked(asked: Asked) -> Result<NewCharge, Problem> {
    let currency = Currency::parse(&asked.currency).map_err(|_| {
        Problem::invalid("currency", "`currency` must be one of ISO 4217 in three upper-case letters, such as \"KRW\".")
    })?;
    let amount = Money::parse(&asked.amount, currency)
        .map_err(|error| Problem::invalid("amount", format!("`amount` {error}.")))?;
    if !(1..=MAX_AMOUNT).contains(&amount.minor()) {
        let rule = format!("`amount` must be more than zero and at most {MAX_AMOUNT} minor units.");
        return Err(Problem::invalid("amount", rule));
    }
    let method = PaymentMethodId::parse(&asked.payment_method)
        .map_err(|_| Problem::invalid("payment_method", "`payment_method` must be the id of a saved card (pm_...)."))?;
    let seller = asked.seller.as_deref().map(SellerId::parse).transpose();
    let seller = seller.map_err(|_| Problem::invalid("seller", "`seller` must be the id of a seller (sel_...)."))?;
    let capture = Capture::parse(asked.capture.as_deref().unwrap_or("automatic"))
        .ok_or_else(|| Problem::invalid("capture", "`capture` must be \"automatic\" or \"manual\"."))?;
    fields::optional_text("reference", asked.reference.as_deref(), TEXT)?;
    fields::optional_text("description", asked.description.as_deref(), TEXT)?;
    let metadata = asked.metadata.unwrap_or_default();
    fields::metadata(&metadata)?;
    let (reference, description, metadata) = (asked.reference, asked.description, json!(metadata));
    Ok(NewCharge { amount, method, seller, capture, reference, description, metadata })
}

fn refused(error: ChargeError) -> WorkError {
    match error {
        ChargeError::NoMethod => Problem::not_found("payment method").param("payment_method").into(),
        ChargeError::Detached => {
            let detail = "The saved card was detached and cannot be charged.";
            Problem::conflict("payment_method_detached", detail).param("payment_method").into()
        }
        ChargeError::NoSeller => Problem::invalid("seller", "`seller` is not one of your sellers.").into(),
        ChargeError::Db(error) => error.into(),
    }
}
