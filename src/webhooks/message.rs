//! The bytes of a message: `{"type", "timestamp", "data"}` as the standard lays down. Pure.

use serde::Serialize;
use serde_json::{Value, json};

use crate::events::Event;

/// The standard advises to stay under 20 kB.
const MAX_BYTES: usize = 20_000;

#[derive(Serialize)]
struct Message<'a> {
    r#type: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    sequence: i64,
    object: &'a Value,
}

/// What is stored, signed and sent for an event. `data.sequence` lets a receiver drop older snapshots of an object.
///
/// A snapshot that is too large is replaced by the object's id and `"truncated": true`: the receiver then asks the API.
pub fn bytes(event: &Event) -> String {
    let whole = written(event, &event.object);
    if whole.len() <= MAX_BYTES {
        return whole;
    }
    let thin = json!({
        "id": event.object_id,
        "object": event.object.get("object").and_then(Value::as_str).filter(|name| name.len() <= 60),
        "truncated": true,
    });
    written(event, &thin)
}

fn written(event: &Event, object: &Value) -> String {
    let message = Message {
        r#type: &event.kind,
        timestamp: event.created_at.to_string(),
        data: Data { sequence: event.sequence, object },
    };
    #[expect(clippy::expect_used, reason = "text and JSON values always serialize")]
    serde_json::to_string(&message).expect("a message is plain JSON")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{EventId, MerchantId, Mode, Tenant, Timestamp};

    fn event(object: Value) -> Event {
        Event {
            id: EventId::new(),
            tenant: Tenant::new(MerchantId::new(), Mode::Test),
            kind: "payment.succeeded".into(),
            object_id: "pay_1".into(),
            sequence: 3,
            object,
            created_at: Timestamp::from_unix_seconds(1_760_000_000),
        }
    }

    #[test]
    fn a_message_is_laid_out_as_the_standard_says() {
        assert_eq!(
            bytes(&event(json!({"id": "pay_1", "name": "토스 티셔츠"}))),
            r#"{"type":"payment.succeeded","timestamp":"2025-10-09T08:53:20Z","data":{"sequence":3,"object":{"id":"pay_1","name":"토스 티셔츠"}}}"#
        );
    }

    #[test]
    fn a_large_snapshot_becomes_a_pointer() {
        let sent = bytes(&event(json!({"id": "pay_1", "object": "payment", "note": "ü".repeat(10_000)})));
        let read: Value = serde_json::from_str(&sent).unwrap();
        assert_eq!(read["data"]["object"], json!({"id": "pay_1", "object": "payment", "truncated": true}));
        assert_eq!(read["data"]["sequence"], 3);
    }
}
