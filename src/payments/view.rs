//! How merchants see payments and orders, in the API and in events alike.

use serde_json::{Value, json};

use super::attempts::Attempt;
use super::captures::{self, Capture};
use super::payment::{Order, Payment};
use super::status::PaymentStatus;
use crate::psp::DeclineCode;

/// The `payment` object.
pub fn view(payment: &Payment, orders: &[Order], attempts: &[Attempt], captures: &[Capture]) -> Value {
    json!({
        "id": payment.id,
        "object": "payment",
        "livemode": payment.tenant.mode.is_live(),
        "created_at": payment.created_at,
        "status": told(payment),
        "amount": payment.amount,
        "currency": payment.amount.currency(),
        "capturable": payment.capturable(),
        "captured": payment.captured,
        "refunded": payment.refunded,
        "disputed": payment.disputed,
        "capture": payment.capture.as_str(),
        "save_payment_method": payment.save_payment_method,
        "payment_method": payment.payment_method,
        "reference": payment.reference,
        "description": payment.description,
        "customer_email": payment.customer_email,
        "checkout_session": payment.checkout,
        "succeeded_at": payment.succeeded_at,
        "authorized_at": payment.authorized_at,
        "authorization_expires_at": payment.authorization_expires_at,
        "pending_operation": payment.pending_operation.map(captures::Operation::as_str),
        "cancellation_reason": payment.cancellation_reason,
        "orders": orders.iter().map(|order| order_view(payment, order)).collect::<Vec<_>>(),
        "attempts": attempts.iter().map(attempt_view).collect::<Vec<_>>(),
        "captures": captures.iter().map(captures::view).collect::<Vec<_>>(),
        "metadata": payment.metadata,
    })
}

/// A charge of a saved card waits for no shopper: until its attempt is made it is already being processed.
const fn told(payment: &Payment) -> &'static str {
    match (payment.status, &payment.checkout) {
        (PaymentStatus::RequiresPayment, None) => PaymentStatus::Processing.as_str(),
        (status, _) => status.as_str(),
    }
}

/// The `payment_order` object.
pub fn order_view(payment: &Payment, order: &Order) -> Value {
    json!({
        "id": order.id,
        "object": "payment_order",
        "livemode": payment.tenant.mode.is_live(),
        "created_at": payment.created_at,
        "payment": order.payment,
        "checkout_session": payment.checkout,
        "seller": order.seller,
        "amount": order.amount,
        "application_fee": order.fee,
        "captured": order.captured,
        "currency": order.amount.currency(),
        "status": order.status.as_str(),
        "wallet_updated": order.wallet_updated,
        "ledger_updated": order.ledger_updated,
        "pending": order.pending,
        "fulfilled_at": order.fulfilled_at,
        "metadata": {},
    })
}

fn attempt_view(attempt: &Attempt) -> Value {
    json!({
        "id": attempt.id,
        "object": "attempt",
        "psp": attempt.psp,
        "outcome": attempt.state.as_str(),
        "psp_reference": attempt.psp_reference,
        "decline_code": attempt.decline.map(DeclineCode::as_str),
        "second_charge": attempt.second_charge,
        "card": attempt.card.as_ref().map(|card| json!({ "brand": card.brand, "last4": card.last4 })),
        "created_at": attempt.sent_at,
        "settled_at": attempt.settled_at,
    })
}
