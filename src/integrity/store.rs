//! The SQL of the invariants. Each question is one statement, so it sees one state of the database even while payments go on.
//!
//! `$1` to `$4` are the scope: merchants from `$1` to `$2`, modes from `$3` to `$4`.

mod balances;
mod books;
mod captures;
mod chain;
mod disputes;
mod guards;
mod held;
mod orders;
mod payouts;
mod pending;
mod provider;
mod refunds;
mod suspense;
mod told;
mod wallets;

pub(super) use chain::{LAW as CHAIN, UNASKED};
pub(super) use guards::{guards, wanted_guards};
pub(super) use provider::has_told;

use super::check::{Finding, Scope};
use crate::db::{Db, DbError, On, Query, query};
use crate::words::Timestamp;

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
    /// What the sealer has kept of what it saw.
    Sealer,
    /// The same, of what somebody else has to tell first; `untold` is said while nobody has. `open` is a list of its own that is kept
    /// by others and short: it is read whenever somebody asks, and says when each was found (`opened_at`).
    AskIfTold { counted: &'static str, broken: &'static str, open: &'static str, untold: &'static str },
}

/// The invariants in the order of their numbers, then what only guards them.
pub(super) const CHECKS: &[Outline] = &[
    books::LAW,
    wallets::LAW,
    orders::LAW,
    refunds::LAW,
    captures::LAW,
    told::LAW,
    provider::LAW,
    pending::LAW,
    payouts::LAW,
    held::LAW,
    balances::LAW,
    disputes::LAW,
    suspense::LAW,
    guards::LAW,
    chain::LAW,
];

/// What an invariant's two statements say: how many rows they looked at, how many are wrong, and the first few of those.
pub(super) async fn ask(
    db: &Db,
    scope: Scope<'_>,
    counted: &'static str,
    broken: &'static str,
) -> Result<(i64, i64, Vec<Finding>), DbError> {
    match db {
        // Reading here must not wait for the one writer, nor make it wait.
        Db::Sqlite { .. } => {
            let checked = count(db, scope, counted).await?;
            let (wrong, findings) = find(db, scope, broken).await?;
            Ok((checked, wrong, findings))
        }
        Db::Postgres(_) => {
            let mut tx = db.begin().await?;
            // Whoever plans these joins for few rows (no statistics yet, or a plan kept for every tenant) loops through the
            // whole table for each row: seconds for a thousand payments, and hours for a million.
            query(tx.pick(
                "select 1 as done",
                "select set_config('enable_nestloop', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)",
            ))
            .all(&mut tx)
            .await?;
            let checked = count(&mut tx, scope, counted).await?;
            let (wrong, findings) = find(&mut tx, scope, broken).await?;
            tx.rollback().await?;
            Ok((checked, wrong, findings))
        }
    }
}

/// How many are on a list that others keep, and the first few with the time they were found.
pub(super) async fn open(
    db: &Db,
    scope: Scope<'_>,
    open: &'static str,
) -> Result<(i64, Vec<(Finding, Timestamp)>), DbError> {
    let rows = within(query(open), scope).bind(NAMED).all(db).await?;
    let found = rows.first().map_or(Ok(0), |row| row.get("found"))?;
    let named = rows
        .iter()
        .map(|row| Ok((Finding { subject: row.get("subject")?, detail: row.get("detail")? }, row.get("opened_at")?)));
    Ok((found, named.collect::<Result<_, DbError>>()?))
}

async fn count(on: impl Into<On<'_>>, scope: Scope<'_>, sql: &'static str) -> Result<i64, DbError> {
    within(query(sql), scope).one(on).await?.get("n")
}

async fn find(on: impl Into<On<'_>>, scope: Scope<'_>, sql: &'static str) -> Result<(i64, Vec<Finding>), DbError> {
    let rows = within(query(sql), scope).bind(NAMED).all(on).await?;
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
