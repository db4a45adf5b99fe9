//! A seller as the API and events show it.

use serde_json::{Value, json};

use super::Seller;

/// The public shape.
#[must_use]
pub fn view(seller: &Seller) -> Value {
    json!({
        "id": seller.id,
        "object": "seller",
        "livemode": seller.tenant.mode.is_live(),
        "created_at": seller.created_at,
        "name": seller.name,
        "is_self": seller.is_self,
        "payout_destination": seller.payout_destination,
        "metadata": seller.metadata,
    })
}
