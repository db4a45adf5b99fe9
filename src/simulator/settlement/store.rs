//! The SQL of the settlement list and of its payouts. The list is a view (`settlement_told`) of the record and of what the admin
//! planted in it.

use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;
use sqlx::{Executor, FromRow, Sqlite, query, query_as};

use crate::simulator::store::Tx;
use crate::words::Timestamp;

/// One row: money in (a sale, a dispute won) or out (a refund, a dispute, the payout of the day: negative).
#[derive(Clone, Debug, FromRow)]
pub struct Row {
    /// The capture's, refund's, dispute's or payout's id.
    pub id: String,
    pub kind: String,
    pub payment_id: Option<String>,
    pub reference: Option<String>,
    pub order_ids: Option<String>,
    /// The idempotency key of the call that moved the money.
    pub key: Option<String>,
    pub refund_reference: Option<String>,
    pub currency: String,
    /// Minor units; negative for refunds.
    pub gross: i64,
    /// Minor units, what the stand-in keeps.
    pub fee: i64,
    pub at: i64,
}

impl Row {
    pub fn view(&self, batch: &str) -> Value {
        let orders = self.order_ids.as_deref().and_then(|orders| serde_json::from_str::<Value>(orders).ok());
        json!({
            "id": self.id,
            "type": self.kind,
            "payment_id": self.payment_id,
            "reference": self.reference,
            "order_ids": orders,
            "key": self.key,
            "refund_reference": self.refund_reference,
            "batch": batch,
            "currency": self.currency,
            "gross": self.gross,
            "fee": self.fee,
            "net": self.gross.saturating_sub(self.fee),
            "occurred_at": Timestamp::from_micros(self.at),
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
        "select id, kind, payment_id, reference, order_ids, key, refund_reference, currency, gross, fee, at
         from settlement_told
         where listed_at >= $1 and listed_at < $2 and (listed_at, id) > ($3, $4)
         order by listed_at, id limit $5",
    )
    .bind(part.from)
    .bind(part.until)
    .bind(after_time)
    .bind(after_id)
    .bind(part.limit)
    .fetch_all(read)
    .await
}

/// When the row with this id was listed, if it was between two instants.
pub async fn time_of(read: &SqlitePool, id: &str, from: i64, until: i64) -> Result<Option<i64>, sqlx::Error> {
    query_as("select listed_at from settlement_told where id = $1 and listed_at >= $2 and listed_at < $3")
        .bind(id)
        .bind(from)
        .bind(until)
        .fetch_optional(read)
        .await
        .map(|found| found.map(|(time,): (i64,)| time))
}

/// What everything between two instants comes to, per currency: all rows of the list, the payout among them.
pub async fn totals<'e>(
    on: impl Executor<'e, Database = Sqlite>,
    from: i64,
    until: i64,
) -> Result<Vec<Total>, sqlx::Error> {
    query_as(
        "select currency, count(*) as count, sum(gross) as gross, sum(fee) as fee
         from settlement_told where listed_at >= $1 and listed_at < $2 group by currency order by currency",
    )
    .bind(from)
    .bind(until)
    .fetch_all(on)
    .await
}

/// The last instant of a day that is closed.
pub async fn end_of<'e>(on: impl Executor<'e, Database = Sqlite>, date: &str) -> Result<Option<i64>, sqlx::Error> {
    query_as("select ends_at from closings where date = $1")
        .bind(date)
        .fetch_optional(on)
        .await
        .map(|found| found.map(|(end,): (i64,)| end))
}

/// The last day that is closed.
pub async fn last_closed(read: &SqlitePool) -> Result<Option<String>, sqlx::Error> {
    query_as("select date from closings order by date desc limit 1")
        .fetch_optional(read)
        .await
        .map(|found| found.map(|(date,): (String,)| date))
}

/// When the first money moved.
pub async fn first_row(read: &SqlitePool) -> Result<Option<i64>, sqlx::Error> {
    query_as("select min(created_at) from captures").fetch_one(read).await.map(|(first,): (Option<i64>,)| first)
}

pub async fn close(tx: &mut Tx, date: &str, ends_at: i64) -> Result<(), sqlx::Error> {
    query("insert into closings (date, ends_at) values ($1, $2)").bind(date).bind(ends_at).execute(&mut **tx).await?;
    Ok(())
}

/// What is paid out for a day in one currency.
#[derive(Clone, Debug)]
pub struct Payout {
    pub id: String,
    pub batch: String,
    pub date: String,
    pub currency: String,
    /// Minor units; below zero it is taken from the account.
    pub amount: i64,
    pub ends_at: i64,
}

impl Payout {
    pub fn view(&self) -> Value {
        json!({ "id": self.id, "batch": self.batch, "currency": self.currency, "amount": self.amount })
    }
}

pub async fn pay_out(tx: &mut Tx, payout: &Payout) -> Result<(), sqlx::Error> {
    query(
        "insert into settlement_payouts (id, batch, date, currency, amount, ends_at) values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(&payout.id)
    .bind(&payout.batch)
    .bind(&payout.date)
    .bind(&payout.currency)
    .bind(payout.amount)
    .bind(payout.ends_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}
