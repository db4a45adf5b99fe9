//! How merchants see a payout, in the API and in events alike.

use serde_json::{Value, json};

use super::Payout;

/// The `payout` object. Of the bank account it shows the bank and the last four characters.
#[must_use]
pub fn view(payout: &Payout) -> Value {
    json!({
        "id": payout.id,
        "object": "payout",
        "livemode": payout.tenant.mode.is_live(),
        "created_at": payout.created_at,
        "seller": payout.seller,
        "amount": payout.amount,
        "currency": payout.amount.currency(),
        "status": payout.status.as_str(),
        "failure_code": payout.failure_code,
        "destination": { "bank_name": payout.bank_name, "last4": payout.last4 },
        "period": payout.period,
        "provider": payout.provider,
        "provider_reference": payout.provider_reference,
        "sent_at": payout.sent_at,
        "settled_at": payout.settled_at,
        "returned_at": payout.returned_at,
        "metadata": payout.metadata,
    })
}
