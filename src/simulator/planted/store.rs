//! The SQL of planted mistakes.

use sqlx::{query, query_as};

use super::{Kind, List, Mistake};
use crate::simulator::store::Tx;

pub async fn plant(tx: &mut Tx, mistake: &Mistake, at: i64) -> Result<i64, sqlx::Error> {
    let list = match mistake.list {
        List::Settlement => "settlement",
        List::Statement => "statement",
    };
    let kind = match mistake.kind {
        Kind::Drop => "drop",
        Kind::Alter => "alter",
        Kind::Double => "double",
        Kind::Delay => "delay",
        Kind::Invent => "invent",
    };
    let (seq,): (i64,) = query_as(
        "insert into planted (list, kind, row_id, type, currency, gross, fee, days, payment_id, reference, key, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning seq",
    )
    .bind(list)
    .bind(kind)
    .bind(&mistake.row)
    .bind(&mistake.what)
    .bind(&mistake.currency)
    .bind(mistake.gross)
    .bind(mistake.fee)
    .bind(mistake.days)
    .bind(&mistake.payment_id)
    .bind(&mistake.reference)
    .bind(&mistake.key)
    .bind(at)
    .fetch_one(&mut **tx)
    .await?;
    Ok(seq)
}

pub async fn clear(tx: &mut Tx) -> Result<u64, sqlx::Error> {
    Ok(query("delete from planted").execute(&mut **tx).await?.rows_affected())
}
