//! Decisions as the API shows them.

use serde_json::{Map, Value, json};

use super::reading::fee_value;
use super::{PlatformFee, Policies};
use crate::words::{SellerId, Tenant};

/// All of a merchant's decisions, those never made with their defaults.
#[must_use]
pub fn view(tenant: &Tenant, policies: &Policies) -> Value {
    let mut object = Map::new();
    object.insert("object".to_owned(), json!("policies"));
    object.insert("livemode".to_owned(), json!(tenant.mode.is_live()));
    for name in Policies::NAMES {
        object.insert(name.to_owned(), policies.value(name));
    }
    object.into()
}

/// What holds for one seller alone; null where it is treated like the others.
#[must_use]
pub fn seller_view(tenant: &Tenant, seller: &SellerId, fee: Option<&PlatformFee>) -> Value {
    json!({
        "object": "seller_policies",
        "livemode": tenant.mode.is_live(),
        "seller": seller,
        "platform_fee": fee.map(fee_value),
    })
}
