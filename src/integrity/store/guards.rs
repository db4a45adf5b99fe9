//! The triggers that guard the books.

use super::{Outline, Question};
use crate::db::{Db, DbError, query};

pub(super) const LAW: Outline = Outline {
    number: None,
    name: "books_are_guarded",
    statement: "the triggers that keep journals and transfers from being changed are in place",
    question: Question::Guards,
};

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

/// The triggers on the books and their seals that are there and switched on.
pub(in crate::integrity) async fn guards(db: &Db) -> Result<Vec<String>, DbError> {
    query(db.pick(
        "select name from sqlite_master where type = 'trigger' and tbl_name in ('journals', 'transfers', 'ledger_blocks', 'sealed_journals')",
        "select cast(tgname as text) as name from pg_trigger where tgrelid in (cast('journals' as regclass), cast('transfers' as regclass), \
         cast('ledger_blocks' as regclass), cast('sealed_journals' as regclass)) \
         and not tgisinternal and tgenabled in ('O', 'A')",
    ))
    .all(db)
    .await?
    .iter()
    .map(|row| row.get("name"))
    .collect()
}
