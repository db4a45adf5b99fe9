//! The SQL of balances.
//!
//! Which journals count is said by `in`: from a join SQLite would begin with all transfers of the tenant, and look for each whether it counts.
//! Read in a snapshot, so that a journal which is sealed meanwhile is counted once: as waiting or as sealed, never as both.

use super::super::sums::{WIDTHS, start};
use super::{Balance, Between};
use crate::db::{DbError, Query, Row, Snapshot, query};
use crate::words::Tenant;

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
            "select currency, account, cast(sum(debits_high) as bigint) as debits_high, cast(sum(debits_low) as bigint) as debits_low, \
             cast(sum(credits_high) as bigint) as credits_high, cast(sum(credits_low) as bigint) as credits_low from ( \
             select currency, account, debits_high, debits_low, credits_high, credits_low from ( \
                 select currency, account, debits_high, debits_low, credits_high, credits_low from account_balances \
                 where merchant_id = $1 and livemode = $2 and (currency, account) > ($3, $4) \
                 and (currency, account) < ($5, $6) order by currency, account limit $7) page \
             union all select t.currency, t.debit_account, t.amount >> 40, t.amount & 1099511627775, 0, 0 from transfers t where t.merchant_id = $1 and t.livemode = $2 \
                 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and (t.currency, t.debit_account) > ($3, $4) \
                 and (t.currency, t.debit_account) < ($5, $6) \
             union all select t.currency, t.credit_account, 0, 0, t.amount >> 40, t.amount & 1099511627775 from transfers t where t.merchant_id = $1 and t.livemode = $2 \
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

/// Before an instant: what moved within the stretches of time that were over by then, the widest first, and the transfers of what is left.
pub(super) async fn before(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    between: &Between,
    end: i64,
    limit: i64,
) -> Result<Vec<Balance>, DbError> {
    let query = bind(
        query(
            "select currency, account, cast(sum(debits_high) as bigint) as debits_high, cast(sum(debits_low) as bigint) as debits_low, \
             cast(sum(credits_high) as bigint) as credits_high, cast(sum(credits_low) as bigint) as credits_low from ( \
             select b.currency, b.account, b.debits_high, b.debits_low, b.credits_high, b.credits_low from ( \
                 select a.currency, a.account from account_balances a \
                 where a.merchant_id = $1 and a.livemode = $2 and (a.currency, a.account) > ($3, $4) \
                 and (a.currency, a.account) < ($5, $6) and a.first_at < $8 order by a.currency, a.account limit $7) page \
                 cross join (select 44 as width, cast($12 as bigint) as since, cast($9 as bigint) as until \
                     union all select 36, cast($9 as bigint), cast($10 as bigint) \
                     union all select 28, cast($10 as bigint), cast($11 as bigint)) stretch \
                 cross join balance_buckets b where b.merchant_id = $1 and b.livemode = $2 and b.currency = page.currency \
                 and b.account = page.account and b.width = stretch.width and b.start_at >= stretch.since and b.start_at < stretch.until \
             union all select t.currency, t.debit_account, t.amount >> 40, t.amount & 1099511627775, 0, 0 from transfers t \
                 where t.merchant_id = $1 and t.livemode = $2 and (t.merchant_id, t.livemode, t.journal_id) in (select s.merchant_id, s.livemode, s.journal_id from sealed_times s \
                 where s.merchant_id = $1 and s.livemode = $2 and s.posted_at >= $11 and s.posted_at < $8) and t.created_at >= $11 and t.created_at < $8 \
                 and (t.currency, t.debit_account) > ($3, $4) and (t.currency, t.debit_account) < ($5, $6) \
             union all select t.currency, t.credit_account, 0, 0, t.amount >> 40, t.amount & 1099511627775 from transfers t \
                 where t.merchant_id = $1 and t.livemode = $2 and (t.merchant_id, t.livemode, t.journal_id) in (select s.merchant_id, s.livemode, s.journal_id from sealed_times s \
                 where s.merchant_id = $1 and s.livemode = $2 and s.posted_at >= $11 and s.posted_at < $8) and t.created_at >= $11 and t.created_at < $8 \
                 and (t.currency, t.credit_account) > ($3, $4) and (t.currency, t.credit_account) < ($5, $6) \
             union all select t.currency, t.debit_account, t.amount >> 40, t.amount & 1099511627775, 0, 0 from transfers t \
                 where t.merchant_id = $1 and t.livemode = $2 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and t.created_at < $8 \
                 and (t.currency, t.debit_account) > ($3, $4) and (t.currency, t.debit_account) < ($5, $6) \
             union all select t.currency, t.credit_account, 0, 0, t.amount >> 40, t.amount & 1099511627775 from transfers t \
                 where t.merchant_id = $1 and t.livemode = $2 and (t.merchant_id, t.livemode, t.journal_id) in (select u.merchant_id, u.livemode, u.journal_id from unsealed_journals u) and t.created_at < $8 \
                 and (t.currency, t.credit_account) > ($3, $4) and (t.currency, t.credit_account) < ($5, $6) \
             ) sides group by currency, account order by currency, account limit $7",
        ),
        tenant,
        between,
        limit,
    )
    .bind(end);
    let query = WIDTHS.iter().fold(query, |query, width| query.bind(start(end, *width)));
    query.bind(i64::MIN).all(snapshot).await?.iter().map(balance).collect()
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
        debits: row.wide("debits")?,
        credits: row.wide("credits")?,
    })
}
