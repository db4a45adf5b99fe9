//! The SQL of sellers' statements.

use super::{Entry, Period, Pockets};
use crate::db::{DbError, Row, Snapshot, query};
use crate::ledger::Account;
use crate::words::{JournalId, Tenant, Timestamp};

/// Until when at least `movements` of one of the seller's accounts are read, from `from` on; `None` when each has fewer.
///
/// A page asks no further than that, or each page of a long statement would read everything up to its end.
pub(super) async fn reach(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    period: &Period,
    from: Timestamp,
    movements: i64,
) -> Result<Option<Timestamp>, DbError> {
    let row = query(
        "select min(x.created_at) as reached from ( \
             select (select t.created_at from transfers t \
                 where t.debit_account = a.value and t.debit_account >= 'seller:' and t.debit_account < 'seller;' \
                 and t.created_at >= $5 and t.created_at < $6 and t.currency = $4 and t.merchant_id = $2 and t.livemode = $3 \
                 order by t.created_at limit 1 offset $7) as created_at from json_each($1) a \
             union all select (select t.created_at from transfers t \
                 where t.credit_account = a.value and t.credit_account >= 'seller:' and t.credit_account < 'seller;' \
                 and t.created_at >= $5 and t.created_at < $6 and t.currency = $4 and t.merchant_id = $2 and t.livemode = $3 \
                 order by t.created_at limit 1 offset $7) from json_each($1) a \
         ) x",
    )
    .bind(serde_json::json!(accounts(period)).to_string())
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(period.currency)
    .bind(from)
    .bind(period.to)
    .bind(movements)
    .one(snapshot)
    .await?;
    row.get("reached")
}

/// Lines by time, one per journal, those after `after` and before `until`.
pub(super) async fn entries(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    period: &Period,
    after: Option<&(Timestamp, JournalId)>,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    // What the index on sellers' accounts is made for has to be said in its own words, and whose they are only afterwards: SQLite would
    // read all transfers of the tenant instead.
    let mut query = query(
        "with x as materialized ( \
             select t.merchant_id, t.livemode, t.journal_id, t.created_at, t.debit_account as account, -t.amount as change from transfers t \
             where t.debit_account in ($4, $5, $6, $7) and t.debit_account >= 'seller:' and t.debit_account < 'seller;' \
             and t.created_at >= $8 and t.created_at < $9 and t.currency = $3 \
             union all select t.merchant_id, t.livemode, t.journal_id, t.created_at, t.credit_account, t.amount from transfers t \
             where t.credit_account in ($4, $5, $6, $7) and t.credit_account >= 'seller:' and t.credit_account < 'seller;' \
             and t.created_at >= $8 and t.created_at < $9 and t.currency = $3 \
         ) select x.journal_id, x.created_at, j.kind, j.source_id, j.payment_id, \
         cast(sum(case when x.account = $4 then x.change else 0 end) as bigint) as pending, \
         cast(sum(case when x.account = $5 then x.change else 0 end) as bigint) as available, \
         cast(sum(case when x.account = $6 then x.change else 0 end) as bigint) as paying_out, \
         cast(sum(case when x.account = $7 then x.change else 0 end) as bigint) as reserved from x \
         cross join journals j where j.merchant_id = $1 and j.livemode = $2 and j.id = x.journal_id \
         and x.merchant_id = $1 and x.livemode = $2 and (x.created_at, x.journal_id) > ($10, $11) \
         group by x.journal_id, x.created_at, j.kind, j.source_id, j.payment_id \
         order by x.created_at, x.journal_id limit $12",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .bind(period.currency);
    for account in accounts(period) {
        query = query.bind(account);
    }
    // From where the last page ended; the index then reads on from there.
    let from = after.map_or(period.from, |(at, _)| *at);
    query
        .bind(from)
        .bind(until)
        .bind(after.map_or(Timestamp::from_micros(i64::MIN), |(at, _)| *at))
        .bind(after.map_or("", |(_, id)| id.as_str()))
        .bind(limit)
        .all(snapshot)
        .await?
        .iter()
        .map(entry)
        .collect()
}

/// The seller's accounts, in the order of [`Pockets`].
fn accounts(period: &Period) -> [String; 4] {
    let seller = || period.seller.clone();
    [
        Account::Pending(seller()),
        Account::Available(seller()),
        Account::PayingOut(seller()),
        Account::Reserved(seller()),
    ]
    .map(|account| account.to_string())
}

/// When a journal of this tenant was posted.
pub(super) async fn posted_at(
    snapshot: &mut Snapshot,
    tenant: &Tenant,
    id: &JournalId,
) -> Result<Option<Timestamp>, DbError> {
    let row = query("select created_at from journals where merchant_id = $1 and livemode = $2 and id = $3")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .bind(id)
        .optional(snapshot)
        .await?;
    row.as_ref().map(|row| row.get("created_at")).transpose()
}

fn entry(row: &Row) -> Result<Entry, DbError> {
    Ok(Entry {
        journal: row.get("journal_id")?,
        kind: row.get("kind")?,
        source_id: row.get("source_id")?,
        payment: row.get("payment_id")?,
        created_at: row.get("created_at")?,
        change: Pockets {
            pending: row.get("pending")?,
            available: row.get("available")?,
            paying_out: row.get("paying_out")?,
            reserved: row.get("reserved")?,
        },
    })
}
