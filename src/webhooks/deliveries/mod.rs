//! The telling of one event to one endpoint, and every try at it.

mod delivery;
mod store;

pub use delivery::{Attempt, Delivery, Status, view};
pub use store::{Filter, attempts, by_id, get, give_up, list, of_object, record, reopen};

use serde_json::Value;

use super::WebhookError;
use super::deliver::DELIVER;
use crate::db::Tx;
use crate::queue::{self, NewJob};
use crate::words::{DeliveryId, Tenant, Timestamp};

/// Writes deliveries, due now, and the jobs that carry them out. What was delivered before is delivered again.
pub(super) async fn begin(tx: &mut Tx, deliveries: &[Delivery], now: Timestamp) -> Result<(), WebhookError> {
    let begun = store::insert_all(tx, deliveries).await?;
    let jobs: Vec<NewJob<'_>> = begun.iter().map(|delivery| job(delivery, now)).collect();
    Ok(queue::enqueue_all(tx, &jobs).await?)
}

/// Sends a delivery again, now, with a fresh round of retries; the message keeps its id and its bytes. Dead letters of its
/// earlier rounds are thereby dealt with, by `by` (an operator's e-mail or an API key's id). `None` when the tenant has no
/// such delivery.
pub async fn resend(
    tx: &mut Tx,
    tenant: &Tenant,
    id: &DeliveryId,
    by: &str,
    now: Timestamp,
) -> Result<Option<Delivery>, WebhookError> {
    if !store::reopen_of(&mut *tx, tenant, id, now).await? {
        return Ok(None);
    }
    let Some(delivery) = store::get(&mut *tx, tenant, id).await? else { return Ok(None) };
    queue::enqueue(tx, job(&delivery, now)).await?;
    queue::letters::resolve_all(tx, DELIVER, id.as_str(), by, "The webhook is sent again.", now).await?;
    Ok(Some(delivery))
}

fn job(delivery: &Delivery, run_at: Timestamp) -> NewJob<'_> {
    NewJob { kind: DELIVER, key: delivery.id.as_str(), payload: Value::Null, run_at, tenant: Some(&delivery.tenant) }
}
