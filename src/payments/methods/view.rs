//! How merchants see a saved card, in the API and in events alike.

use serde_json::{Value, json};

use super::PaymentMethod;

/// The `payment_method` object. The PSP's token is in none of it.
pub fn view(method: &PaymentMethod) -> Value {
    json!({
        "id": method.id,
        "object": "payment_method",
        "livemode": method.tenant.mode.is_live(),
        "created_at": method.created_at,
        "type": "card",
        "card": { "brand": method.card.brand, "last4": method.card.last4 },
        "psp": method.psp,
        "customer_email": method.customer_email,
        "payment": method.payment,
        "detached_at": method.detached_at,
        "metadata": {},
    })
}
