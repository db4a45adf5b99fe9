//! The SQL of the audit log.

use super::{Entry, NewEntry};
use crate::db::{DbError, On, Row, Tx, query};
use crate::words::{AuditId, Page, Slice};

/// Adds an entry, in the transaction of what it tells about.
pub async fn record(tx: &mut Tx, entry: &NewEntry) -> Result<(), DbError> {
    query(
        "insert into audit_entries (id, at, operator_id, action, object_id, note, address)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(AuditId::new())
    .bind(entry.at)
    .bind(&entry.operator)
    .bind(entry.action)
    .bind(&entry.object)
    .bind(&entry.note)
    .bind(&entry.address)
    .execute(tx)
    .await
    .map(drop)
}

/// One page of the log, newest first.
pub async fn entries(on: impl Into<On<'_>>, page: &Page) -> Result<Slice<Entry>, DbError> {
    let sql = if page.is_backwards() {
        "select a.id, a.at, o.email, a.action, a.object_id, a.note, a.address
         from audit_entries a left join operators o on o.id = a.operator_id
         where a.id > $1 order by a.id limit $2"
    } else {
        "select a.id, a.at, o.email, a.action, a.object_id, a.note, a.address
         from audit_entries a left join operators o on o.id = a.operator_id
         where a.id < $1 order by a.id desc limit $2"
    };
    let rows = query(sql).bind(page.cursor()).bind(page.fetch()).all(on).await?;
    Ok(page.cut(rows.iter().map(read).collect::<Result<_, _>>()?))
}

fn read(row: &Row) -> Result<Entry, DbError> {
    Ok(Entry {
        id: row.get("id")?,
        at: row.get("at")?,
        who: row.get("email")?,
        action: row.get("action")?,
        object: row.get("object_id")?,
        note: row.get("note")?,
        address: row.get("address")?,
    })
}
