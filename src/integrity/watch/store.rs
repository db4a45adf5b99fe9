//! The SQL of the watch.

use super::{CHAIN, Count, STRIDE, Stretch};
use crate::db::{Db, DbError, On, Query, Row, Tx, Value, insert_many, narrowed, query};
use crate::integrity::check::Finding;
use crate::words::{Tenant, Timestamp};

/// A break that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The check's name.
    pub check: String,
    /// Whose row; nobody's when it belongs to no merchant we know.
    pub tenant: Option<Tenant>,
    /// The id of the row.
    pub subject: String,
    /// What is wrong with it.
    pub detail: String,
}

/// How far the watch has looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The place of the last sealed journal that it looked at.
    pub position: i64,
    /// The place of the last event.
    pub event_position: i64,
    /// When it last looked; `None` before the first time.
    pub watched_at: Option<Timestamp>,
    /// Changes of payments that it has looked at since it last looked at everything.
    pub payments: i64,
    /// When it last looked at everything.
    pub full_at: Option<Timestamp>,
}

/// The payments and payouts that a stretch is about.
#[derive(Debug)]
pub(super) struct Touched {
    pub payments: Vec<String>,
    pub payouts: Vec<String>,
}

/// What the journals and events of a stretch are about. Each is looked up by its key, however large the tables are.
pub(super) async fn touched(db: &Db, stretch: Stretch) -> Result<Touched, DbError> {
    let payments = query(
        "select j.payment_id as id from (select merchant_id, livemode, journal_id from sealed_journals \
             where position > $1 and position <= $2 order by position limit $5) s join journals j \
             on j.merchant_id = s.merchant_id and j.livemode = s.livemode and j.id = s.journal_id where j.payment_id is not null \
         union select p.id from (select object_id from events where position > $3 and position <= $4 order by position limit $5) e \
             join payments p on p.id = e.object_id",
    );
    let payouts = query(
        "select j.source_id as id from (select merchant_id, livemode, journal_id from sealed_journals \
             where position > $1 and position <= $2 order by position limit $5) s join journals j \
             on j.merchant_id = s.merchant_id and j.livemode = s.livemode and j.id = s.journal_id \
             where j.kind in ('payout_asked', 'payout_paid', 'payout_failed', 'payout_returned') \
         union select o.id from (select object_id from events where position > $3 and position <= $4 order by position limit $5) e \
             join payouts o on o.id = e.object_id",
    );
    Ok(Touched { payments: ids(db, payments, stretch).await?, payouts: ids(db, payouts, stretch).await? })
}

async fn ids(db: &Db, asked: Query, stretch: Stretch) -> Result<Vec<String>, DbError> {
    bind(asked, stretch).bind(STRIDE).all(db).await?.iter().map(|row| row.get("id")).collect()
}

/// Every table that the laws read, cut down to some payments (`$6`) and payouts (`$7`), both JSON lists of ids.
///
/// What stands in `[[` and `]]` is for SQLite: there a name must not stand for itself, so the table is named with its schema. Both
/// are told to make each list first, and SQLite by which index and, by `cross join`, from which table: left to themselves they walk a
/// whole table in the order of the law's findings, or by its merchant.
const NARROW: &str = "\
    touched as materialized (select p.merchant_id as m, p.livemode as l, p.id from json_each($6) i cross join [[main.]]payments p where p.id = i.value), \
    paid_out as materialized (select o.merchant_id as m, o.livemode as l, o.id from json_each($7) i cross join [[main.]]payouts o where o.id = i.value), \
    journals as materialized (select j.* from touched x cross join [[main.]]journals j [[indexed by journals_by_payment]] \
        where j.merchant_id = x.m and j.livemode = x.l and j.payment_id = x.id \
        union all select j.* from paid_out x cross join [[main.]]journals j [[indexed by sqlite_autoindex_journals_2]] \
        where j.merchant_id = x.m and j.livemode = x.l \
        and j.kind in ('payout_asked', 'payout_paid', 'payout_failed', 'payout_returned') and j.source_id = x.id), \
    transfers as materialized (select t.* from journals j cross join [[main.]]transfers t \
        where t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id), \
    payments as materialized (select p.* from touched x cross join [[main.]]payments p where p.id = x.id), \
    payment_orders as materialized (select o.* from touched x cross join [[main.]]payment_orders o where o.payment_id = x.id), \
    attempts as materialized (select a.* from touched x cross join [[main.]]attempts a where a.payment_id = x.id), \
    refunds as materialized (select r.* from touched x cross join [[main.]]refunds r where r.payment_id = x.id), \
    captures as materialized (select c.* from touched x cross join [[main.]]captures c where c.payment_id = x.id), \
    disputes as materialized (select d.* from touched x cross join [[main.]]disputes d where d.payment_id = x.id), \
    payouts as materialized (select o.* from paid_out x cross join [[main.]]payouts o where o.id = x.id), \
    settlement_lines as materialized (select l.* from touched x cross join [[main.]]settlement_lines l where l.object_id = x.id), \
    checkout_sessions as materialized (select c.* from payments p cross join [[main.]]checkout_sessions c where c.id = p.checkout_id)";

/// Whether a law is broken by any of some payments and payouts.
pub(super) async fn any_broken(db: &Db, broken: &'static str, touched: &Touched) -> Result<bool, DbError> {
    let rows = narrowed(db, NARROW, broken)
        .bind("")
        .bind("zzzz")
        .bind(false)
        .bind(true)
        .bind(1_i64)
        .bind(list(&touched.payments))
        .bind(list(&touched.payouts))
        .all(db)
        .await;
    match rows {
        Ok(rows) => Ok(!rows.is_empty()),
        // The full check says so in its own words.
        Err(error) if error.is_overflow() => Ok(true),
        Err(error) => Err(error),
    }
}

fn list(ids: &[String]) -> String {
    serde_json::json!(ids).to_string()
}

fn bind(query: Query, stretch: Stretch) -> Query {
    query.bind(stretch.sealed.0).bind(stretch.sealed.1).bind(stretch.events.0).bind(stretch.events.1)
}

/// Whether any seller account that moved in a stretch is not what its wallet says.
///
/// What waits to be sealed is read first and by itself: joined with the accounts, SQLite reads all transfers of the tenant for each of
/// them, to see which wait. It joins in the order written where it says `cross join`.
pub(super) async fn wallets(db: &Db, stretch: Stretch) -> Result<bool, DbError> {
    let rows = query(
        "with moved as ( \
             select t.merchant_id, t.livemode, t.currency, t.debit_account as account from sealed_journals s join transfers t \
                 on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
                 where s.position > $1 and s.position <= $2 and t.debit_account like 'seller:%' \
             union select t.merchant_id, t.livemode, t.currency, t.credit_account from sealed_journals s join transfers t \
                 on t.merchant_id = s.merchant_id and t.livemode = s.livemode and t.journal_id = s.journal_id \
                 where s.position > $1 and s.position <= $2 and t.credit_account like 'seller:%' \
         ), waiting as materialized ( \
             select t.merchant_id, t.livemode, t.currency, t.debit_account, t.credit_account, t.amount from unsealed_journals u \
                 cross join transfers t where t.merchant_id = u.merchant_id and t.livemode = u.livemode and t.journal_id = u.journal_id \
         ) select account from ( \
             select a.merchant_id, a.livemode, a.currency, a.account, a.credits_high - a.debits_high as high, \
                 a.credits_low - a.debits_low as low from moved m join account_balances a \
                 on a.merchant_id = m.merchant_id and a.livemode = m.livemode and a.currency = m.currency and a.account = m.account \
             union all select m.merchant_id, m.livemode, m.currency, m.account, 0, n.amount from waiting n join moved m \
                 on m.merchant_id = n.merchant_id and m.livemode = n.livemode and m.currency = n.currency and m.account = n.credit_account \
             union all select m.merchant_id, m.livemode, m.currency, m.account, 0, -n.amount from waiting n join moved m \
                 on m.merchant_id = n.merchant_id and m.livemode = n.livemode and m.currency = n.currency and m.account = n.debit_account \
             union all select m.merchant_id, m.livemode, m.currency, m.account, 0, case \
                 when m.account like '%:pending' then -w.pending when m.account like '%:available' then -w.available \
                 when m.account like '%:paying_out' then -w.paying_out else -w.reserved end from moved m join wallets w \
                 on w.merchant_id = m.merchant_id and w.livemode = m.livemode and w.currency = m.currency \
                 and w.seller_id = substr(m.account, 8, 30) \
         ) sides group by merchant_id, livemode, currency, account having sum(high) * 1099511627776 + sum(low) <> 0 limit 1",
    )
    .bind(stretch.sealed.0)
    .bind(stretch.sealed.1)
    .all(db)
    .await?;
    Ok(!rows.is_empty())
}

/// The ends of the chain and of the log of events.
pub(super) async fn ends(db: &Db) -> Result<(i64, i64), DbError> {
    let row = query(
        "select (select positions from ledger_chain where id = 1) as sealed, (select last_position from event_log where id = 1) as placed",
    )
    .one(db)
    .await?;
    Ok((row.get("sealed")?, row.get("placed")?))
}

/// Whose journals and events are in a stretch.
pub(super) async fn tenants(db: &Db, stretch: Stretch) -> Result<Vec<Tenant>, DbError> {
    let rows = query(
        "select merchant_id, livemode from sealed_journals where position > $1 and position <= $2 \
         union select merchant_id, livemode from events where position > $3 and position <= $4",
    );
    bind(rows, stretch).all(db).await?.iter().map(tenant).collect()
}

/// Everybody whose books hold anything, or who has sellers.
pub(super) async fn all_tenants(db: &Db) -> Result<Vec<Tenant>, DbError> {
    query("select distinct merchant_id, livemode from sellers").all(db).await?.iter().map(tenant).collect()
}

fn tenant(row: &Row) -> Result<Tenant, DbError> {
    Ok(Tenant { merchant: row.get("merchant_id")?, mode: row.get("livemode")? })
}

pub(super) async fn seen(on: impl Into<On<'_>>) -> Result<Seen, DbError> {
    let row = query("select * from integrity_watch where id = 1").one(on).await?;
    Ok(Seen {
        position: row.get("position")?,
        event_position: row.get("event_position")?,
        watched_at: row.get("watched_at")?,
        payments: row.get("payments")?,
        full_at: row.get("full_at")?,
    })
}

/// Takes the watch until `until`, if no other process has it at `now`: none has it for longer than `furthest`.
pub(super) async fn take(db: &Db, now: Timestamp, until: Timestamp, furthest: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let taken = query(
        "update integrity_watch set taken_until = $1 where id = 1 and (taken_until <= $2 or taken_until > $3 or taken_until is null)",
    )
    .bind(until)
    .bind(now)
    .bind(furthest)
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(taken == 1)
}

/// Keeps it for longer, unless another process has taken it.
pub(super) async fn renew(db: &Db, until: Timestamp, longer: Timestamp) -> Result<bool, DbError> {
    let mut tx = db.begin().await?;
    let kept = query("update integrity_watch set taken_until = $2 where id = 1 and taken_until = $1")
        .bind(until)
        .bind(longer)
        .execute(&mut tx)
        .await?;
    tx.commit().await?;
    Ok(kept == 1)
}

/// Lets go of it.
pub(super) async fn leave(db: &Db, until: Timestamp) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    query("update integrity_watch set taken_until = null where id = 1 and taken_until = $1")
        .bind(until)
        .execute(&mut tx)
        .await?;
    tx.commit().await
}

/// Moves the watch on, if nobody else has: the update is the lock.
pub(super) async fn advance(
    tx: &mut Tx,
    from: &Seen,
    stretch: Stretch,
    payments: i64,
    now: Timestamp,
) -> Result<bool, DbError> {
    let moved = query(
        "update integrity_watch set position = $1, event_position = $2, payments = payments + $3, watched_at = $4 \
         where id = 1 and position = $5 and event_position = $6",
    )
    .bind(stretch.sealed.1)
    .bind(stretch.events.1)
    .bind(payments)
    .bind(now)
    .bind(from.position)
    .bind(from.event_position)
    .execute(tx)
    .await?;
    Ok(moved == 1)
}

/// Everything was looked at: what was counted before is counted anew.
pub(super) async fn begin_anew(
    tx: &mut Tx,
    from: &Seen,
    (sealed, events): (i64, i64),
    now: Timestamp,
) -> Result<bool, DbError> {
    let moved = query(
        "update integrity_watch set position = $1, event_position = $2, payments = 0, watched_at = $3, full_at = $3 \
         where id = 1 and position = $4 and event_position = $5 and (full_at = $6 or (full_at is null and cast($6 as bigint) is null))",
    )
    .bind(sealed)
    .bind(events)
    .bind(now)
    .bind(from.position)
    .bind(from.event_position)
    .bind(from.full_at)
    .execute(&mut *tx)
    .await?;
    if moved == 1 {
        query("delete from integrity_counts").execute(tx).await?;
    }
    Ok(moved == 1)
}

/// Keeps breaks until they are mended; one that is known keeps the time when it was found.
pub(super) async fn keep(tx: &mut Tx, found: &[Break], now: Timestamp) -> Result<(), DbError> {
    if found.is_empty() {
        return Ok(());
    }
    let rows = found
        .iter()
        .map(|one| {
            vec![
                Value::from(&one.check),
                one.tenant.as_ref().map_or("", |tenant| tenant.merchant.as_str()).into(),
                one.tenant.as_ref().is_some_and(|tenant| tenant.mode.is_live()).into(),
                (&one.subject).into(),
                (&one.detail).into(),
                now.into(),
                now.into(),
            ]
        })
        .collect();
    insert_many(
        "insert into integrity_breaks (check_name, merchant_id, livemode, subject, detail, found_at, seen_at)",
        rows,
        "on conflict (check_name, merchant_id, livemode, subject, detail) do update set seen_at = excluded.seen_at",
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Keeps how many there are of each.
pub(super) async fn keep_counts(tx: &mut Tx, counts: &[Count]) -> Result<(), DbError> {
    if counts.is_empty() {
        return Ok(());
    }
    let rows = counts
        .iter()
        .map(|count| {
            vec![
                Value::from(count.check),
                count.tenant.as_ref().map_or("", |tenant| tenant.merchant.as_str()).into(),
                count.tenant.as_ref().is_some_and(|tenant| tenant.mode.is_live()).into(),
                count.broken.into(),
            ]
        })
        .collect();
    insert_many(
        "insert into integrity_counts (check_name, merchant_id, livemode, broken)",
        rows,
        "on conflict (check_name, merchant_id, livemode) do update set broken = excluded.broken",
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Forgets the breaks that a look at everything at `now` did not see. What the sealer says is the sealer's to take back.
pub(super) async fn forget_mended(tx: &mut Tx, now: Timestamp) -> Result<(), DbError> {
    query("delete from integrity_breaks where seen_at <> $1 and check_name <> $2")
        .bind(now)
        .bind(CHAIN.name)
        .execute(tx)
        .await
        .map(drop)
}

/// How many rows each check found broken in the books of one tenant.
pub(super) async fn counts_of(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Vec<(String, i64)>, DbError> {
    let rows = query("select check_name, broken from integrity_counts where merchant_id = $1 and livemode = $2")
        .bind(&tenant.merchant)
        .bind(tenant.mode)
        .all(on)
        .await?;
    rows.iter().map(|row| Ok((row.get("check_name")?, row.get("broken")?))).collect()
}

pub(super) async fn breaks(on: impl Into<On<'_>>, tenant: &Tenant) -> Result<Vec<(Break, Timestamp)>, DbError> {
    query(
        "select * from integrity_breaks where merchant_id = $1 and livemode = $2 order by found_at, check_name, subject limit 100",
    )
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .all(on)
    .await?
    .iter()
    .map(|row| {
        let found = Break {
            check: row.get("check_name")?,
            tenant: Some(tenant.clone()),
            subject: row.get("subject")?,
            detail: row.get("detail")?,
        };
        Ok((found, row.get("found_at")?))
    })
    .collect()
}

/// What was found of one check and is nobody's own.
pub(super) async fn of_the_house(on: impl Into<On<'_>>, check: &str) -> Result<Vec<(Finding, Timestamp)>, DbError> {
    query("select subject, detail, found_at from integrity_breaks where check_name = $1 and merchant_id = '' order by found_at")
        .bind(check)
        .all(on)
        .await?
        .iter()
        .map(|row| Ok((Finding { subject: row.get("subject")?, detail: row.get("detail")? }, row.get("found_at")?)))
        .collect()
}

/// Forgets the breaks of one check.
pub(super) async fn forget(tx: &mut Tx, check: &str) -> Result<(), DbError> {
    query("delete from integrity_breaks where check_name = $1").bind(check).execute(tx).await.map(drop)
}

/// How many rows each check found broken. What was kept before they were counted counts as far as it is named.
pub(super) async fn counts(on: impl Into<On<'_>>) -> Result<Vec<(String, i64)>, DbError> {
    let rows = query(
        "select check_name, cast(sum(broken) as bigint) as n from ( \
         select c.check_name, c.broken from integrity_counts c \
         union all select b.check_name, count(*) from integrity_breaks b left join integrity_counts c \
             on c.check_name = b.check_name and c.merchant_id = b.merchant_id and c.livemode = b.livemode \
             where c.check_name is null group by b.check_name \
         ) x group by check_name",
    )
    .all(on)
    .await?;
    rows.iter().map(|row| Ok((row.get("check_name")?, row.get("n")?))).collect()
}
