//! The SQL of disputes.

use sqlx::{Executor, Sqlite, query, query_as};

use super::record::Dispute;
use crate::simulator::store::Tx;

type Result<T> = std::result::Result<T, sqlx::Error>;

pub async fn insert(tx: &mut Tx, dispute: &Dispute) -> Result<()> {
    query(
        "insert into disputes (id, payment_id, amount, fee, reason, status, due_at, respond_by, opened_at, created_at,
             updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
    )
    .bind(&dispute.id)
    .bind(&dispute.payment_id)
    .bind(dispute.amount)
    .bind(dispute.fee)
    .bind(&dispute.reason)
    .bind(&dispute.status)
    .bind(dispute.due_at)
    .bind(dispute.respond_by)
    .bind(dispute.opened_at)
    .bind(dispute.created_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn update(tx: &mut Tx, dispute: &Dispute) -> Result<()> {
    query(
        "update disputes set amount = $2, fee = $3, status = $4, evidence = $5, evidence_key = $6, fate = $7, due_at = $8,
             respond_by = $9, opened_at = $10, closed_at = $11, updated_at = $12
         where id = $1",
    )
    .bind(&dispute.id)
    .bind(dispute.amount)
    .bind(dispute.fee)
    .bind(&dispute.status)
    .bind(&dispute.evidence)
    .bind(&dispute.evidence_key)
    .bind(&dispute.fate)
    .bind(dispute.due_at)
    .bind(dispute.respond_by)
    .bind(dispute.opened_at)
    .bind(dispute.closed_at)
    .bind(dispute.updated_at)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Forgets a scheduled dispute that has nothing left to contest.
pub async fn drop_scheduled(tx: &mut Tx, id: &str) -> Result<()> {
    query("delete from disputes where id = $1 and status = 'scheduled'").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// A dispute that was opened; a scheduled one is nobody's business yet.
pub async fn opened<'e>(on: impl Executor<'e, Database = Sqlite>, id: &str) -> Result<Option<Dispute>> {
    query_as("select * from disputes where id = $1 and opened_at is not null").bind(id).fetch_optional(on).await
}

pub async fn by_id<'e>(on: impl Executor<'e, Database = Sqlite>, id: &str) -> Result<Option<Dispute>> {
    query_as("select * from disputes where id = $1").bind(id).fetch_optional(on).await
}

/// A payment's disputes, oldest first.
pub async fn of_payment<'e>(on: impl Executor<'e, Database = Sqlite>, payment_id: &str) -> Result<Vec<Dispute>> {
    query_as("select * from disputes where payment_id = $1 and opened_at is not null order by seq limit 100")
        .bind(payment_id)
        .fetch_all(on)
        .await
}

/// Those opened at or after an instant, oldest first.
pub async fn opened_since<'e>(on: impl Executor<'e, Database = Sqlite>, since: i64) -> Result<Vec<Dispute>> {
    query_as("select * from disputes where opened_at >= $1 order by opened_at, seq limit 1000")
        .bind(since)
        .fetch_all(on)
        .await
}

/// Those whose time has come: by the machine's clock to be opened or decided, by the record's clock unanswered.
pub async fn due<'e>(on: impl Executor<'e, Database = Sqlite>, machine: i64, record: i64) -> Result<Vec<Dispute>> {
    query_as(
        "select * from disputes where due_at <= $1 or (status = 'needs_response' and respond_by <= $2)
         order by seq limit 50",
    )
    .bind(machine)
    .bind(record)
    .fetch_all(on)
    .await
}
