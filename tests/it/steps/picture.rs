//! What a database says once it is quiet, without what differs from run to run: ids become numbers in the order in which they
//! were given, times are left out. Two runs that came to the same give the same picture.

use std::collections::BTreeMap;

use tollgate::db::{Db, Row, query};

/// One line per fact, sorted; the same fact twice is two lines.
pub async fn picture(db: &Db) -> Vec<String> {
    let names = names(db).await;
    let mut lines = Vec::new();
    for row in query(FACTS).all(db).await.unwrap() {
        let mut line: String = row.get("fact").unwrap();
        for (id, name) in &names {
            line = line.replace(id, name);
        }
        lines.push(line);
    }
    lines.sort();
    lines
}

/// How many rows each table has, and how they stand where they stand somewhere.
pub async fn counts(db: &Db) -> Vec<String> {
    let mut lines = Vec::new();
    for row in query("select name from sqlite_master where type = 'table' order by name").all(db).await.unwrap() {
        let table: String = row.get("name").unwrap();
        let Db::Sqlite { read, .. } = db else { panic!("for SQLite alone") };
        let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
        let n: i64 = sqlx::query_scalar(count).fetch_one(read).await.unwrap();
        lines.push(format!("{table}: {n}"));
    }
    for row in query(STANDS).all(db).await.unwrap() {
        lines.push(row.get("fact").unwrap());
    }
    lines
}

/// What the picture leaves out because it does not last.
const STANDS: &str = "select kind || ' job ' || status || ', tries ' || tries as fact from jobs
     union all select 'call ' || operation || ', ' || coalesce(result, 'not answered') from psp_calls
     union all select 'notice, ' || coalesce(result, 'not read') from psp_events
     union all select 'registered ' || count(*) from payments where psp_payment is not null
     union all select 'recovering ' || count(*) from attempts where recovering";

/// What is in one and not in the other.
pub fn difference(one: &[String], other: &[String]) -> String {
    let missing = |of: &[String], from: &[String], sign: &str| -> Vec<String> {
        let mut left = from.to_vec();
        let gone = of.iter().filter(|line| match left.iter().position(|other| other == *line) {
            Some(at) => {
                left.remove(at);
                false
            }
            None => true,
        });
        gone.map(|line| format!("  {sign} {line}")).collect()
    };
    let mut lines = missing(one, other, "-");
    lines.extend(missing(other, one, "+"));
    lines.join("\n")
}

async fn names(db: &Db) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let mut numbers: BTreeMap<String, u32> = BTreeMap::new();
    for row in query(IDS).all(db).await.unwrap() {
        let (kind, id) = (text(&row, "kind"), text(&row, "id"));
        let number = numbers.entry(kind.clone()).or_default();
        *number += 1;
        names.insert(id, format!("{kind}{number}"));
    }
    names
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).unwrap()
}

/// Ids of one millisecond have no order: a merchant's sellers are told apart by what they are.
const IDS: &str = "select kind, id from (
     select 'seller ' as kind, id, name || is_self || livemode as place from sellers
     union all select 'payment ', id, id from payments
     union all select 'session ', id, id from checkout_sessions
     union all select 'order ', payment_order_id, payment_order_id from payment_orders
     union all select 'refund ', id, id from refunds
     union all select 'dispute ', id, psp_reference from disputes
     ) ids order by place";

const FACTS: &str = "select id || ': ' || status || ', captured ' || captured || ', refunded ' || refunded
         || ', disputed ' || disputed as fact from payments
     union all select id || ': ' || status from checkout_sessions
     union all select payment_order_id || ': ' || payment_order_status
         || case when wallet_updated then ', wallet' else '' end || case when ledger_updated then ', ledger' else '' end
         from payment_orders
     union all select 'attempt at ' || payment_id || ': ' || state from attempts
     union all select operation || ' of ' || payment_id || ': ' || amount || ' ' || status from captures
     union all select 'refund of ' || payment_id || ': ' || amount || ' ' || status from refunds
     union all select j.kind || ' of ' || coalesce(j.payment_id, '-') || ': ' || t.debit_account || ' -> ' || t.credit_account
         || ' ' || t.amount || ' ' || t.currency
         from journals j join transfers t on t.merchant_id = j.merchant_id and t.livemode = j.livemode and t.journal_id = j.id
     union all select 'wallet of ' || seller_id || ': ' || pending || ' pending, ' || available || ' available, ' || paying_out
         || ' paying out, ' || reserved || ' reserved' from wallets
         where pending <> 0 or available <> 0 or paying_out <> 0 or reserved <> 0
     union all select 'payout to ' || seller_id || ': ' || amount || ' ' || status from payouts
     union all select id || ' of ' || payment_id || ': ' || amount || ' ' || status from disputes
     union all select 'evidence in ' || dispute_id || ': ' || status from dispute_evidence
     union all select 'correction: ' || status from corrections
     union all select 'event ' || kind || ' of ' || case when object_id like 're_%' then 'a refund'
         when object_id like 'out_%' then 'a payout' when object_id like 'cor_%' then 'a correction' else object_id end
         from events
     union all select 'dead job ' || kind from jobs where status = 'dead'";
