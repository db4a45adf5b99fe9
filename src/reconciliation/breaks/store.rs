//! The SQL of breaks.

use super::super::words::{Class, ObjectKind, Outcome};
use super::{Break, Note, Status};
use crate::db::{DbError, On, Row, query};
use crate::words::{BreakId, Currency, Page, Slice, Tenant};

/// One break.
///
/// # Errors
/// When the database fails.
pub async fn find(on: impl Into<On<'_>>, id: &BreakId) -> Result<Option<Break>, DbError> {
    query("select * from breaks where id = $1").bind(id).optional(on).await?.as_ref().map(read).transpose()
}

/// What was done and written about a break, the oldest first.
///
/// # Errors
/// When the database fails.
pub async fn notes(on: impl Into<On<'_>>, id: &BreakId) -> Result<Vec<Note>, DbError> {
    query("select * from break_notes where break_id = $1 order by number")
        .bind(id)
        .all(on)
        .await?
        .iter()
        .map(|row| {
            Ok(Note {
                number: row.get("number")?,
                at: row.get("at")?,
                by: row.get("by")?,
                what: row.get("what")?,
                note: row.get("note")?,
            })
        })
        .collect()
}

/// What of a break stands in suspense, in minor units per currency: above zero was credited to it.
///
/// # Errors
/// When the database fails.
pub async fn parked(on: impl Into<On<'_>>, id: &BreakId) -> Result<Vec<(Currency, i64)>, DbError> {
    query("select currency, amount from break_parkings where break_id = $1 and not released order by currency")
        .bind(id)
        .all(on)
        .await?
        .iter()
        .map(|row| Ok((row.get("currency")?, row.get("amount")?)))
        .collect()
}

/// A page of breaks that are not closed, the newest first; of one class, or of all.
///
/// # Errors
/// When the database fails.
pub async fn open_ones(on: impl Into<On<'_>>, class: Option<Class>, page: &Page) -> Result<Slice<Break>, DbError> {
    let sql = if page.is_backwards() {
        "select * from breaks where id > $1 and (class = $2 or $2 is null) and status <> 'resolved' order by id limit $3"
    } else {
        "select * from breaks where id < $1 and (class = $2 or $2 is null) and status <> 'resolved'
         order by id desc limit $3"
    };
    let class = class.map(|class| class.as_str().to_owned());
    let rows = query(sql).bind(page.cursor()).bind(class).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

pub(super) fn read(row: &Row) -> Result<Break, DbError> {
    let bad = |column: &str| DbError::corrupt(column, "not what a break holds");
    let json = |column: &str, text: &str| serde_json::from_str(text).map_err(|_| bad(column));
    let object = match (row.get::<Option<String>>("object_kind")?, row.get("object_id")?) {
        (Some(kind), Some(id)) => Some((ObjectKind::parse(&kind).ok_or_else(|| bad("object_kind"))?, id)),
        _ => None,
    };
    Ok(Break {
        id: row.get("id")?,
        tenant: Tenant::new(row.get("merchant_id")?, row.get("livemode")?),
        source: row.get("source")?,
        run: row.get("run_id")?,
        outcome: Outcome::parse(&row.get::<String>("type")?).ok_or_else(|| bad("type"))?,
        class: Class::parse(&row.get::<String>("class")?).ok_or_else(|| bad("class"))?,
        cause: row.get("cause")?,
        status: Status::parse(&row.get::<String>("status")?).ok_or_else(|| bad("status"))?,
        subject: row.get("subject")?,
        line: row.get("line_id")?,
        object,
        currency: row.get("currency")?,
        expected: row.get("expected")?,
        actual: row.get("actual")?,
        at_risk: row.get("at_risk")?,
        evidence: json("evidence", &row.get::<String>("evidence")?)?,
        proposal: row.get::<Option<String>>("proposal")?.map(|text| json("proposal", &text)).transpose()?,
        proposed_by: row.get("proposed_by")?,
        proposed_at: row.get("proposed_at")?,
        opened_at: row.get("opened_at")?,
        expected_by: row
            .get::<Option<String>>("expected_by")?
            .map(|text| text.parse().map_err(|_| bad("expected_by")))
            .transpose()?,
        closed_at: row.get("closed_at")?,
        closed_by: row.get("closed_by")?,
        resolution: row.get("resolution")?,
        journal: row.get("journal_id")?,
    })
}
