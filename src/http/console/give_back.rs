//! What an operator does about a paid payment: give money back, and say that an order was delivered.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::json;

use super::components::Sum;
use super::form::{Posted, PostedWith};
use super::once::Once;
use super::records::Records;
use super::refusal::Refusal;
use super::session::SignedIn;
use crate::app::App;
use crate::db::{Db, DbError, Tx};
use crate::operators::{NewEntry, record};
use crate::payments::refunds::{self, NewRefund, Refund, RefundError, RefundStatus};
use crate::payments::{self, FulfillError, OrderStatus, Payment, PaymentStatus, store};
use crate::wallets::WalletError;
use crate::words::{PaymentId, PaymentOrderId};

/// How long the page waits for the PSP's answer; the work goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);
/// Characters of a reason.
const REASON: usize = 200;

/// A refund, as typed; grouping commas are people's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    amount: String,
    reason: String,
    /// The order that bears it; all of them when empty.
    order: String,
    /// Of the form as it was shown, so that a second click is not a second refund.
    once: String,
}

/// `POST /console/payments/{id}/refund`
pub async fn refund(
    State(app): State<App>,
    Path(id): Path<String>,
    PostedWith(who, typed): PostedWith<Typed>,
) -> Result<Response, Refusal> {
    let payment = found(&app.db, &id).await?;
    let reason = typed.reason.trim();
    if !is_reason(reason) {
        return Ok(back(&payment.id, "refund=reason"));
    }
    let mut tx = app.db.begin().await?;
    let asked = json!([typed.amount, reason, typed.order]);
    let path = format!("/console/payments/{}/refund", payment.id);
    let Some(once) = Once::begin(&mut tx, &payment.tenant, &typed.once, &path, &asked, app.now()).await? else {
        return Ok(back(&payment.id, "refund=again"));
    };
    let refund = match ask(&mut tx, &app, &payment, &typed, reason).await {
        Ok(refund) => refund,
        Err(RefundError::Db(error) | RefundError::Books(WalletError::Db(error))) => return Err(error.into()),
        Err(error) => return Ok(back(&payment.id, why_not(&error))),
    };
    let note = format!("{} {} {reason}", refund.amount, refund.amount.currency());
    noted(&mut tx, &app, &who, "payment.refund", payment.id.as_str(), &note).await?;
    once.end(&mut tx, &payment.tenant, refund.id.as_str()).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(back(&payment.id, outcome(&app, &refund).await?))
}

/// Whether a text can be kept as the reason of a refund.
pub(super) fn is_reason(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= REASON && !text.chars().any(char::is_control)
}

async fn ask(tx: &mut Tx, app: &App, payment: &Payment, typed: &Typed, reason: &str) -> Result<Refund, RefundError> {
    let amount = Some(typed.amount.trim().replace(',', "")).filter(|text| !text.is_empty());
    let (tenant, now) = (&payment.tenant, app.now());
    let new = NewRefund {
        payment: payment.id.clone(),
        amount: amount.clone(),
        reason: Some(reason.to_owned()),
        metadata: json!({}),
    };
    if typed.order.is_empty() {
        return refunds::ask(tx, tenant, new, now).await;
    }
    let order = PaymentOrderId::parse(&typed.order).map_err(|_| RefundError::NoOrder(0))?;
    refunds::ask_of_orders(tx, tenant, NewRefund { amount: None, ..new }, &[(order, amount)], now).await
}

fn why_not(error: &RefundError) -> &'static str {
    match error {
        RefundError::BadAmount(_) | RefundError::BadPart { .. } => "refund=amount",
        RefundError::Books(_) => "refund=balance",
        RefundError::NoPayment | RefundError::NotPaid(_) | RefundError::NoOrder(_) => "refund=state",
        _ => "refund=large",
    }
}

/// What became of it, once the worker knows, or without that.
pub(super) async fn outcome(app: &App, asked: &Refund) -> Result<&'static str, Refusal> {
    let waiting = async {
        loop {
            match refunds::find(&app.db, &asked.id).await?.map(|refund| refund.status) {
                Some(RefundStatus::Pending) => tokio::time::sleep(LOOK).await,
                Some(RefundStatus::Succeeded) => return Ok::<_, DbError>("refund=succeeded"),
                Some(RefundStatus::Failed) | None => return Ok("refund=failed"),
            }
        }
    };
    Ok(tokio::time::timeout(PATIENCE, waiting).await.unwrap_or(Ok("refund=pending"))?)
}

/// `POST /console/payments/{id}/fulfill/{order}`
pub async fn fulfill(
    State(app): State<App>,
    Path((id, order)): Path<(String, String)>,
    Posted(who): Posted,
) -> Result<Response, Refusal> {
    let payment = found(&app.db, &id).await?;
    let order = PaymentOrderId::parse(&order).map_err(|_| Refusal::NotFound("payment order"))?;
    let mut tx = app.db.begin().await?;
    // The trace first: the delivery ends with the wallets, which are to be held as short as can be.
    noted(&mut tx, &app, &who, "payment_order.fulfill", order.as_str(), payment.id.as_str()).await?;
    match payments::fulfill(&mut tx, &payment.tenant, &order, app.now()).await {
        Ok(_) => {}
        Err(FulfillError::Db(error) | FulfillError::Books(WalletError::Db(error))) => return Err(error.into()),
        Err(FulfillError::NoOrder) => return Err(Refusal::NotFound("payment order")),
        Err(FulfillError::NotPaid(_)) => return Ok(back(&payment.id, "fulfill=state")),
        Err(error @ FulfillError::Books(_)) => return Err(Refusal::broken(&error)),
    }
    tx.commit().await?;
    app.wake.notify_one();
    Ok(back(&payment.id, "fulfill=done"))
}

pub(super) fn back(id: &PaymentId, how: &str) -> Response {
    Redirect::to(&format!("/console/payments/{id}?{how}")).into_response()
}

pub(super) async fn noted(
    tx: &mut Tx,
    app: &App,
    who: &SignedIn,
    action: &'static str,
    about: &str,
    note: &str,
) -> Result<(), DbError> {
    let entry = NewEntry::new(action, &who.address, app.now()).by(&who.operator.id).about(about);
    record(tx, &NewEntry { note: note.to_owned(), ..entry }).await
}

pub(super) async fn found(db: &Db, id: &str) -> Result<Payment, Refusal> {
    let id = PaymentId::parse(id).map_err(|_| Refusal::NotFound("payment"))?;
    store::find(db, &id).await?.ok_or(Refusal::NotFound("payment"))
}

/// What can be given back, and by whom.
pub(super) struct GiveBack {
    pub left: Sum,
    /// The same, as it is typed.
    pub amount: String,
    pub orders: Vec<Bearer>,
    pub once: String,
}

/// A seller that may bear a refund alone.
pub(super) struct Bearer {
    pub id: String,
    pub seller: String,
}

impl GiveBack {
    /// What is left of a paid payment; none when nothing is.
    pub fn of(records: &Records) -> Option<Self> {
        let payment = &records.payment;
        let left = payment.captured.checked_sub(payment.refunded)?.checked_sub(payment.disputed)?;
        if payment.status != PaymentStatus::Succeeded || left.is_zero() {
            return None;
        }
        let paid = records.orders.iter().filter(|order| order.status == OrderStatus::Success);
        let orders = paid.map(|order| {
            let id = order.seller.as_str();
            Bearer {
                id: order.id.to_string(),
                seller: records.sellers.get(id).map_or_else(|| id.to_owned(), Clone::clone),
            }
        });
        Some(Self { left: Sum::of(left), amount: left.to_string(), orders: orders.collect(), once: Once::word() })
    }
}

/// What the last click did, or why nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Clicked {
    refund: String,
    fulfill: String,
}

impl Clicked {
    /// In words; none when nobody clicked.
    pub fn notice(&self) -> Option<String> {
        let words = match (self.refund.as_str(), self.fulfill.as_str()) {
            ("succeeded", _) => "The refund is done: the money is on its way back to the card.",
            ("pending", _) => "The refund is taken on and its money is held. The PSP is asked until it answers.",
            ("failed", _) => "The PSP refused the refund: see its answer below. Its money is where it was.",
            ("again", _) => "Nothing was done: this form was sent before. What it asked for stands below.",
            ("reason", _) => "Nothing was done: a reason has 1 to 200 characters and no control characters.",
            ("amount", _) => "Nothing was done: the amount is not one of this currency, or is nothing.",
            ("large", _) => "Nothing was done: so much is not left to refund.",
            ("balance", _) => {
                "Nothing was done: a seller does not have so much, and the merchant's policy refuses to let it owe."
            }
            ("already", _) => "Nothing was done: this charge is on its way back already.",
            ("resolved", _) => "Nothing was done: somebody has resolved this charge as dealt with otherwise.",
            ("contested", _) => {
                "Nothing was done: the shopper's bank contests this payment. Given back as well, it would be lost twice."
            }
            ("unnamed", _) => "Nothing was done: this PSP cannot be told which of two charges to give back.",
            ("state", _) => "Nothing was done: this payment or order cannot be refunded.",
            (_, "done") => "The order is delivered: what was pending of it is available to its seller.",
            (_, "state") => "Nothing was done: the order is not paid.",
            _ => return None,
        };
        Some(words.to_owned())
    }
}
