//! Lines, in batches, and what came of them.

use std::collections::HashMap;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::super::super::line::{LineKind, Side};
use super::super::super::words::ObjectKind;
use super::super::told::{Before, Told};
use crate::db::{Db, DbError, On, Row, Tx, query};
use crate::words::{LineId, Tenant};

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
             psp_movement, our_key, ours, batch, texts, reversal
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
             psp_movement, our_key, ours, batch, texts, reversal
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

/// These lines, in the order in which they were written down.
pub async fn lines(on: impl Into<On<'_>>, ids: &[LineId]) -> Result<Vec<Told>, DbError> {
    query(
        "select id, side, kind, business_date, currency, gross, fee, net, presented_currency, presented_amount, psp_payment,
             psp_movement, our_key, ours, batch, texts, reversal from settlement_lines
         where id in (select value from json_each($1)) order by id",
    )
    .bind(json!(ids).to_string())
    .all(on)
    .await?
    .iter()
    .map(read)
    .collect()
}

/// What of a line's fee was booked with it, in minor units: all of it where what the books knew is in another currency.
pub async fn fee_booked(on: impl Into<On<'_>>, id: &LineId) -> Result<i64, DbError> {
    let sql = "select case when fee_journal_id is null then 0 when result = 'currency_differs' then fee else fee - fee_known end
             as booked from settlement_lines where id = $1";
    query(sql).bind(id).one(on).await?.get("booked")
}

/// The lines of a source that are written down under these identities.
pub async fn ids_of(db: &Db, source: &str, identities: &[&str]) -> Result<HashMap<String, LineId>, DbError> {
    query(
        "select identity, id from settlement_lines where source = $1 and identity in (select value from json_each($2))",
    )
    .bind(source)
    .bind(json!(identities).to_string())
    .all(db)
    .await?
    .iter()
    .map(|row| Ok((row.get("identity")?, row.get("id")?)))
    .collect()
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

/// What other lines than `lines` have told of these objects. What was not accepted as theirs has told nothing of them.
pub async fn told_before(db: &Db, objects: &[&str], lines: &[&str]) -> Result<Vec<Before>, DbError> {
    let sql = "select object_kind, object_id, currency, presented_currency,
                 cast(sum(case when stands_for <> 0 or result = 'amount_differs' then gross else 0 end) as bigint) as told,
                 cast(sum(case when stands_for <> 0 or result = 'amount_differs' then presented_amount else 0 end) as bigint) as presented,
                 cast(sum(stands_for) as bigint) as taken, cast(sum(fee_known) as bigint) as fee_known
             from (select id, object_kind, object_id, currency, presented_currency, gross, presented_amount, stands_for, fee_known, result
                     from settlement_lines where object_id in (select value from json_each($1))
                 union all select l.id, m.object_kind, m.object_id, l.currency, null, m.amount, null, m.amount, 0, l.result
                     from settlement_line_members m join settlement_lines l on l.id = m.line_id
                     where m.object_id in (select value from json_each($1))) told
             where not (id in (select value from json_each($2)))
             group by object_kind, object_id, currency, presented_currency";
    query(sql)
        .bind(json!(objects).to_string())
        .bind(json!(lines).to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            Ok(Before {
                kind: kind(row)?,
                id: row.get("object_id")?,
                currency: row.get("currency")?,
                gross: row.get("told")?,
                presented: row.get::<Option<_>>("presented_currency")?.zip(row.get("presented")?),
                stands_for: row.get("taken")?,
                fee_known: row.get("fee_known")?,
            })
        })
        .collect()
}

/// Which of these objects two people have taken out of the books because nobody had told them.
pub async fn written_off(db: &Db, objects: &[&str]) -> Result<Vec<(ObjectKind, String)>, DbError> {
    let sql = "select distinct object_kind, object_id from breaks
             where object_id in (select value from json_each($1)) and type = 'missing_at_psp' and journal_id is not null";
    let rows = query(sql).bind(json!(objects).to_string()).all(db).await?;
    rows.iter().map(|row| Ok((kind(row)?, row.get("object_id")?))).collect()
}

fn kind(row: &Row) -> Result<ObjectKind, DbError> {
    let text: String = row.get("object_kind")?;
    ObjectKind::parse(&text).ok_or_else(|| DbError::corrupt("object_kind", &text))
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
    /// How much of that it stands for.
    pub stands_for: i64,
    /// How much of a fee that was in the books it stands for.
    pub fee_known: i64,
    /// What else of ours it is, when it is several things: each with how much of it the line stands for.
    pub members: Vec<(ObjectKind, String, i64)>,
    /// The journal that booked its fee.
    pub fee_journal: Option<String>,
}

/// Writes what came of many lines that stand as they `stood`, in one statement; says whether all of them did. If not, somebody
/// was faster, and the transaction must not be committed.
pub async fn mark(tx: &mut Tx, stood: &str, marks: &[Mark]) -> Result<bool, DbError> {
    if marks.is_empty() {
        return Ok(true);
    }
    let list: Vec<Json> = marks
        .iter()
        .map(|it| {
            json!({
                "i": it.id, "s": it.standing, "r": it.result, "m": it.tenant.merchant, "l": it.tenant.mode.is_live(),
                "k": it.object.as_ref().map(|(kind, _)| kind.as_str()), "o": it.object.as_ref().map(|(_, id)| id),
                "e": it.stands_for, "n": it.fee_known, "f": it.fee_journal,
            })
        })
        .collect();
    let sql = tx.pick(
        "update settlement_lines set standing = j.s, result = j.r, merchant_id = j.m, livemode = j.l, object_kind = j.k,
             object_id = j.o, stands_for = j.e, fee_known = j.n, fee_journal_id = coalesce(j.f, fee_journal_id)
         from (select json_extract(value, '$.i') as i, json_extract(value, '$.s') as s, json_extract(value, '$.r') as r,
             json_extract(value, '$.m') as m, json_extract(value, '$.l') as l, json_extract(value, '$.k') as k,
             json_extract(value, '$.o') as o, json_extract(value, '$.e') as e, json_extract(value, '$.n') as n,
             json_extract(value, '$.f') as f from json_each($1)) j
         where settlement_lines.id = j.i and settlement_lines.standing = $2",
        "update settlement_lines set standing = j.s, result = j.r, merchant_id = j.m, livemode = j.l, object_kind = j.k,
             object_id = j.o, stands_for = j.e, fee_known = j.n, fee_journal_id = coalesce(j.f, fee_journal_id)
         from json_to_recordset(cast(cast($1 as text) as json))
             as j(i text, s text, r text, m text, l boolean, k text, o text, e bigint, n bigint, f text)
         where settlement_lines.id = j.i and settlement_lines.standing = $2",
    );
    let written = query(sql).bind(Json::from(list).to_string()).bind(stood).execute(&mut *tx).await?;
    for it in marks {
        for (kind, id, amount) in &it.members {
            query(
                "insert into settlement_line_members (line_id, object_kind, object_id, amount) values ($1, $2, $3, $4)",
            )
            .bind(&it.id)
            .bind(kind.as_str())
            .bind(id)
            .bind(*amount)
            .execute(&mut *tx)
            .await?;
        }
    }
    Ok(usize::try_from(written) == Ok(marks.len()))
}

fn read(row: &Row) -> Result<Told, DbError> {
    let bad = |column: &str| DbError::corrupt(column, "not what a line holds");
    let side = Side::parse(&row.get::<String>("side")?).ok_or_else(|| bad("side"))?;
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
        reversal: row.get("reversal")?,
    })
}
