//! The shop gets its account: a merchant and a key as an operator makes them, the rest through the API as a merchant does.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::kept::{Endpoint, Kept, Merchant, Operator};
use super::shop::{GatewayApi, SELLERS};
use crate::app::App;
use crate::merchants;
use crate::merchants::keys::{self, Kind, NewKey};
use crate::operators;
use crate::words::{MerchantId, Mode, Tenant, random_base62};

const NAME: &str = "Moon & Tangerine";

/// What the operator of a gateway does for a new merchant. Done once, found again later.
///
/// # Errors
/// The database fails.
pub async fn admit(app: &App, kept: &mut Kept) -> anyhow::Result<()> {
    if let Some((email, password)) = operators::ensure_first(&app.db, app.now()).await? {
        kept.operator = Some(Operator { email, password: password.expose().clone() });
    }
    if !is_known(app, kept.merchant.as_ref()).await? {
        let now = app.now();
        let mut tx = app.db.begin().await?;
        let merchant = merchants::create(&mut tx, NAME, now).await?;
        let tenant = Tenant::new(merchant.id.clone(), Mode::Test);
        let wanted =
            NewKey { kind: Kind::Secret, scopes: Vec::new(), name: Some("demo shop".to_owned()), expires_at: None };
        let issued = keys::issue(&mut tx, &tenant, wanted, now).await?;
        tx.commit().await?;
        kept.merchant = Some(Merchant {
            id: merchant.id.to_string(),
            secret_key: issued.token.expose().to_owned(),
            sellers: Vec::new(),
            endpoint: None,
        });
    }
    kept.write()
}

/// The database may be younger than the keys, when somebody deleted it.
async fn is_known(app: &App, merchant: Option<&Merchant>) -> anyhow::Result<bool> {
    let Some(id) = merchant.and_then(|it| MerchantId::parse(&it.id).ok()) else { return Ok(false) };
    Ok(merchants::get(&app.db, &id).await?.is_some())
}

/// What a merchant does with its key: names its sellers and says where it wants to hear of payments.
///
/// # Errors
/// The gateway refuses; its own words are in the message.
pub async fn furnish(api: &GatewayApi, merchant: &mut Merchant, webhook_url: &str) -> anyhow::Result<Endpoint> {
    for name in SELLERS.iter().skip(merchant.sellers.len()) {
        let seller = api.create("/v1/sellers", &random_base62(20), &json!({ "name": name })).await?;
        merchant.sellers.push(text(&seller, "id")?);
    }
    if let Some(endpoint) = merchant.endpoint.as_ref().filter(|it| it.url == webhook_url) {
        return Ok(endpoint.clone());
    }
    if let Some(moved) = merchant.endpoint.take() {
        api.delete(&format!("/v1/webhook_endpoints/{}", moved.id)).await?;
    }
    let wanted = json!({ "url": webhook_url, "events": ["*"], "description": "the demo shop" });
    let made = api.create("/v1/webhook_endpoints", &random_base62(20), &wanted).await?;
    let endpoint = Endpoint { id: text(&made, "id")?, url: webhook_url.to_owned(), secret: text(&made, "secret")? };
    merchant.endpoint = Some(endpoint.clone());
    Ok(endpoint)
}

fn text(object: &Value, field: &str) -> anyhow::Result<String> {
    object[field].as_str().map(str::to_owned).with_context(|| format!("the gateway's answer has no {field}"))
}
