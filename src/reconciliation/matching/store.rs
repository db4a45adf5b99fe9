//! The SQL of matching: lines in batches, and what of ours they may be. Lists of keys travel as one JSON text.

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::super::line::{LineKind, Side};
use super::super::words::ObjectKind;
use super::told::{Here, Ours, Told};
use crate::db::{Db, DbError, On, Row, Tx, query};
use crate::words::{Currency, LineId, Mode, Tenant, Timestamp};

/// Where a batch of lines begins: after this key and id.
#[derive(Debug, Clone, Default)]
pub struct After {
    key: String,
    id: String,
}

impl After {
    /// Behind this line.
    pub fn line(told: &Told) -> Self {
        Self { key: told.psp_payment.clone().unwrap_or_default(), id: told.id.to_string() }
    }
}

/// The next lines of a source that nobody has looked at, those of one payment beside each other.
pub async fn new_lines(
    on: impl Into<On<'_>>,
    source: &str,
    side: Side,
    after: &After,
    limit: i64,
) -> Result<Vec<Told>, DbError> {
    query(
        "select id, side, kind, business_date, currency, gross, fee, net, presented_currency, presented_amount, psp_payment,
             psp_movement, our_key, ours, batch, texts
         from settlement_lines where source = $1 and side = $2 and standing = 'new'
             and (coalesce(psp_payment, ''), id) > ($3, $4)
         order by coalesce(psp_payment, ''), id limit $5",
    )
    .bind(source)
    .bind(side.as_str())
    .bind(&after.key)
    .bind(&after.id)
    .bind(limit)
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// The lines of a source's business day, whatever became of them; for rehearsals.
pub async fn lines_of_day(
    on: impl Into<On<'_>>,
    source: &str,
    day: Date,
    after: &After,
    limit: i64,
) -> Result<Vec<Told>, DbError> {
    query(
        "select id, side, kind, business_date, currency, gross, fee, net, presented_currency, presented_amount, psp_payment,
             psp_movement, our_key, ours, batch, texts
         from settlement_lines where source = $1 and business_date = $2 and (coalesce(psp_payment, ''), id) > ($3, $4)
         order by coalesce(psp_payment, ''), id limit $5",
    )
    .bind(source)
    .bind(day.to_string())
    .bind(&after.key)
    .bind(&after.id)
    .bind(limit)
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// One line.
pub async fn line(on: impl Into<On<'_>>, id: &LineId) -> Result<Option<Told>, DbError> {
    query(
        "select id, side, kind, business_date, currency, gross, fee, net, presented_currency, presented_amount, psp_payment,
             psp_movement, our_key, ours, batch, texts from settlement_lines where id = $1",
    )
    .bind(id)
    .optional(on)
    .await?
    .as_ref()
    .map(read)
    .transpose()
}

/// The row as it stands in the file.
pub async fn raw(on: impl Into<On<'_>>, id: &LineId) -> Result<String, DbError> {
    query("select raw from settlement_lines where id = $1").bind(id).one(on).await?.get("raw")
}

/// Whether a source has ever told a bank's lines.
pub async fn has_bank_lines(on: impl Into<On<'_>>, source: &str) -> Result<bool, DbError> {
    let row = query("select exists (select 1 from settlement_lines where source = $1 and side = 'bank') as found")
        .bind(source)
        .one(on)
        .await?;
    row.get("found")
}

/// Which name of a payment the keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentKey {
    /// The PSP's.
    AtPsp,
    /// Ours.
    Ours,
    /// Of one of its orders.
    Order,
    /// The key of an attempt at the PSP.
    Attempt,
}

/// Charges by a name of their payment; each with the name by which it was found.
pub async fn charges(
    db: &Db,
    by: PaymentKey,
    psp: &str,
    mode: Mode,
    keys: &[&str],
) -> Result<Vec<(String, Ours)>, DbError> {
    let sql = match by {
        PaymentKey::AtPsp => db.pick(
            "select p.psp_payment as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.psp_payment in (select value from json_each($3))",
            "select p.psp_payment as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.psp_payment in (select value from json_array_elements_text(cast(cast($3 as text) as json)))",
        ),
        PaymentKey::Ours => db.pick(
            "select p.id as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2 and p.id in (select value from json_each($3))",
            "select p.id as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payments p where p.psp = $1 and p.livemode = $2
                 and p.id in (select value from json_array_elements_text(cast(cast($3 as text) as json)))",
        ),
        PaymentKey::Order => db.pick(
            "select o.payment_order_id as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payment_orders o join payments p on p.id = o.payment_id where p.psp = $1 and p.livemode = $2
                 and o.payment_order_id in (select value from json_each($3))",
            "select o.payment_order_id as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from payment_orders o join payments p on p.id = o.payment_id where p.psp = $1 and p.livemode = $2
                 and o.payment_order_id in (select value from json_array_elements_text(cast(cast($3 as text) as json)))",
        ),
        PaymentKey::Attempt => db.pick(
            "select a.psp_key as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and p.livemode = $2
                 and a.psp_key in (select value from json_each($3))",
            "select a.psp_key as found_by, p.id, p.merchant_id, p.livemode, p.status, p.currency, p.amount, p.captured
             from attempts a join payments p on p.id = a.payment_id where a.psp = $1 and p.livemode = $2
                 and a.psp_key in (select value from json_array_elements_text(cast(cast($3 as text) as json)))",
        ),
    };
    query(sql)
        .bind(psp)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| Ok((row.get("found_by")?, charge(row)?)))
        .collect()
}

fn charge(row: &Row) -> Result<Ours, DbError> {
    let status: String = row.get("status")?;
    let (amount, captured): (i64, i64) = (row.get("amount")?, row.get("captured")?);
    let here = match status.as_str() {
        "succeeded" => Here::Done,
        "requires_payment" | "processing" | "authorized" => Here::Pending,
        _ => Here::GivenUp,
    };
    let id: String = row.get("id")?;
    Ok(Ours {
        kind: ObjectKind::Charge,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        payment: Some(row.get("id")?),
        id,
        currency: row.get("currency")?,
        amount: if captured > 0 { captured } else { amount },
        here,
        fee_booked: 0,
        told: 0,
        lines: 0,
    })
}

/// Refunds by our key or by the PSP's name; each with both names.
pub async fn refunds(
    db: &Db,
    psp: &str,
    mode: Mode,
    keys: &[&str],
) -> Result<Vec<(String, Option<String>, Ours, Ours)>, DbError> {
    let sql = db.pick(
            "select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2 and psp_key in (select value from json_each($3))
             union select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2 and psp_reference in (select value from json_each($3))",
            "select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2
                 and psp_key in (select value from json_array_elements_text(cast(cast($3 as text) as json)))
             union select id, psp_key, psp_reference, payment_id, merchant_id, livemode, currency, amount, status, succeeded_at
             from refunds where psp = $1 and livemode = $2
                 and psp_reference in (select value from json_array_elements_text(cast(cast($3 as text) as json)))",
    );
    query(sql)
        .bind(psp)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let amount: i64 = row.get("amount")?;
            let status: String = row.get("status")?;
            let succeeded: Option<Timestamp> = row.get("succeeded_at")?;
            let done = match status.as_str() {
                _ if succeeded.is_some() => Here::Done,
                "pending" => Here::Pending,
                _ => Here::GivenUp,
            };
            let refund = Ours {
                kind: ObjectKind::Refund,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: Some(row.get("payment_id")?),
                currency: row.get("currency")?,
                amount: amount.saturating_neg(),
                here: done,
                fee_booked: 0,
                told: 0,
                lines: 0,
            };
            let back = if status == "failed" && succeeded.is_some() { Here::Done } else { Here::Pending };
            let failure = Ours { kind: ObjectKind::RefundFailure, amount, here: back, ..refund.clone() };
            Ok((row.get("psp_key")?, row.get("psp_reference")?, refund, failure))
        })
        .collect()
}

/// Disputes by the PSP's name: the loss of the money, and its coming back.
pub async fn disputes(db: &Db, psp: &str, mode: Mode, keys: &[&str]) -> Result<Vec<(String, Ours, Ours)>, DbError> {
    let sql = db.pick(
        "select id, psp_reference, payment_id, merchant_id, livemode, currency, amount, fee, status from disputes
             where psp = $1 and livemode = $2 and psp_reference in (select value from json_each($3))",
        "select id, psp_reference, payment_id, merchant_id, livemode, currency, amount, fee, status from disputes
             where psp = $1 and livemode = $2
                 and psp_reference in (select value from json_array_elements_text(cast(cast($3 as text) as json)))",
    );
    query(sql)
        .bind(psp)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let amount: i64 = row.get("amount")?;
            let status: String = row.get("status")?;
            let taken = Ours {
                kind: ObjectKind::Dispute,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: Some(row.get("payment_id")?),
                currency: row.get("currency")?,
                amount: amount.saturating_neg(),
                here: Here::Done,
                fee_booked: row.get("fee")?,
                told: 0,
                lines: 0,
            };
            let here = if status == "won" { Here::Done } else { Here::Pending };
            let back = Ours { kind: ObjectKind::DisputeReversal, amount, here, fee_booked: 0, ..taken.clone() };
            Ok((row.get("psp_reference")?, taken, back))
        })
        .collect()
}

/// Payouts to sellers by our id or the provider's name: the going out, and the coming back.
pub async fn payouts(
    db: &Db,
    provider: &str,
    mode: Mode,
    keys: &[&str],
) -> Result<Vec<(String, Option<String>, Ours, Ours)>, DbError> {
    let sql = db.pick(
            "select id, provider_reference, merchant_id, livemode, currency, amount, status from payouts
             where provider = $1 and livemode = $2 and (id in (select value from json_each($3))
                 or provider_reference in (select value from json_each($3)))",
            "select id, provider_reference, merchant_id, livemode, currency, amount, status from payouts
             where provider = $1 and livemode = $2
                 and (id in (select value from json_array_elements_text(cast(cast($3 as text) as json)))
                 or provider_reference in (select value from json_array_elements_text(cast(cast($3 as text) as json))))",
    );
    query(sql)
        .bind(provider)
        .bind(mode)
        .bind(json!(keys).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let amount: i64 = row.get("amount")?;
            let status: String = row.get("status")?;
            let here = match status.as_str() {
                "paid" | "returned" => Here::Done,
                "processing" => Here::Pending,
                _ => Here::GivenUp,
            };
            let out = Ours {
                kind: ObjectKind::Payout,
                id: row.get("id")?,
                tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
                payment: None,
                currency: row.get("currency")?,
                amount: amount.saturating_neg(),
                here,
                fee_booked: 0,
                told: 0,
                lines: 0,
            };
            let here = if status == "returned" { Here::Done } else { Here::Pending };
            let back = Ours { kind: ObjectKind::PayoutReturn, amount, here, ..out.clone() };
            Ok((row.get("id")?, row.get("provider_reference")?, out, back))
        })
        .collect()
}

/// What other lines than `lines` have told of these objects: kind, id, the sum of their gross, and how many.
pub async fn told_before(
    db: &Db,
    objects: &[&str],
    lines: &[&str],
) -> Result<Vec<(ObjectKind, String, i64, i64)>, DbError> {
    let sql = db.pick(
        "select object_kind, object_id, sum(gross) as told, count(*) as n from settlement_lines
             where object_id in (select value from json_each($1)) and result <> 'duplicate'
                 and id not in (select value from json_each($2)) group by object_kind, object_id",
        "select object_kind, object_id, cast(sum(gross) as bigint) as told, count(*) as n from settlement_lines
             where object_id in (select value from json_array_elements_text(cast(cast($1 as text) as json)))
                 and result <> 'duplicate'
                 and not (id in (select value from json_array_elements_text(cast(cast($2 as text) as json))))
             group by object_kind, object_id",
    );
    query(sql)
        .bind(json!(objects).to_string())
        .bind(json!(lines).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| Ok((kind(row)?, row.get("object_id")?, row.get("told")?, row.get("n")?)))
        .collect()
}

fn kind(row: &Row) -> Result<ObjectKind, DbError> {
    let text: String = row.get("object_kind")?;
    ObjectKind::parse(&text).ok_or_else(|| DbError::corrupt("object_kind", &text))
}

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
    let sql = db.pick(
            "select source, batch, currency, sum(net) as total, max(business_date) as last_day,
                 max(case when standing = 'new' then 1 else 0 end) as unread
             from settlement_lines where landed_by is null and side = 'psp' and kind <> 'payout' and batch is not null
                 and source in (select value from json_each($1)) group by source, batch, currency order by last_day, batch",
            "select source, batch, currency, cast(sum(net) as bigint) as total, max(business_date) as last_day,
                 cast(max(case when standing = 'new' then 1 else 0 end) as bigint) as unread
             from settlement_lines where landed_by is null and side = 'psp' and kind <> 'payout' and batch is not null
                 and source in (select value from json_array_elements_text(cast(cast($1 as text) as json)))
             group by source, batch, currency order by last_day, batch",
    );
    query(sql)
        .bind(json!(sources).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let day: String = row.get("last_day")?;
            Ok(Batch {
                source: row.get("source")?,
                name: row.get("batch")?,
                currency: row.get("currency")?,
                sum: row.get("total")?,
                last_day: day.parse().map_err(|_| DbError::corrupt("business_date", &day))?,
                unread: row.get::<i64>("unread")? == 1,
            })
        })
        .collect()
}

/// What the lines of one batch come to, without the payout itself.
pub async fn batch_sum(on: impl Into<On<'_>>, source: &str, batch: &str, currency: Currency) -> Result<i64, DbError> {
    query(
        "select cast(coalesce(sum(net), 0) as bigint) as total from settlement_lines
         where source = $1 and batch = $2 and currency = $3 and kind <> 'payout'",
    )
    .bind(source)
    .bind(batch)
    .bind(currency)
    .one(on)
    .await?
    .get("total")
}

/// The bank line with which a batch of one of these sources has landed, if it has.
pub async fn landed_batches(db: &Db, sources: &[String], names: &[&str]) -> Result<Vec<String>, DbError> {
    let sql = db.pick(
        "select distinct batch from settlement_lines where landed_by is not null
                 and source in (select value from json_each($1)) and batch in (select value from json_each($2))",
        "select distinct batch from settlement_lines where landed_by is not null
                 and source in (select value from json_array_elements_text(cast(cast($1 as text) as json)))
                 and batch in (select value from json_array_elements_text(cast(cast($2 as text) as json)))",
    );
    query(sql)
        .bind(json!(sources).to_string())
        .bind(json!(names).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| row.get("batch"))
        .collect()
}

/// What each tenant has in a batch that lands: minor units, signed.
pub async fn shares(tx: &mut Tx, batch: &Batch) -> Result<Vec<(Tenant, i64)>, DbError> {
    query(
        "select merchant_id, livemode, cast(sum(net) as bigint) as total from settlement_lines
         where source = $1 and batch = $2 and currency = $3 and kind <> 'payout' and landed_by is null
             and merchant_id is not null
         group by merchant_id, livemode order by merchant_id, livemode",
    )
    .bind(&batch.source)
    .bind(&batch.name)
    .bind(batch.currency)
    .all(tx)
    .await?
    .iter()
    .map(|row| Ok((Tenant::new(row.get("merchant_id")?, row.get("livemode")?), row.get("total")?)))
    .collect()
}

/// Marks that the money of a batch has landed with a bank's line.
pub async fn land(tx: &mut Tx, batch: &Batch, by: &LineId) -> Result<u64, DbError> {
    query(
        "update settlement_lines set landed_by = $4
         where source = $1 and batch = $2 and currency = $3 and kind <> 'payout' and landed_by is null",
    )
    .bind(&batch.source)
    .bind(&batch.name)
    .bind(batch.currency)
    .bind(by)
    .execute(tx)
    .await
}

/// What is written of one line after it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The line.
    pub id: LineId,
    /// `matched`, `open` or `closed`.
    pub standing: &'static str,
    /// What came of it.
    pub result: &'static str,
    /// In whose books it stands.
    pub tenant: Tenant,
    /// What of ours it is.
    pub object: Option<(ObjectKind, String)>,
    /// The journal that booked its fee.
    pub fee_journal: Option<String>,
}

/// Writes what came of many lines, in one statement.
pub async fn mark(tx: &mut Tx, marks: &[Mark]) -> Result<(), DbError> {
    if marks.is_empty() {
        return Ok(());
    }
    let list: Vec<Json> = marks
        .iter()
        .map(|it| {
            json!({
                "i": it.id, "s": it.standing, "r": it.result, "m": it.tenant.merchant, "l": it.tenant.mode.is_live(),
                "k": it.object.as_ref().map(|(kind, _)| kind.as_str()), "o": it.object.as_ref().map(|(_, id)| id),
                "f": it.fee_journal,
            })
        })
        .collect();
    let sql = tx.pick(
        "update settlement_lines set standing = j.s, result = j.r, merchant_id = j.m, livemode = j.l, object_kind = j.k,
             object_id = j.o, fee_journal_id = coalesce(j.f, fee_journal_id)
         from (select json_extract(value, '$.i') as i, json_extract(value, '$.s') as s, json_extract(value, '$.r') as r,
             json_extract(value, '$.m') as m, json_extract(value, '$.l') as l, json_extract(value, '$.k') as k,
             json_extract(value, '$.o') as o, json_extract(value, '$.f') as f from json_each($1)) j
         where settlement_lines.id = j.i",
        "update settlement_lines set standing = j.s, result = j.r, merchant_id = j.m, livemode = j.l, object_kind = j.k,
             object_id = j.o, fee_journal_id = coalesce(j.f, fee_journal_id)
         from json_to_recordset(cast(cast($1 as text) as json))
             as j(i text, s text, r text, m text, l boolean, k text, o text, f text)
         where settlement_lines.id = j.i",
    );
    query(sql).bind(Json::from(list).to_string()).execute(tx).await.map(drop)
}

fn read(row: &Row) -> Result<Told, DbError> {
    let bad = |column: &str| DbError::corrupt(column, "not what a line holds");
    let side = match row.get::<String>("side")?.as_str() {
        "psp" => Side::Psp,
        "bank" => Side::Bank,
        _ => return Err(bad("side")),
    };
    let presented = match (row.get("presented_currency")?, row.get("presented_amount")?) {
        (Some(currency), Some(amount)) => Some((currency, amount)),
        _ => None,
    };
    let texts: String = row.get("texts")?;
    Ok(Told {
        id: row.get("id")?,
        side,
        kind: LineKind::read(&row.get::<String>("kind")?),
        business_date: row.get::<String>("business_date")?.parse().map_err(|_| bad("business_date"))?,
        currency: row.get("currency")?,
        gross: row.get("gross")?,
        fee: row.get("fee")?,
        net: row.get("net")?,
        presented,
        psp_payment: row.get("psp_payment")?,
        psp_movement: row.get("psp_movement")?,
        our_key: row.get("our_key")?,
        ours: row.get("ours")?,
        batch: row.get("batch")?,
        texts: if texts == "[]" { Vec::new() } else { serde_json::from_str(&texts).map_err(|_| bad("texts"))? },
    })
}
