//! The SQL of the invariants. Each question is one statement, so it sees one state of the database even while payments go on.
//!
//! `$1` to `$4` are the scope: merchants from `$1` to `$2`, modes from `$3` to `$4`.

use super::check::{Finding, Scope};
use crate::db::{Db, DbError, Query, query};

/// How many broken rows are named.
const NAMED: i64 = 5;

/// One invariant and how it is asked.
pub(super) struct Outline {
    pub number: Option<u8>,
    pub name: &'static str,
    pub statement: &'static str,
    pub question: Question,
}

pub(super) enum Question {
    /// Two statements: how many rows are looked at, and which are wrong (`subject`, `detail`, and `found`: how many in all).
    Ask { counted: &'static str, broken: &'static str },
    /// The triggers that guard the books.
    Guards,
    /// Nobody looks yet, for this reason.
    NotHere(&'static str),
}

macro_rules! scope {
    ($alias:literal) => {
        concat!($alias, ".merchant_id between $1 and $2 and ", $alias, ".livemode between $3 and $4")
    };
}

macro_rules! counted {
    ($table:literal) => {
        concat!("select count(*) as n from ", $table, " x where ", scope!("x"))
    };
    ($table:literal where $condition:literal) => {
        concat!("select count(*) as n from ", $table, " x where ", scope!("x"), " and ", $condition)
    };
}

macro_rules! broken {
    ($($rows:expr),+) => {
        concat!("select subject, detail, count(*) over () as found from (", $($rows),+, ") b order by subject, detail limit $5")
    };
}

/// The invariants in the order of their numbers.
pub(super) const CHECKS: &[Outline] = &[
    Outline {
        number: Some(1),
        name: "debits_equal_credits",
        statement: "debits equal credits, in every journal, per currency and in total",
        question: Question::Ask { counted: counted!("journals"), broken: BOOKS },
    },
    Outline {
        number: Some(2),
        name: "wallets_equal_ledger",
        statement: "a wallet equals the sum of its accounts' transfers",
        question: Question::Ask { counted: counted!("wallets"), broken: WALLETS },
    },
    Outline {
        number: Some(7),
        name: "provider_agrees",
        statement: "what the provider says it captured is what was posted",
        question: Question::NotHere("the provider's own record is not compared in this version"),
    },
    Outline {
        number: None,
        name: "books_are_guarded",
        statement: "the triggers that keep journals and transfers from being changed are in place",
        question: Question::Guards,
    },
];

/// A transfer cannot be out of balance, so what can be wrong is that a journal is not what was posted: a transfer changed, taken
/// away, added, orphaned, or one that no program of ours would write.
const BOOKS: &str = broken!(
    "select j.id as subject, 'its transfers are not the ones that were posted' as detail from journals j left join ( \
         select t.merchant_id, t.livemode, t.journal_id, count(*) as n, sum(t.amount) as total, \
             sum(case when t.debit_account = t.credit_account or t.amount <= 0 then 1 else 0 end) as senseless, \
             min(t.created_at) as first, max(t.created_at) as last, min(t.line) as lowest, max(t.line) as highest \
         from transfers t where ",
    scope!("t"),
    " group by t.merchant_id, t.livemode, t.journal_id \
     ) s on s.merchant_id = j.merchant_id and s.livemode = j.livemode and s.journal_id = j.id where ",
    scope!("j"),
    " \
         and (s.n is null or s.n <> j.transfer_count or s.total <> j.control_total or s.senseless > 0 \
             or s.lowest <> 0 or s.highest <> s.n - 1 or s.first <> j.created_at or s.last <> j.created_at) \
     union all \
     select t.journal_id, 'transfers without a journal' from transfers t left join journals j \
         on j.merchant_id = t.merchant_id and j.livemode = t.livemode and j.id = t.journal_id \
         where ",
    scope!("t"),
    " and j.id is null group by t.journal_id \
     union all \
     select t.journal_id, 'a transfer names an account that does not exist' from transfers t where ",
    scope!("t"),
    " and not ( \
         (t.debit_account in ('bank', 'fees:platform', 'fees:psp', 'disputes', 'suspense', 'rounding') or t.debit_account like 'psp:_%' \
             or t.debit_account like 'seller:_%:pending' or t.debit_account like 'seller:_%:available' \
             or t.debit_account like 'seller:_%:paying_out' or t.debit_account like 'seller:_%:reserved') \
         and (t.credit_account in ('bank', 'fees:platform', 'fees:psp', 'disputes', 'suspense', 'rounding') or t.credit_account like 'psp:_%' \
             or t.credit_account like 'seller:_%:pending' or t.credit_account like 'seller:_%:available' \
             or t.credit_account like 'seller:_%:paying_out' or t.credit_account like 'seller:_%:reserved')) \
         group by t.journal_id \
     union all \
     select min(j.id), 'the same fact is posted more than once' from journals j where ",
    scope!("j"),
    " \
         group by j.merchant_id, j.livemode, j.kind, j.source_id having count(*) > 1"
);

/// Every seller account from both sides: its transfers added, its wallet subtracted. What does not cancel out is wrong.
const WALLETS: &str = broken!(
    "select account as subject, 'the wallet and the ledger differ in ' || currency as detail from ( \
         select t.merchant_id, t.livemode, t.currency, t.credit_account as account, t.amount as amount \
             from transfers t where ",
    scope!("t"),
    " and t.credit_account like 'seller:%' \
         union all select t.merchant_id, t.livemode, t.currency, t.debit_account, -t.amount \
             from transfers t where ",
    scope!("t"),
    " and t.debit_account like 'seller:%' \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':pending', -w.pending \
             from wallets w where ",
    scope!("w"),
    " \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':available', -w.available \
             from wallets w where ",
    scope!("w"),
    " \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':paying_out', -w.paying_out \
             from wallets w where ",
    scope!("w"),
    " \
         union all select w.merchant_id, w.livemode, w.currency, 'seller:' || w.seller_id || ':reserved', -w.reserved \
             from wallets w where ",
    scope!("w"),
    " \
     ) sides group by merchant_id, livemode, currency, account having sum(amount) <> 0"
);

/// The triggers of the migration that made the ledger.
pub(super) fn wanted_guards(db: &Db) -> &'static [&'static str] {
    match db {
        Db::Sqlite { .. } => &[
            "journals_refuse_update",
            "journals_refuse_delete",
            "journals_refuse_replace",
            "transfers_refuse_update",
            "transfers_refuse_delete",
            "transfers_refuse_replace",
        ],
        Db::Postgres(_) => &[
            "journals_refuse_change",
            "journals_refuse_truncate",
            "transfers_refuse_change",
            "transfers_refuse_truncate",
        ],
    }
}

/// The triggers on journals and transfers that are there and switched on.
pub(super) async fn guards(db: &Db) -> Result<Vec<String>, DbError> {
    query(db.pick(
        "select name from sqlite_master where type = 'trigger' and tbl_name in ('journals', 'transfers')",
        "select cast(tgname as text) as name from pg_trigger where tgrelid in (cast('journals' as regclass), cast('transfers' as regclass)) \
         and not tgisinternal and tgenabled in ('O', 'A')",
    ))
    .all(db)
    .await?
    .iter()
    .map(|row| row.get("name"))
    .collect()
}

pub(super) async fn count(db: &Db, scope: Scope<'_>, sql: &'static str) -> Result<i64, DbError> {
    within(query(sql), scope).one(db).await?.get("n")
}

pub(super) async fn broken(db: &Db, scope: Scope<'_>, sql: &'static str) -> Result<(i64, Vec<Finding>), DbError> {
    let rows = within(query(sql), scope).bind(NAMED).all(db).await?;
    let found = rows.first().map_or(Ok(0), |row| row.get("found"))?;
    let findings = rows
        .iter()
        .map(|row| Ok(Finding { subject: row.get("subject")?, detail: row.get("detail")? }))
        .collect::<Result<_, DbError>>()?;
    Ok((found, findings))
}

fn within(query: Query, scope: Scope<'_>) -> Query {
    match scope {
        // Sorts after every id, in whatever collation.
        Scope::Everything => query.bind("").bind("zzzz").bind(false).bind(true),
        Scope::Tenant(tenant) => {
            query.bind(&tenant.merchant).bind(&tenant.merchant).bind(tenant.mode).bind(tenant.mode)
        }
    }
}
