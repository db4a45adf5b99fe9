//! The SQL of balances.
//!
//! Which journals count is said by `in`: from a join SQLite would begin with all transfers of the tenant, and look for each whether it counts.
//! Read in a snapshot, so that a journal which is sealed meanwhile is counted once: as waiting or as sealed, never as both.

use super::{Balance, Between, Span};
use crate::db::{DbError, Query, Row, Snapshot, query};
use crate::words::{Tenant, Timestamp};

/// Now: what stands there as of the last block, and what waits to be sealed.
pub(super) async fn now(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    between: &Between,
    limit: i64,
) -> Result<Vec<Balance>, DbError> {
    // The sealed accounts are cut to the page before the waiting ones are added: a waiting account before the page's end is either
    // among them or was never sealed.
    let rows = bind(
        query(
            "select currency, account, cast(sum(debits) as bigint) as debits, cast(sum(credits) as bigint) as credits from ( \
             select currency, account, debits, credits from ( \
                 select currency, account, debits, credits from account_balances \
                 where merchant_id = $1 and livemode = $2 and (currency, account) > ($3, $4) \
                 and (currency, account) < ($5, $6) order by currency, account limit $7) page \
             union all select t.currency, t.debit_account, t.amount, 0 from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and (t.currency, t.debit_account) > ($3, $4) \
                 and (t.currency, t.debit_account) < ($5, $6) \
             union all select t.currency, t.credit_account, 0, t.amount from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and (t.currency, t.credit_account) > ($3, $4) \
                 and (t.currency, t.credit_account) < ($5, $6) \
             ) sides group by currency, account order by currency, account limit $7",
        ),
        tenant,
        between,
        limit,
    )
    .all(snapshot)
    .await?;
    rows.iter().map(balance).collect()
}

/// At an instant: what stood there as of the last block that was whole by then, and the journals around its end.
pub(super) async fn then(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    between: &Between,
    span: Span,
    limit: i64,
) -> Result<Vec<Balance>, DbError> {
    let rows = bind(
        query(
            "select currency, account, cast(sum(debits) as bigint) as debits, cast(sum(credits) as bigint) as credits from ( \
             select currency, account, coalesce(debits, 0) as debits, coalesce(credits, 0) as credits from ( \
                 select a.currency, a.account, \
                 (select c.debits from balance_checkpoints c where c.merchant_id = a.merchant_id and c.livemode = a.livemode \
                     and c.currency = a.currency and c.account = a.account and c.block <= $8 order by c.block desc limit 1) as debits, \
                 (select c.credits from balance_checkpoints c where c.merchant_id = a.merchant_id and c.livemode = a.livemode \
                     and c.currency = a.currency and c.account = a.account and c.block <= $8 order by c.block desc limit 1) as credits \
                 from account_balances a where a.merchant_id = $1 and a.livemode = $2 and (a.currency, a.account) > ($3, $4) \
                 and (a.currency, a.account) < ($5, $6) and a.first_block <= $8 \
                 order by a.currency, a.account limit $7) page \
             union all select t.currency, t.debit_account, t.amount, 0 from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select s.merchant_id, s.livemode, s.journal_id from sealed_journals s \
                 where s.position > $9 and s.position <= $10) and t.created_at <= $11 \
                 and (t.currency, t.debit_account) > ($3, $4) and (t.currency, t.debit_account) < ($5, $6) \
             union all select t.currency, t.credit_account, 0, t.amount from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select s.merchant_id, s.livemode, s.journal_id from sealed_journals s \
                 where s.position > $9 and s.position <= $10) and t.created_at <= $11 \
                 and (t.currency, t.credit_account) > ($3, $4) and (t.currency, t.credit_account) < ($5, $6) \
             union all select t.currency, t.debit_account, t.amount, 0 from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and t.created_at <= $11 and (t.currency, t.debit_account) > ($3, $4) \
                 and (t.currency, t.debit_account) < ($5, $6) \
             union all select t.currency, t.credit_account, 0, t.amount from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and t.created_at <= $11 and (t.currency, t.credit_account) > ($3, $4) \
                 and (t.currency, t.credit_account) < ($5, $6) \
             ) sides group by currency, account order by currency, account limit $7",
        ),
        tenant,
        between,
        limit,
    )
    .bind(span.block)
    .bind(span.from)
    .bind(span.to)
    .bind(span.at)
    .all(snapshot)
    .await?;
    rows.iter().map(balance).collect()
}

/// Where in the chain the journals posted by this instant end.
///
/// Blocks are made in the order of commits, and journals may be dated a little before those of earlier blocks: by no more than the
/// reach that the chain has written down.
pub(super) async fn span(snapshot: &mut Snapshot, at: Timestamp) -> Result<Span, DbError> {
    let row = query(
        "select coalesce((select number from ledger_blocks where until_at <= $1 order by until_at desc, number desc limit 1), 0) as block, \
         coalesce((select last_position from ledger_blocks where until_at <= $1 order by until_at desc, number desc limit 1), 0) as first, \
         coalesce((select last_position from ledger_blocks where until_at > $1 + \
             coalesce((select reach from ledger_blocks order by number desc limit 1), 0) order by until_at, number limit 1), $2) as last",
    )
    .bind(at)
    .bind(i64::MAX)
    .one(snapshot)
    .await?;
    Ok(Span { block: row.get("block")?, from: row.get("first")?, to: row.get("last")?, at })
}

fn bind(query: Query, tenant: &Tenant, between: &Between, limit: i64) -> Query {
    query
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(&between.after.0)
        .bind(&between.after.1)
        .bind(&between.before.0)
        .bind(&between.before.1)
        .bind(limit)
}

fn balance(row: &Row) -> Result<Balance, DbError> {
    Ok(Balance {
        account: row.get("account")?,
        currency: row.get("currency")?,
        debits: row.get("debits")?,
        credits: row.get("credits")?,
    })
}
