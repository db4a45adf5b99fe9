//! A seller as the API and events show it: of the bank account its bank and last four characters, never the token.

use serde_json::{Value, json};

use super::{Destination, Seller};

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
        "payout_destination": seller.destination.as_ref().map(destination),
        "verification": seller.verification.as_str(),
        "verified_at": seller.verified_at,
        "payout_schedule": seller.payout_schedule,
        "metadata": seller.metadata,
    })
}

fn destination(to: &Destination) -> Value {
    json!({
        "bank_name": to.bank_name,
        "last4": to.last4,
        "version": to.version,
        "held_until": to.held_until,
        "failed_at": to.failure.as_ref().map(|failure| failure.at),
        "failure_code": to.failure.as_ref().map(|failure| &failure.code),
    })
}
