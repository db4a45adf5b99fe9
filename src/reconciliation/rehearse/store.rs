//! The SQL of rehearsals: what stands of lines and movements.

use std::collections::HashMap;

use jiff::civil::Date;
use serde_json::json;

use super::super::words::{Class, Outcome};
use super::changes::Stands;
use crate::db::{Db, DbError, Row, query};
use crate::words::{BreakId, Currency, FileId, LineId, Timestamp};

/// Breaks in one go.
const BATCH: i64 = 500;

/// The files that have told the days from `from` to `to`, in the order in which they came.
pub(super) async fn files(db: &Db, source: &str, from: Date, to: Date) -> Result<Vec<FileId>, DbError> {
    query(
        "select distinct file_id from settlement_lines where source = $1 and business_date between $2 and $3
         order by file_id",
    )
    .bind(source)
    .bind(from.to_string())
    .bind(to.to_string())
    .all(db)
    .await?
    .iter()
    .map(|row| row.get("file_id"))
    .collect()
}

/// The days from `from` to `to` of which lines were taken in.
pub(super) async fn days_told(db: &Db, source: &str, from: Date, to: Date) -> Result<Vec<Date>, DbError> {
    query("select distinct business_date from settlement_lines where source = $1 and business_date between $2 and $3")
        .bind(source)
        .bind(from.to_string())
        .bind(to.to_string())
        .all(db)
        .await?
        .iter()
        .map(|row| {
            let day: String = row.get("business_date")?;
            day.parse().map_err(|_| DbError::corrupt("business_date", &day))
        })
        .collect()
}

/// How many lines of these days a file has told first.
pub(super) async fn count(db: &Db, file: &FileId, source: &str, from: Date, to: Date) -> Result<u64, DbError> {
    let sql = "select count(*) as n from settlement_lines where file_id = $1 and source = $2 and business_date between $3 and $4 and standing <> 'new'";
    let found = query(sql).bind(file).bind(source).bind(from.to_string()).bind(to.to_string());
    Ok(u64::try_from(found.one(db).await?.get::<i64>("n")?).unwrap_or(0))
}

/// A line that was taken in.
pub(super) struct Known {
    /// Under which id.
    pub line: LineId,
    /// The file that told it first.
    pub file: FileId,
    /// What came of it.
    pub stands: Stands,
}

/// How lines stand, by their identity; those that nobody has looked at do not.
pub(super) async fn standing(db: &Db, source: &str, identities: &[&str]) -> Result<HashMap<String, Known>, DbError> {
    query(
        "select l.identity, l.id as line_id, l.file_id, l.standing, l.result, l.net as amount, b.cause, b.class
         from settlement_lines l left join breaks b on b.line_id = l.id and b.type = l.result
         where l.source = $1 and l.standing <> 'new' and l.identity in (select value from json_each($2))",
    )
    .bind(source)
    .bind(json!(identities).to_string())
    .all(db)
    .await?
    .iter()
    .map(|row| {
        let stands = read(row, row.get::<String>("standing")? == "closed")?;
        Ok((row.get("identity")?, Known { line: row.get("line_id")?, file: row.get("file_id")?, stands }))
    })
    .collect()
}

/// An open break without a line.
pub(super) struct Waiting {
    /// Its id.
    pub id: BreakId,
    /// Of its amount.
    pub currency: Currency,
    /// When it was found.
    pub opened_at: Timestamp,
    /// How it stands.
    pub stands: Stands,
}

/// Open breaks of movements that should have been told between two days, the next ones after `after`.
pub(super) async fn without_line(
    db: &Db,
    source: &str,
    (from, to): (Date, Date),
    after: &str,
) -> Result<Vec<Waiting>, DbError> {
    query(
        "select id, type as result, expected as amount, currency, opened_at, cause, class from breaks
         where source = $1 and id > $2 and line_id is null and status <> 'resolved' and expected_by between $3 and $4
         order by id limit $5",
    )
    .bind(source)
    .bind(after)
    .bind(from.to_string())
    .bind(to.to_string())
    .bind(BATCH)
    .all(db)
    .await?
    .iter()
    .map(|row| {
        let (id, currency, opened_at) = (row.get("id")?, row.get("currency")?, row.get("opened_at")?);
        Ok(Waiting { id, currency, opened_at, stands: read(row, false)? })
    })
    .collect()
}

fn read(row: &Row, closed: bool) -> Result<Stands, DbError> {
    let bad = |column: &str| DbError::corrupt(column, "not what a line or a break holds");
    let (cause, class): (Option<String>, Option<String>) = (row.get("cause")?, row.get("class")?);
    let class = class.map(|text| Class::parse(&text).ok_or_else(|| bad("class"))).transpose()?;
    Ok(Stands {
        outcome: Outcome::parse(&row.get::<String>("result")?).ok_or_else(|| bad("result"))?,
        amount: row.get::<Option<i64>>("amount")?.unwrap_or(0).unsigned_abs(),
        closed,
        cause: cause.zip(class),
    })
}
