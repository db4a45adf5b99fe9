//! Where a merchant wants to be told, and what.

mod endpoint;
mod store;

pub use endpoint::{Changes, Endpoint, NewEndpoint, Status, view};
pub use store::{disable, enabled, get, list, page, signing_keys};

use std::time::Duration;

use crate::app::App;
use crate::db::Tx;
use crate::events::{self, NewEvent};
use crate::words::{EndpointId, Page, Tenant, Timestamp};

use super::deliveries::{self, Delivery};
use super::{SigningKey, WebhookError};

/// After a rotation both secrets sign for this long.
pub const OVERLAP: Duration = Duration::from_hours(24);

/// Endpoints a tenant may have.
const MOST: usize = 20;

/// Makes an endpoint. The key is for showing to the merchant once.
pub async fn create(
    tx: &mut Tx,
    app: &App,
    tenant: &Tenant,
    new: NewEndpoint,
) -> Result<(Endpoint, SigningKey), WebhookError> {
    let new = new.checked(app.outbound.webhook().guard())?;
    if store::list(&mut *tx, tenant).await?.len() >= MOST {
        return Err(WebhookError::invalid("url", format!("would be endpoint number {}: delete one first", MOST + 1)));
    }
    let key = SigningKey::generate();
    let endpoint = Endpoint {
        id: EndpointId::new(),
        tenant: tenant.clone(),
        url: new.url,
        description: new.description,
        events: new.events,
        metadata: new.metadata,
        status: Status::Enabled,
        disabled_reason: None,
        previous_secret_until: None,
        created_at: app.now(),
    };
    store::insert(tx, &endpoint, app.keyring.seal(key.bytes())?).await?;
    Ok((endpoint, key))
}

/// Changes what is named in `changes`; `None` when the tenant has no such endpoint.
pub async fn change(
    tx: &mut Tx,
    app: &App,
    tenant: &Tenant,
    id: &EndpointId,
    changes: Changes,
) -> Result<Option<Endpoint>, WebhookError> {
    let Some(endpoint) = store::get(&mut *tx, tenant, id).await? else { return Ok(None) };
    let endpoint = changes.applied(endpoint, app.outbound.webhook().guard())?;
    store::update(tx, &endpoint).await?;
    Ok(Some(endpoint))
}

/// A new signing key. The present one signs beside it for [`OVERLAP`]; one that was still overlapping ends now.
pub async fn rotate_secret(
    tx: &mut Tx,
    app: &App,
    tenant: &Tenant,
    id: &EndpointId,
) -> Result<Option<(Endpoint, SigningKey)>, WebhookError> {
    let key = SigningKey::generate();
    let until = app.now().plus(OVERLAP);
    if !store::rotate(tx, tenant, id, app.keyring.seal(key.bytes())?, until).await? {
        return Ok(None);
    }
    Ok(store::get(tx, tenant, id).await?.map(|endpoint| (endpoint, key)))
}

/// Deletes an endpoint and its keys. What is still pending for it fails. False when the tenant has no such endpoint.
pub async fn delete(tx: &mut Tx, tenant: &Tenant, id: &EndpointId) -> Result<bool, WebhookError> {
    Ok(store::delete(tx, tenant, id).await?)
}

/// Sends an event made up for the occasion to this endpoint alone, whatever it subscribed to.
pub async fn test(tx: &mut Tx, app: &App, tenant: &Tenant, id: &EndpointId) -> Result<Option<Delivery>, WebhookError> {
    let Some(endpoint) = store::get(&mut *tx, tenant, id).await? else { return Ok(None) };
    if endpoint.status != Status::Enabled {
        return Err(WebhookError::Disabled);
    }
    let event = events::append(
        tx,
        NewEvent { tenant, kind: TEST, object_id: endpoint.id.as_str(), data: view(&endpoint), now: app.now() },
    )
    .await?;
    let Some(event) = events::get(&mut *tx, tenant, &event).await? else { return Ok(None) };
    let delivery = Delivery::of(&event, &endpoint.id, app.now());
    deliveries::begin(tx, std::slice::from_ref(&delivery), app.now()).await?;
    Ok(Some(delivery))
}

/// Events sent by one [`replay`].
const REPLAYED: u32 = 500;

/// What [`replay`] did.
#[derive(Debug, Clone)]
pub struct Replay {
    /// How many events are sent again.
    pub sent: usize,
    /// Just after the oldest of them, if there are older ones in the range: replay again until then.
    pub until: Option<Timestamp>,
}

/// Sends the newest 500 of the tenant's events that `filter` names and this endpoint wants, whether it heard
/// them before or not: for a receiver that was broken, or is new. `None` when the tenant has no such endpoint.
pub async fn replay(
    tx: &mut Tx,
    app: &App,
    tenant: &Tenant,
    id: &EndpointId,
    filter: &events::Filter,
) -> Result<Option<Replay>, WebhookError> {
    let Some(endpoint) = store::get(&mut *tx, tenant, id).await? else { return Ok(None) };
    if endpoint.status != Status::Enabled {
        return Err(WebhookError::Disabled);
    }
    let found = events::list(&mut *tx, tenant, filter, &Page::newest(REPLAYED)).await?;
    let now = app.now();
    let wanted = found.items.iter().filter(|event| event.kind != TEST && endpoint.wants(&event.kind));
    let again: Vec<Delivery> = wanted.map(|event| Delivery::of(event, &endpoint.id, now)).collect();
    deliveries::begin(tx, &again, now).await?;
    // Facts of one transaction share their instant: the next call begins with the oldest one, not behind it.
    let oldest = found.items.last().filter(|_| found.has_more);
    let until = oldest.map(|event| event.created_at.plus(Duration::from_micros(1)));
    Ok(Some(Replay { sent: again.len(), until }))
}

/// The event type of [`test()`], which the fan-out leaves alone.
pub const TEST: &str = "webhook_endpoint.test";
