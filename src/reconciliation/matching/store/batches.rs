//! A PSP's batches, and the bank's lines with which they land.

use jiff::civil::Date;
use serde_json::json;

use crate::db::{Db, DbError, On, Row, Tx, query};
use crate::words::{Currency, LineId, Tenant};

/// A PSP's batch as its lines make it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The source whose lines they are.
    pub source: String,
    /// The PSP's name of it.
    pub name: String,
    /// Of the sum.
    pub currency: Currency,
    /// Minor units: the sum of the lines' net, without the payout itself.
    pub sum: i64,
    /// The last business day in it.
    pub last_day: Date,
    /// Whether nobody has looked at some of its lines.
    pub unread: bool,
}

/// Batches of a PSP's sources whose money has not landed.
pub async fn batches_to_land(db: &Db, sources: &[String]) -> Result<Vec<Batch>, DbError> {
    let sql = "select source, batch, currency, cast(sum(net) as bigint) as total, max(business_date) as last_day,
                 cast(max(case when standing = 'new' then 1 else 0 end) as bigint) as unread
             from settlement_lines where landed_by is null and side = 'psp' and kind <> 'payout' and batch is not null
                 and source in (select value from json_each($1))
             group by source, batch, currency order by last_day, batch";
    query(sql).bind(json!(sources).to_string()).all(db).await?.iter().map(read).collect()
}

/// What the lines of one batch come to without its payouts, and what the payouts come to.
pub async fn batch_sums(
    on: impl Into<On<'_>>,
    source: &str,
    batch: &str,
    currency: Currency,
) -> Result<(i64, i64), DbError> {
    let row = query(
        "select cast(coalesce(sum(case when kind = 'payout' then 0 else net end), 0) as bigint) as total,
             cast(coalesce(sum(case when kind = 'payout' then net else 0 end), 0) as bigint) as paid
         from settlement_lines where source = $1 and batch = $2 and currency = $3",
    )
    .bind(source)
    .bind(batch)
    .bind(currency)
    .one(on)
    .await?;
    Ok((row.get("total")?, row.get("paid")?))
}

/// What has landed of batches with these names, with the bank's line that brought it.
pub async fn landed_batches(db: &Db, sources: &[String], names: &[&str]) -> Result<Vec<(Batch, LineId)>, DbError> {
    let sql =
        "select source, batch, currency, landed_by, cast(sum(net) as bigint) as total, max(business_date) as last_day,
                 cast(0 as bigint) as unread
             from settlement_lines where landed_by is not null
                 and source in (select value from json_each($1))
                 and batch in (select value from json_each($2))
             group by source, batch, currency, landed_by order by source, batch, currency, landed_by";
    query(sql)
        .bind(json!(sources).to_string())
        .bind(json!(names).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| Ok((read(row)?, row.get("landed_by")?)))
        .collect()
}

/// What has landed with these lines of a bank.
pub async fn landed_with(db: &Db, sources: &[String], lines: &[&LineId]) -> Result<Vec<Batch>, DbError> {
    let sql = "select source, batch, currency, cast(sum(net) as bigint) as total, max(business_date) as last_day,
                 cast(0 as bigint) as unread
             from (select distinct value from json_each($2)) bank cross join settlement_lines l where l.landed_by = bank.value
                 and l.source in (select value from json_each($1))
             group by source, batch, currency order by last_day, batch";
    let found = query(sql).bind(json!(sources).to_string()).bind(json!(lines).to_string());
    found.all(db).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Batch, DbError> {
    let day: String = row.get("last_day")?;
    Ok(Batch {
        source: row.get("source")?,
        name: row.get("batch")?,
        currency: row.get("currency")?,
        sum: row.get("total")?,
        last_day: day.parse().map_err(|_| DbError::corrupt("business_date", &day))?,
        unread: row.get::<i64>("unread")? == 1,
    })
}

/// What each tenant has in a batch that has landed with a bank's line: minor units, signed.
pub async fn shares(tx: &mut Tx, batch: &Batch, by: &LineId) -> Result<Vec<(Tenant, i64)>, DbError> {
    query(
        "select merchant_id, livemode, cast(sum(net) as bigint) as total from settlement_lines
         where source = $1 and batch = $2 and currency = $3 and landed_by = $4
         group by merchant_id, livemode order by merchant_id, livemode",
    )
    .bind(&batch.source)
    .bind(&batch.name)
    .bind(batch.currency)
    .bind(by)
    .all(tx)
    .await?
    .iter()
    .map(|row| Ok((Tenant::new(row.get("merchant_id")?, row.get("livemode")?), row.get("total")?)))
    .collect()
}

/// Marks that the money of a batch has landed with a bank's line: the lines of it that were looked at and have not landed yet.
pub async fn land(tx: &mut Tx, batch: &Batch, by: &LineId) -> Result<(), DbError> {
    query(
        "update settlement_lines set landed_by = $4
         where source = $1 and batch = $2 and currency = $3 and kind <> 'payout' and landed_by is null
             and standing <> 'new'",
    )
    .bind(&batch.source)
    .bind(&batch.name)
    .bind(batch.currency)
    .bind(by)
    .execute(tx)
    .await
    .map(drop)
}

/// Marks that a bank's line, of which nobody knew what it was, has brought a batch.
pub async fn placed(tx: &mut Tx, line: &LineId, result: &str, batch: &str) -> Result<(), DbError> {
    query("update settlement_lines set result = $2, object_kind = 'batch', object_id = $3 where id = $1")
        .bind(line)
        .bind(result)
        .bind(batch)
        .execute(tx)
        .await
        .map(drop)
}

/// Whether a bank's line has brought a batch, whole or with something left over.
pub async fn has_landed(on: impl Into<On<'_>>, line: &LineId) -> Result<bool, DbError> {
    let sql = "select exists (select 1 from settlement_lines where id = $1 and side = 'bank' and object_kind = 'batch'
             and result in ('matched', 'amount_differs')) as found";
    query(sql).bind(line).one(on).await?.get("found")
}

/// Marks that what had landed of a batch with the line `by` was taken back with the line `with`, step by step: what was taken from
/// the one stands at the other until [`float`].
pub async fn take_back(tx: &mut Tx, batch: &Batch, by: &LineId, with: &LineId) -> Result<(), DbError> {
    query("update settlement_lines set landed_by = $5 where source = $1 and batch = $2 and currency = $3 and landed_by = $4")
        .bind(&batch.source)
        .bind(&batch.name)
        .bind(batch.currency)
        .bind(by)
        .bind(with)
        .execute(tx)
        .await
        .map(drop)
}

/// Marks that the lines of a batch that stand at a bank's line have not landed any more.
pub async fn float(tx: &mut Tx, batch: &Batch, with: &LineId) -> Result<(), DbError> {
    query("update settlement_lines set landed_by = null where source = $1 and batch = $2 and currency = $3 and landed_by = $4")
        .bind(&batch.source)
        .bind(&batch.name)
        .bind(batch.currency)
        .bind(with)
        .execute(tx)
        .await
        .map(drop)
}
