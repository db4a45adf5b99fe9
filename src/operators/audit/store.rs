//! The SQL of the audit log.

use super::{Entry, NewEntry};
use crate::db::{DbError, On, Tx, query};
use crate::words::AuditId;

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

/// Entries before the one with id `before`, newest first.
pub async fn entries(on: impl Into<On<'_>>, before: Option<&str>, limit: i64) -> Result<Vec<Entry>, DbError> {
    let rows = query(
        "select a.id, a.at, o.email, a.action, a.object_id, a.note, a.address
         from audit_entries a left join operators o on o.id = a.operator_id
         where $1 = '' or a.id < $1 order by a.id desc limit $2",
    )
    .bind(before.unwrap_or_default())
    .bind(limit)
    .all(on)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Entry {
                id: row.get("id")?,
                at: row.get("at")?,
                who: row.get("email")?,
                action: row.get("action")?,
                object: row.get("object_id")?,
                note: row.get("note")?,
                address: row.get("address")?,
            })
        })
        .collect()
}
