//! The SQL of the settlement list.

use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, query_as};

use crate::words::Timestamp;

/// One row: money in (a sale) or out (a refund, negative).
#[derive(Clone, Debug, FromRow)]
pub struct Row {
    /// The capture's or refund's id.
    pub id: String,
    pub kind: String,
    pub payment_id: String,
    pub reference: String,
    pub order_ids: String,
    /// The idempotency key of the call that moved the money.
    pub key: String,
    pub refund_reference: Option<String>,
    pub currency: String,
    /// Minor units; negative for refunds.
    pub gross: i64,
    /// Minor units, what the stand-in keeps.
    pub fee: i64,
    pub created_at: i64,
}

impl Row {
    pub fn view(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.kind,
            "payment_id": self.payment_id,
            "reference": self.reference,
            "order_ids": serde_json::from_str::<Value>(&self.order_ids).unwrap_or(Value::Null),
            "key": self.key,
            "refund_reference": self.refund_reference,
            "currency": self.currency,
            "gross": self.gross,
            "fee": self.fee,
            "net": self.gross.saturating_sub(self.fee),
            "occurred_at": Timestamp::from_micros(self.created_at),
        })
    }
}

/// Everything between two instants, oldest first.
pub async fn rows(read: &SqlitePool, from: i64, until: i64) -> Result<Vec<Row>, sqlx::Error> {
    query_as(
        "select c.id as id, 'sale' as kind, c.payment_id, p.reference, p.order_ids, c.key, null as refund_reference,
                p.currency, c.amount as gross, c.fee, c.created_at as created_at
         from captures c join payments p on p.id = c.payment_id
         where c.created_at >= $1 and c.created_at < $2
         union all
         select r.id, 'refund', r.payment_id, p.reference, p.order_ids, r.key, r.reference,
                p.currency, -r.amount, 0, r.created_at
         from refunds r join payments p on p.id = r.payment_id
         where r.created_at >= $1 and r.created_at < $2
         order by created_at, id",
    )
    .bind(from)
    .bind(until)
    .fetch_all(read)
    .await
}
