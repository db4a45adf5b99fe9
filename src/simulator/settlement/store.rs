//! The SQL of the settlement list.

use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;
use sqlx::{FromRow, query_as};

use crate::words::Timestamp;

/// One row: money in (a sale, a dispute won) or out (a refund, a dispute: negative).
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

/// What a whole day comes to in one currency.
#[derive(Clone, Debug, FromRow)]
pub struct Total {
    pub currency: String,
    pub count: i64,
    pub gross: i64,
    pub fee: i64,
}

impl Total {
    pub fn view(&self) -> Value {
        json!({
            "currency": self.currency,
            "count": self.count,
            "gross": self.gross,
            "fee": self.fee,
            "net": self.gross.saturating_sub(self.fee),
        })
    }
}

/// A part of a day.
pub struct Part<'a> {
    /// From this instant.
    pub from: i64,
    /// Until before this one.
    pub until: i64,
    /// After this row, by time and id; from the first when absent.
    pub after: Option<(i64, &'a str)>,
    pub limit: i64,
}

/// Rows of a part, oldest first.
pub async fn rows(read: &SqlitePool, part: &Part<'_>) -> Result<Vec<Row>, sqlx::Error> {
    let (after_time, after_id) = part.after.unwrap_or((i64::MIN, ""));
    query_as(
        "select c.id as id, 'sale' as kind, c.payment_id, p.reference, p.order_ids, c.key, null as refund_reference,
                p.currency, c.amount as gross, c.fee, c.created_at as created_at
         from captures c join payments p on p.id = c.payment_id
         where c.created_at >= $1 and c.created_at < $2 and (c.created_at, c.id) > ($3, $4)
         union all
         select r.id, 'refund', r.payment_id, p.reference, p.order_ids, r.key, r.reference,
                p.currency, -r.amount, 0, r.created_at
         from refunds r join payments p on p.id = r.payment_id
         where r.created_at >= $1 and r.created_at < $2 and (r.created_at, r.id) > ($3, $4)
         union all
         select r.id || '_returned', 'refund_failure', r.payment_id, p.reference, p.order_ids, r.key, r.reference,
                p.currency, r.amount, 0, r.failed_at
         from refunds r join payments p on p.id = r.payment_id
         where r.failed_at >= $1 and r.failed_at < $2 and (r.failed_at, r.id || '_returned') > ($3, $4)
         union all
         select d.id, 'dispute', d.payment_id, p.reference, p.order_ids, d.id, null, p.currency, -d.amount, d.fee, d.opened_at
         from disputes d join payments p on p.id = d.payment_id
         where d.opened_at >= $1 and d.opened_at < $2 and (d.opened_at, d.id) > ($3, $4)
         union all
         select d.id || '_won', 'dispute_won', d.payment_id, p.reference, p.order_ids, d.id, null, p.currency, d.amount, 0,
                d.closed_at
         from disputes d join payments p on p.id = d.payment_id
         where d.status = 'won' and d.closed_at >= $1 and d.closed_at < $2 and (d.closed_at, d.id || '_won') > ($3, $4)
         order by created_at, id limit $5",
    )
    .bind(part.from)
    .bind(part.until)
    .bind(after_time)
    .bind(after_id)
    .bind(part.limit)
    .fetch_all(read)
    .await
}

/// When the row with this id happened, if it did between two instants.
pub async fn time_of(read: &SqlitePool, id: &str, from: i64, until: i64) -> Result<Option<i64>, sqlx::Error> {
    query_as(
        "select created_at from captures where id = $1 and created_at >= $2 and created_at < $3
         union all
         select created_at from refunds where id = $1 and created_at >= $2 and created_at < $3
         union all
         select failed_at from refunds where id || '_returned' = $1 and failed_at >= $2 and failed_at < $3
         union all
         select opened_at from disputes where id = $1 and opened_at >= $2 and opened_at < $3
         union all
         select closed_at from disputes
         where id || '_won' = $1 and status = 'won' and closed_at >= $2 and closed_at < $3",
    )
    .bind(id)
    .bind(from)
    .bind(until)
    .fetch_optional(read)
    .await
    .map(|found| found.map(|(time,): (i64,)| time))
}

/// What everything between two instants comes to, per currency.
pub async fn totals(read: &SqlitePool, from: i64, until: i64) -> Result<Vec<Total>, sqlx::Error> {
    query_as(
        "select currency, count(*) as count, sum(gross) as gross, sum(fee) as fee from (
             select p.currency, c.amount as gross, c.fee
             from captures c join payments p on p.id = c.payment_id
             where c.created_at >= $1 and c.created_at < $2
             union all
             select p.currency, -r.amount, 0
             from refunds r join payments p on p.id = r.payment_id
             where r.created_at >= $1 and r.created_at < $2
             union all
             select p.currency, r.amount, 0
             from refunds r join payments p on p.id = r.payment_id
             where r.failed_at >= $1 and r.failed_at < $2
             union all
             select p.currency, -d.amount, d.fee
             from disputes d join payments p on p.id = d.payment_id
             where d.opened_at >= $1 and d.opened_at < $2
             union all
             select p.currency, d.amount, 0
             from disputes d join payments p on p.id = d.payment_id
             where d.status = 'won' and d.closed_at >= $1 and d.closed_at < $2
         ) group by currency order by currency",
    )
    .bind(from)
    .bind(until)
    .fetch_all(read)
    .await
}
