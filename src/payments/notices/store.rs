//! The SQL of notices.

use super::Notice;
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{PaymentId, PspEventId, Timestamp};

/// Keeps a notice; says whether it is the first of its event.
pub async fn insert(tx: &mut Tx, notice: &Notice) -> Result<bool, DbError> {
    let inserted = query(
        "insert into psp_events (id, psp, event_id, kind, psp_payment, payment_id, raw_body, received_at, payout_id)
         values ($1, $2, $3, $4, $5, (select id from payments where psp = $2 and psp_payment = $5), $6, $7, $8)
         on conflict (psp, event_id) do nothing",
    )
    .bind(&notice.id)
    .bind(&notice.psp)
    .bind(&notice.event_id)
    .bind(&notice.kind)
    .bind(&notice.psp_payment)
    .bind(notice.raw_body.as_slice())
    .bind(notice.received_at)
    .bind(&notice.payout)
    .execute(tx)
    .await?;
    Ok(inserted == 1)
}

/// Writes that a notice was dealt with.
pub async fn processed(tx: &mut Tx, id: &PspEventId, at: Timestamp, result: &str) -> Result<(), DbError> {
    query("update psp_events set processed_at = $2, result = $3 where id = $1")
        .bind(id)
        .bind(at)
        .bind(result)
        .execute(tx)
        .await?;
    Ok(())
}

/// The notice.
pub async fn get(on: impl Into<On<'_>>, id: &PspEventId) -> Result<Option<Notice>, DbError> {
    query("select * from psp_events where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// The notices about a payment, first to last.
pub async fn of_payment(on: impl Into<On<'_>>, payment: &PaymentId) -> Result<Vec<Notice>, DbError> {
    query("select * from psp_events where payment_id = $1 order by id")
        .bind(payment)
        .all(on)
        .await?
        .iter()
        .map(read)
        .collect()
}

fn read(row: &Row) -> Result<Notice, DbError> {
    Ok(Notice {
        id: row.get("id")?,
        psp: row.get("psp")?,
        event_id: row.get("event_id")?,
        kind: row.get("kind")?,
        psp_payment: row.get("psp_payment")?,
        payment: row.get("payment_id")?,
        payout: row.get("payout_id")?,
        raw_body: row.get("raw_body")?,
        received_at: row.get("received_at")?,
        processed_at: row.get("processed_at")?,
        result: row.get("result")?,
    })
}
