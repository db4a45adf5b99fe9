//! An event before and after it is written, and how it looks to a merchant.

use serde_json::{Value, json};

use crate::words::{EventId, Tenant, Timestamp};

/// A fact to be told.
#[derive(Debug, Clone)]
pub struct NewEvent<'a> {
    /// Whose fact it is.
    pub tenant: &'a Tenant,
    /// What happened; one of [`super::KINDS`].
    pub kind: &'static str,
    /// What it happened to.
    pub object_id: &'a str,
    /// The object as it is after the fact, in the shape the API shows.
    pub data: Value,
    /// When it happened.
    pub now: Timestamp,
}

/// A fact that was told.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id, which is also the id of the webhook message.
    pub id: EventId,
    /// Whose fact it is.
    pub tenant: Tenant,
    /// What happened.
    pub kind: String,
    /// What it happened to.
    pub object_id: String,
    /// The how-manieth event of that object this is, from 1.
    pub sequence: i64,
    /// The object as it was after the fact.
    pub object: Value,
    /// When it happened.
    pub created_at: Timestamp,
}

/// The public shape.
pub fn view(event: &Event) -> Value {
    json!({
        "id": event.id,
        "object": "event",
        "type": event.kind,
        "livemode": event.tenant.mode.is_live(),
        "created_at": event.created_at,
        "object_id": event.object_id,
        "sequence": event.sequence,
        "data": { "object": event.object },
        "metadata": {},
    })
}
