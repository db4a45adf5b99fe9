//! The triggers that guard the books.

use super::{Outline, Question};
use crate::db::{Db, DbError, query};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "books_are_guarded",
    statement: "the triggers that keep journals, transfers and their seals from being changed are in place and unaltered",
    question: Question::Guards,
};

/// What made the triggers: their bodies must stand there, word for word.
const SQLITE: &[&str] = &[
    include_str!("../../../migrations/sqlite/0005_ledger.sql"),
    include_str!("../../../migrations/sqlite/0021_seals.sql"),
];
const POSTGRES: &[&str] = &[include_str!("../../../migrations/postgres/0005_ledger.sql")];

/// The triggers of the migrations that made the ledger and its seals.
pub(in crate::integrity) fn wanted_guards(db: &Db) -> &'static [&'static str] {
    match db {
        Db::Sqlite { .. } => &[
            "journals_refuse_update",
            "journals_refuse_delete",
            "journals_refuse_replace",
            "transfers_refuse_update",
            "transfers_refuse_delete",
            "transfers_refuse_replace",
            "ledger_blocks_refuse_update",
            "ledger_blocks_refuse_delete",
            "sealed_journals_refuse_update",
            "sealed_journals_refuse_delete",
        ],
        Db::Postgres(_) => &[
            "journals_refuse_change",
            "journals_refuse_truncate",
            "transfers_refuse_change",
            "transfers_refuse_truncate",
            "ledger_blocks_refuse_change",
            "ledger_blocks_refuse_truncate",
            "sealed_journals_refuse_change",
            "sealed_journals_refuse_truncate",
        ],
    }
}

/// The triggers on the books and their seals that are there, switched on, and do what the migrations made them for.
pub(in crate::integrity) async fn guards(db: &Db) -> Result<Vec<String>, DbError> {
    // PostgreSQL: before each row's update or delete, or before a truncate; on no condition and of all columns.
    let rows = query(db.pick(
        "select name, 'create trigger ' || substr(sql, 16) as body from sqlite_master where type = 'trigger' \
         and tbl_name in ('journals', 'transfers', 'ledger_blocks', 'sealed_journals')",
        "select cast(t.tgname as text) as name, '$$' || p.prosrc || '$$' as body from pg_trigger t join pg_proc p on p.oid = t.tgfoid \
         where t.tgrelid in (cast('journals' as regclass), cast('transfers' as regclass), cast('ledger_blocks' as regclass), \
         cast('sealed_journals' as regclass)) and not t.tgisinternal and t.tgenabled = 'A' and t.tgqual is null \
         and cast(t.tgattr as text) = '' and t.tgtype = case when t.tgname like '%truncate' then 34 else 27 end",
    ))
    .all(db)
    .await?;
    let migrations = match db {
        Db::Sqlite { .. } => SQLITE,
        Db::Postgres(_) => POSTGRES,
    };
    let mut sound = Vec::new();
    for row in rows {
        let body: String = row.get("body")?;
        if migrations.iter().any(|migration| migration.contains(&format!("{body};"))) {
            sound.push(row.get("name")?);
        }
    }
    Ok(sound)
}
