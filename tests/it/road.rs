//! The whole road of one payment over HTTP, as a merchant and a browser walk it.

use serde_json::json;

use crate::support::{World, both_databases};

both_databases!(a_key_opens_its_merchant);

async fn a_key_opens_its_merchant(world: World) {
    let gateway = world.gateway().await;
    let merchant = gateway.get("/v1/merchant").await.ok();
    assert_eq!(merchant["id"], json!(gateway.tenant.merchant.as_str()));
    gateway.stop().await;
}
