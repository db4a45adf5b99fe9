//! The SQL of the record as the admin reads it.

use serde_json::{Value, json};
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Column, Row, TypeInfo, ValueRef, query};

type Rows = Result<Vec<Value>, sqlx::Error>;

pub async fn payments(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, register_key, reference, order_ids, amount, currency, capture, status, captured_amount,
                refunded_amount, created_at, updated_at
         from payments where seq > $1 order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn attempts(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, payment_id, key, status, decline_code, card, brand, last4, created_at, updated_at
         from attempts where seq > $1 order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn captures(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, payment_id, key, amount, fee, created_at from captures where seq > $1 order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn refunds(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, payment_id, key, amount, reference, charge, created_at, failed_at, failure_code from refunds where seq > $1 order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn payouts(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, key, reference, destination, amount, currency, status, failure_code, times_paid, times_returned,
                created_at, updated_at
         from payouts where seq > $1 order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn disputes(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, payment_id, amount, fee, reason, status, evidence, evidence_key, respond_by, opened_at, closed_at
         from disputes where seq > $1 and opened_at is not null order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn events(read: &SqlitePool, after: i64) -> Rows {
    query(
        "select seq, id, type, payment_id, payout_id, copies_left, delivered, tries, last_result, created_at
         from events where seq > $1 order by seq limit 1000",
    )
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

pub async fn calls(read: &SqlitePool, key: Option<&str>, after: &str) -> Rows {
    query(
        "select key, operation, payment_id, status, calls, executions, created_at
         from idempotency_keys where ($1 is null or key = $1) and key > $2 order by key limit 1000",
    )
    .bind(key)
    .bind(after)
    .fetch_all(read)
    .await
    .map(|rows| shown(&rows))
}

/// Rows of integers and texts as JSON objects.
fn shown(rows: &[SqliteRow]) -> Vec<Value> {
    rows.iter()
        .map(|row| row.columns().iter().map(|column| (column.name().to_owned(), value(row, column.name()))).collect())
        .collect()
}

fn value(row: &SqliteRow, column: &str) -> Value {
    let Ok(raw) = row.try_get_raw(column) else {
        return Value::Null;
    };
    match raw.type_info().name() {
        "INTEGER" => row.try_get::<i64, _>(column).map_or(Value::Null, |number| json!(number)),
        "TEXT" => row.try_get::<String, _>(column).map_or(Value::Null, Value::String),
        _ => Value::Null,
    }
}
