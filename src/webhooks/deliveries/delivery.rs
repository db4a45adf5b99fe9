//! A delivery, its tries, and how they look to the merchant. Pure.

use serde_json::{Value, json};

use crate::events::Event;
use crate::webhooks::message;
use crate::words::{DeliveryId, EndpointId, EventId, Tenant, Timestamp};

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Another try is due.
    Pending,
    /// The receiver answered 2xx.
    Succeeded,
    /// No try is left, or the receiver wants none.
    Failed,
}

impl Status {
    /// As in the API and the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Succeeded, Self::Failed].into_iter().find(|status| status.as_str() == text)
    }
}

/// The telling of one event to one endpoint.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose event it is.
    pub tenant: Tenant,
    /// To whom.
    pub endpoint: EndpointId,
    /// Of what; also the `webhook-id` of every try.
    pub event: EventId,
    /// The event's type.
    pub kind: String,
    /// What the event happened to.
    pub object_id: String,
    /// The body of every try.
    pub payload: String,
    /// How it stands.
    pub status: Status,
    /// Tries in all.
    pub attempts: i64,
    /// Which round of tries this is: sending it again by hand begins another.
    pub round: i64,
    /// Tries of the present round; a resend begins a new one.
    pub round_attempts: i64,
    /// When the next try is due.
    pub next_attempt_at: Option<Timestamp>,
    /// The HTTP status of the last try that was answered.
    pub last_status: Option<i64>,
    /// What was wrong with the last try.
    pub last_error: Option<String>,
    /// When the event was read from the log.
    pub created_at: Timestamp,
    /// When it succeeded or failed.
    pub finished_at: Option<Timestamp>,
}

impl Delivery {
    /// A new delivery, due now.
    pub fn of(event: &Event, endpoint: &EndpointId, now: Timestamp) -> Self {
        Self {
            id: DeliveryId::new(),
            tenant: event.tenant.clone(),
            endpoint: endpoint.clone(),
            event: event.id.clone(),
            kind: event.kind.clone(),
            object_id: event.object_id.clone(),
            payload: message::bytes(event),
            status: Status::Pending,
            attempts: 0,
            round: 1,
            round_attempts: 0,
            next_attempt_at: Some(now),
            last_status: None,
            last_error: None,
            created_at: now,
            finished_at: None,
        }
    }
}

/// One try, as it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// 1 is the first.
    pub number: i64,
    /// When it began.
    pub at: Timestamp,
    /// The HTTP status, if there was an answer.
    pub status: Option<i64>,
    /// What was wrong; `None` for a success.
    pub error: Option<String>,
    /// How long it took.
    pub millis: i64,
    /// The beginning of the answer's body.
    pub excerpt: String,
}

/// The public shape. Lists show deliveries without their tries.
pub fn view(delivery: &Delivery, attempts: Option<&[Attempt]>) -> Value {
    let mut shown = json!({
        "id": delivery.id,
        "object": "webhook_delivery",
        "livemode": delivery.tenant.mode.is_live(),
        "created_at": delivery.created_at,
        "endpoint": delivery.endpoint,
        "event": delivery.event,
        "event_type": delivery.kind,
        "object_id": delivery.object_id,
        "status": delivery.status.as_str(),
        "attempts_made": delivery.attempts,
        "next_attempt_at": delivery.next_attempt_at,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "finished_at": delivery.finished_at,
        "metadata": {},
    });
    if let (Some(attempts), Some(shown)) = (attempts, shown.as_object_mut()) {
        shown.insert("payload".into(), delivery.payload.clone().into());
        shown.insert("attempts".into(), attempts.iter().map(attempt_view).collect());
    }
    shown
}

fn attempt_view(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "at": attempt.at,
        "status": attempt.status,
        "error": attempt.error,
        "duration_ms": attempt.millis,
        "response_excerpt": attempt.excerpt,
    })
}
