//! From the log of events to deliveries: one for each endpoint that wants the event.

use std::collections::BTreeMap;

use super::WebhookError;
use super::deliveries::{self, Delivery};
use super::endpoints::{self, Endpoint, TEST};
use crate::app::App;
use crate::events;
use crate::words::Tenant;

/// This reader's name in the log of events.
pub const CONSUMER: &str = "webhooks";

/// Events read at once.
const BATCH: i64 = 100;

/// Reads the next events and begins their deliveries, in one transaction with the reader's new position. Says how many
/// events it read: fewer than asked means that the log has been read to its end.
pub async fn fan_out(app: &App) -> Result<usize, WebhookError> {
    if events::behind(&app.db, CONSUMER).await? == 0 {
        return Ok(0);
    }
    let mut tx = app.db.begin().await?;
    let read = events::take(&mut tx, CONSUMER, BATCH).await?;
    let mut listeners: BTreeMap<Tenant, Vec<Endpoint>> = BTreeMap::new();
    let mut begun = Vec::new();
    for event in &read {
        if event.kind == TEST {
            continue;
        }
        if !listeners.contains_key(&event.tenant) {
            listeners.insert(event.tenant.clone(), endpoints::enabled(&mut tx, &event.tenant).await?);
        }
        let listeners = listeners.get(&event.tenant).into_iter().flatten();
        let wanting = listeners.filter(|endpoint| endpoint.wants(&event.kind));
        begun.extend(wanting.map(|endpoint| Delivery::of(event, &endpoint.id, app.now())));
    }
    deliveries::begin(&mut tx, &begun, app.now()).await?;
    tx.commit().await?;
    Ok(read.len())
}
