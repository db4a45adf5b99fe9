//! The same rows with bare SQL: what one payment left in every table is read once and written again and again with fresh ids.
//!
//! It writes only what is there in the end: no reads, no row that is changed on the way and no rule that is checked. So it is the
//! ceiling of this database on this machine, not a gateway.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tollgate::db::{Db, Row, Value, insert_many, query};

use super::numbers::Run;
use super::road;
use super::server::Store;
use super::town::Town;

/// Parents before children.
const ORDER: [&str; 12] = [
    "idempotency_keys",
    "checkout_sessions",
    "checkout_line_items",
    "payments",
    "payment_orders",
    "attempts",
    "psp_calls",
    "psp_events",
    "journals",
    "transfers",
    "events",
    "jobs",
];

/// Changed by a payment, or read; not rows of it. The wallet is, and is written as the gateway does.
const STANDING: [&str; 16] = [
    "_sqlx_migrations",
    // Written by the sealer, in the background and for many payments at once.
    "unsealed_journals",
    "ledger_chain",
    "ledger_blocks",
    "sealed_journals",
    "account_balances",
    "balance_buckets",
    "sealed_times",
    "integrity_watch",
    "merchants",
    "sellers",
    "api_keys",
    "event_log",
    "event_consumers",
    "wallets",
    "sqlite_sequence",
];

pub struct Sample {
    tables: Vec<Table>,
    seller: Vec<Value>,
}

struct Table {
    insert: &'static str,
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// Numbers the copies.
static NEXT: AtomicI64 = AtomicI64::new(1);

impl Sample {
    /// Makes one payment and reads what it left.
    pub async fn take(town: &Town, store: &Store) -> Self {
        let db = store.open(2).await;
        let before = everything(&db).await;
        road::pay(&town.http, &town.gateway, &town.key).await;
        // The PSP's webhook comes after the answer, and the worker after that.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut tables = Vec::new();
        let names = table_names(&db).await;
        for name in ORDER {
            assert!(names.iter().any(|known| known == name), "there is no table {name} any more");
        }
        for name in names {
            if STANDING.contains(&name.as_str()) {
                continue;
            }
            let columns = columns(&db, &name).await;
            let mut rows = read(&db, &name, &columns).await;
            rows.retain(|row| !before.contains(row));
            if rows.is_empty() {
                continue;
            }
            assert!(ORDER.contains(&name.as_str()), "a payment now leaves rows in {name}: give it a place in ORDER");
            let list: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
            let insert = format!("insert into {name} ({})", list.join(", "));
            let at = ORDER.iter().position(|known| *known == name).unwrap();
            let columns = columns.into_iter().map(|(column, _)| column).collect();
            tables.push((at, Table { insert: leak(insert), columns, rows }));
        }
        tables.sort_by_key(|(at, _)| *at);
        let seller = query("select merchant_id, livemode, seller_id, currency from wallets").one(&db).await.unwrap();
        let seller = vec![
            Value::Text(seller.get("merchant_id").unwrap()),
            Value::Bool(seller.get("livemode").unwrap()),
            Value::Text(seller.get("seller_id").unwrap()),
            Value::Text(seller.get("currency").unwrap()),
        ];
        let mut sample = Self { tables: tables.into_iter().map(|(_, table)| table).collect(), seller };
        sample.mark(&texts(&before));
        db.close().await;
        sample
    }

    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len()).sum::<usize>() + 1
    }

    pub fn tables(&self) -> usize {
        self.tables.len() + 1
    }

    /// Marks in every text the end of each id that the payment brought, so that a copy can be given its own.
    fn mark(&mut self, before: &BTreeSet<String>) {
        for value in self.tables.iter_mut().flat_map(|table| &mut table.rows).flatten() {
            if let Value::Text(Some(text)) = value {
                *text = words(text)
                    .map(|word| {
                        let fresh =
                            word.len() >= 16 && word.bytes().any(|b| b.is_ascii_digit()) && !before.contains(word);
                        if fresh { format!("{}\u{1}", &word[..word.len() - 8]) } else { word.to_owned() }
                    })
                    .collect();
            }
        }
    }

    /// The rows of copy `number`.
    fn copy(&self, number: i64) -> Vec<(&'static str, Vec<Vec<Value>>)> {
        let end = format!("{number:08}");
        let fresh = |(value, column): (&Value, &String)| match value {
            Value::Text(Some(text)) => Value::Text(Some(text.replace('\u{1}', &end))),
            // A place in the log of events; far from those that were given.
            Value::Int(Some(place)) if column == "position" && *place > 0 => {
                Value::Int(Some(1_000_000_000 + number * 100 + place))
            }
            other => other.clone(),
        };
        self.tables
            .iter()
            .map(|table| {
                let rows = table.rows.iter().map(|row| row.iter().zip(&table.columns).map(fresh).collect()).collect();
                (table.insert, rows)
            })
            .collect()
    }
}

/// Writes copies with `clients` at once, each spread over so many transactions; the wallet last.
pub async fn write(sample: &Sample, store: &Store, clients: usize, transactions: usize, span: Duration) -> Run {
    let connections = u32::try_from(clients).unwrap().clamp(2, 32);
    let db = store.open(connections).await;
    let begun = Instant::now();
    let work = (0..clients).map(|_| async {
        let mut took = Vec::new();
        while begun.elapsed() < span {
            let copy = sample.copy(NEXT.fetch_add(1, Ordering::Relaxed));
            let started = Instant::now();
            let share = copy.len().div_ceil(transactions);
            let mut copy = copy.into_iter().peekable();
            while copy.peek().is_some() {
                let mut tx = db.begin().await.unwrap();
                for (insert, rows) in copy.by_ref().take(share) {
                    insert_many(insert, rows, "").execute(&mut tx).await.unwrap();
                }
                if copy.peek().is_none() {
                    let mut wallet = query(
                        "update wallets set pending = pending + $5 \
                         where merchant_id = $1 and livemode = $2 and seller_id = $3 and currency = $4",
                    );
                    for value in &sample.seller {
                        wallet = wallet.bind(value.clone());
                    }
                    wallet.bind(15_000).execute(&mut tx).await.unwrap();
                }
                tx.commit().await.unwrap();
            }
            took.push(started.elapsed());
        }
        took
    });
    let took: Vec<Duration> = futures_util::future::join_all(work).await.into_iter().flatten().collect();
    let run = Run::new(begun.elapsed(), took);
    db.close().await;
    run
}

/// Every row of every table.
async fn everything(db: &Db) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for name in table_names(db).await {
        let columns = columns(db, &name).await;
        rows.extend(read(db, &name, &columns).await);
    }
    rows
}

/// Every word of every text in these rows.
fn texts(rows: &[Vec<Value>]) -> BTreeSet<String> {
    let texts = rows.iter().flatten().filter_map(|value| match value {
        Value::Text(Some(text)) => Some(text),
        _ => None,
    });
    texts.flat_map(|text| words(text)).map(str::to_owned).collect()
}

async fn table_names(db: &Db) -> Vec<String> {
    query(db.pick(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
        "select cast(tablename as text) as name from pg_tables where schemaname = current_schema()",
    ))
    .all(db)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get("name").unwrap())
    .collect()
}

/// The columns of a table and the types they were given.
async fn columns(db: &Db, table: &str) -> Vec<(String, String)> {
    let sql = match db {
        Db::Sqlite { .. } => format!("select name, lower(type) as type from pragma_table_info('{table}')"),
        Db::Postgres(_) => format!(
            "select cast(column_name as text) as name, cast(data_type as text) as type from information_schema.columns \
             where table_schema = current_schema() and table_name = '{table}' order by ordinal_position"
        ),
    };
    let rows = query(leak(sql)).all(db).await.unwrap();
    rows.iter().map(|row| (row.get("name").unwrap(), row.get("type").unwrap())).collect()
}

async fn read(db: &Db, table: &str, columns: &[(String, String)]) -> Vec<Vec<Value>> {
    let rows = query(leak(format!("select * from {table}"))).all(db).await.unwrap();
    rows.iter().map(|row| columns.iter().map(|(name, kind)| value(row, name, kind)).collect()).collect()
}

fn value(row: &Row, name: &str, kind: &str) -> Value {
    match kind {
        "bigint" | "integer" => Value::Int(row.get(name).unwrap_or_default()),
        "boolean" => Value::Bool(row.get(name).unwrap()),
        "bytea" | "blob" => Value::Bytes(row.get(name).unwrap()),
        _ => Value::Text(row.get(name).unwrap_or_default()),
    }
}

/// The text cut into words and what stands between them.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some(word)
    })
}

fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}
