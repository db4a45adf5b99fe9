//! `/v1/refunds`: money given back to shoppers.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::fields;
use crate::app::App;
use crate::db::Tx;
use crate::http::extract::{AnyKey, Authenticated, Keyed, PageQuery, require};
use crate::http::idempotent::{Intent, Phases, Told, WorkError, two_phase};
use crate::http::list::envelope;
use crate::http::problem::{Problem, sentence};
use crate::merchants::Scope;
use crate::payments::jobs;
use crate::payments::refunds::{self, NewRefund, RefundError, RefundStatus};
use crate::wallets::WalletError;
use crate::words::{PaymentId, PaymentOrderId, RefundId};

const REASON: usize = 200;

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    payment: String,
    amount: Option<String>,
    reason: Option<String>,
    #[serde(default, deserialize_with = "a_list")]
    orders: Option<Vec<AskedOrder>>,
    metadata: Option<BTreeMap<String, String>>,
}

/// One seller's order, when not all of them bear the refund.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedOrder {
    payment_order: String,
    amount: Option<String>,
}

/// A list and not `null`, which would be read as no list at all: everything would be given back.
fn a_list<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Vec<AskedOrder>>, D::Error> {
    Vec::deserialize(value).map(Some)
}

/// Orders of one refund: as many as a session can have sellers.
const ORDERS: usize = 100;

/// Refunds: `succeeded` or `failed` when the PSP says so in time, else `pending`, and a webhook or a look tells later.
pub async fn create(
    State(app): State<App>,
    AnyKey(principal): AnyKey,
    request: Keyed<Asked>,
) -> Result<Response, Problem> {
    require(&principal, Scope::Refund)?;
    let orders = request.body.orders.as_deref().map(orders).transpose()?;
    let new = checked(request.body)?;
    let (tenant, now) = (principal.tenant.clone(), app.now());
    let phases = Phases {
        take_on: async move |tx: &mut Tx| {
            let asked = match &orders {
                None => refunds::ask(tx, &tenant, new.clone(), now).await,
                Some(orders) => refunds::ask_of_orders(tx, &tenant, new.clone(), orders, now).await,
            };
            let refund = asked.map_err(refused)?;
            let object = refund.id.to_string();
            Ok(Intent { object, payment: Some(refund.payment), job: Some(jobs::REFUND) })
        },
        carry_out: async move |app: App, id: String| Ok(refunds::carry_out(&app, &RefundId::parse(&id)?).await?),
        tell,
    };
    Box::pin(two_phase(app, principal.tenant, request.once, StatusCode::CREATED, phases)).await
}

async fn tell(app: App, id: String) -> Result<Told, Problem> {
    let id = RefundId::parse(&id).map_err(|error| Problem::internal(&error))?;
    let refund = refunds::find(&app.db, &id).await?.ok_or_else(|| Problem::not_found("refund"))?;
    Ok(Told { body: refunds::view(&refund), is_final: refund.status != RefundStatus::Pending })
}

/// What a list may be narrowed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    payment: Option<String>,
}

/// A page of refunds, newest first.
pub async fn list(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    query: PageQuery<Filters>,
) -> Result<Json<Value>, Problem> {
    if let Some(id) = query.cursor(RefundId::parse)? {
        refunds::get(&app.db, &principal.tenant, &id).await?.ok_or_else(|| query.unknown_cursor())?;
    }
    let payment = query.filters.payment.as_deref().map(payment_id).transpose()?;
    let slice = refunds::list(&app.db, &principal.tenant, payment.as_ref(), &query.page).await?;
    Ok(envelope("/v1/refunds", slice, refunds::view))
}

/// One refund.
pub async fn show(
    State(app): State<App>,
    Authenticated(principal): Authenticated,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let missing = || Problem::not_found("refund");
    let id = RefundId::parse(&id).map_err(|_| missing())?;
    let refund = refunds::get(&app.db, &principal.tenant, &id).await?.ok_or_else(missing)?;
    Ok(Json(refunds::view(&refund)))
}

fn checked(asked: Asked) -> Result<NewRefund, Problem> {
    fields::optional_text("reason", asked.reason.as_deref(), REASON)?;
    let metadata = asked.metadata.unwrap_or_default();
    fields::metadata(&metadata)?;
    Ok(NewRefund {
        payment: payment_id(&asked.payment)?,
        amount: asked.amount,
        reason: asked.reason,
        metadata: json!(metadata),
    })
}

fn orders(asked: &[AskedOrder]) -> Result<Vec<(PaymentOrderId, Option<String>)>, Problem> {
    // None at all is a mistake of whoever made the list: read as "not named", it would give back the whole payment.
    if asked.is_empty() || asked.len() > ORDERS {
        return Err(Problem::invalid(
            "orders",
            format!("`orders` must have from 1 to {ORDERS} entries, or be left out."),
        ));
    }
    let order = |(at, order): (usize, &AskedOrder)| {
        let rule = "must be the id of an order of the payment (po_...).";
        let invalid = |_| Problem::invalid(format!("orders[{at}].payment_order"), format!("`payment_order` {rule}"));
        Ok((PaymentOrderId::parse(&order.payment_order).map_err(invalid)?, order.amount.clone()))
    };
    asked.iter().enumerate().map(order).collect()
}

fn payment_id(text: &str) -> Result<PaymentId, Problem> {
    PaymentId::parse(text).map_err(|_| Problem::invalid("payment", "`payment` must be the id of a payment (pay_...)."))
}

fn refused(error: RefundError) -> WorkError {
    match error {
        RefundError::NoPayment => Problem::not_found("payment").param("payment").into(),
        RefundError::NotPaid(_) => {
            Problem::conflict("payment_not_refundable", sentence(&error)).param("payment").into()
        }
        RefundError::BadAmount(rule) => Problem::invalid("amount", format!("`amount` {rule}.")).into(),
        RefundError::BadPart { at, rule } => {
            Problem::invalid(format!("orders[{at}].amount"), format!("`amount` {rule}.")).into()
        }
        RefundError::NoOrder(at) => Problem::invalid(format!("orders[{at}].payment_order"), sentence(&error)).into(),
        RefundError::TooMuchOfOrder { at, .. } => {
            Problem::conflict("refund_too_large", sentence(&error)).param(format!("orders[{at}].amount")).into()
        }
        RefundError::TooMuch(_) => Problem::conflict("refund_too_large", sentence(&error)).param("amount").into(),
        RefundError::Contested { .. } => Problem::conflict("payment_disputed", sentence(&error)).param("amount").into(),
        RefundError::Books(WalletError::Db(error)) | RefundError::Db(error) => error.into(),
        RefundError::Books(error @ WalletError::NotEnough { .. }) => {
            Problem::conflict("balance_too_low", sentence(&error)).param("amount").into()
        }
        RefundError::Books(error) => Problem::internal(&error).into(),
    }
}
