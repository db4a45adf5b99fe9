//! A session as merchants see it, in API answers and in events alike.

use serde_json::{Value, json};
use url::Url;

use super::{Session, Status};
use crate::words::{Money, PaymentOrderId, SellerId};

/// One seller's share, as far as a session shows it.
#[derive(Debug, Clone)]
pub struct OrderView {
    /// `po_...`
    pub id: PaymentOrderId,
    /// Who is paid.
    pub seller: SellerId,
    /// The share, fee included.
    pub amount: Money,
    /// `NOT_STARTED`, `EXECUTING`, `SUCCESS` or `FAILED`.
    pub status: &'static str,
}

/// The public shape. `url` is there only while the session is open: nobody is sent to a page that has nothing to ask.
pub fn view(session: &Session, orders: &[OrderView], public_url: &Url) -> Value {
    let url = (session.status == Status::Open)
        .then(|| format!("{}/pay/{}", public_url.as_str().trim_end_matches('/'), session.page_token));
    let lines: Vec<Value> = session
        .line_items
        .iter()
        .map(|line| {
            json!({
                "name": line.name,
                "unit_amount": line.unit_amount.to_string(),
                "quantity": line.quantity,
                "amount": line.amount.to_string(),
                "seller": line.seller,
            })
        })
        .collect();
    let orders: Vec<Value> = orders
        .iter()
        .map(|order| {
            json!({
                "id": order.id,
                "object": "payment_order",
                "seller": order.seller,
                "amount": order.amount.to_string(),
                "currency": order.amount.currency(),
                "status": order.status,
            })
        })
        .collect();
    json!({
        "id": session.id,
        "object": "checkout.session",
        "livemode": session.tenant.mode.is_live(),
        "created_at": session.created_at,
        "url": url,
        "status": session.status.as_str(),
        "currency": session.currency(),
        "amount": session.amount.to_string(),
        "application_fee": session.application_fee.map(|fee| fee.to_string()),
        "line_items": lines,
        "success_url": session.success_url,
        "cancel_url": session.cancel_url,
        "reference": session.reference,
        "customer_email": session.customer_email,
        "locale": session.language.as_str(),
        "capture": session.capture.as_str(),
        "save_payment_method": session.save_payment_method,
        "payment": session.payment,
        "payment_orders": orders,
        "expires_at": session.expires_at,
        "completed_at": session.completed_at,
        "expired_at": session.expired_at,
        "metadata": session.metadata,
    })
}
