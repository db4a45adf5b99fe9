//! Every statement finds its rows by an index: one that reads a whole table that grows with every payment is fast in a test
//! and slow in a shop. Looked up in SQLite's plans; both databases have the same indexes.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Row};
use tollgate::db::Db;

use crate::statements::statements;
use crate::support::{Engine, World, run, source};

/// Tables that grow with what is sold.
const GROWING: [&str; 31] = [
    "attempts",
    "balance_buckets",
    "breaks",
    "captures",
    "checkout_line_items",
    "checkout_sessions",
    "dispute_evidence",
    "dispute_parts",
    "disputes",
    "events",
    "idempotency_keys",
    "jobs",
    "journals",
    "ledger_blocks",
    "payment_methods",
    "payment_orders",
    "payments",
    "payout_batches",
    "payouts",
    "psp_calls",
    "psp_events",
    "refund_parts",
    "refunds",
    "sealed_journals",
    "sealed_times",
    "settlement_line_members",
    "settlement_lines",
    "transfers",
    "wallets",
    "webhook_attempts",
    "webhook_deliveries",
];

/// Those that read everything because that is what they are for, each with the tables that it may read whole.
const MAY: [(&str, &[&str]); 8] = [
    // Checks all there is, by hand or every six hours; the watch between them does not.
    ("src/integrity/store/", &GROWING),
    // Asks of each movement at a PSP whether a file has told it, once a night.
    ("src/reconciliation/report/", &["payments", "refunds", "disputes"]),
    // Compares witnesses when all is quiet.
    ("src/cli/chaos/", &GROWING),
    // `tollgate verify` looks at every journal.
    ("src/ledger/seals/store.rs: select subject, detail", &["journals"]),
    // An operator's home page, which is not on the road of a payment.
    ("src/http/console/store/figures.rs", &["refunds"]),
    // Wallets are as many as sellers.
    ("src/http/console/store/wallets.rs", &["wallets"]),
    // Gauges, every few seconds, of what waits and what is dead.
    ("src/queue/store.rs: select lane, status", &["jobs"]),
    ("src/queue/letters/store.rs", &["jobs"]),
];

#[test]
fn nothing_on_the_road_of_a_payment_reads_a_whole_table() {
    run(Engine::Sqlite, every_plan);
}

async fn every_plan(world: World) {
    let Db::Sqlite { read, .. } = &world.db else { panic!("asked for SQLite") };
    let partial = "select name from sqlite_master where type = 'index' and lower(sql) like '% where %'";
    let partial: BTreeSet<String> = sqlx::query_scalar(partial).fetch_all(read).await.unwrap().into_iter().collect();
    let (mut wrong, mut looked) = (Vec::new(), 0);
    for source in source::all().iter().filter(|source| source.is_store() && source.module() != "simulator") {
        for statement in statements(source).into_iter().flatten() {
            if statement.only == Some(Engine::Postgres) || statement.sql.trim_start().starts_with("pragma") {
                continue;
            }
            looked += 1;
            let place = format!("{}: {}", source.path, statement.sql.split_whitespace().collect::<Vec<_>>().join(" "));
            let plan = AssertSqlSafe(format!("explain query plan {}", statement.sql));
            let Ok(steps) = sqlx::query(plan).fetch_all(read).await else { continue };
            for step in steps {
                let step: String = step.get("detail");
                if let Some(table) =
                    read_whole(&step, &statement.sql, &partial).or_else(|| read_of_tenant(&step, &statement.sql))
                    && !MAY.iter().any(|(at, tables)| place.starts_with(at) && tables.contains(&table.as_str()))
                {
                    wrong.push(format!("{step} of {table}, line {}: {place}", statement.line));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "these read a whole table:\n{}", wrong.join("\n"));
    assert!(looked > 100, "only {looked} statements were found");
}

/// The watch looks at what changed: the laws are asked of that alone, and no table is read for it, whole or as far as a tenant's goes.
#[test]
fn the_watch_reads_what_changed() {
    run(Engine::Sqlite, async |world: World| {
        let Db::Sqlite { read, .. } = &world.db else { panic!("asked for SQLite") };
        let sources = source::all();
        let at = |path: &str| sources.iter().find(|source| source.path == path).unwrap();
        let literals = |path: &str| at(path).literals.iter().map(|literal| literal.text.as_str()).collect::<Vec<_>>();
        let tables = literals("src/integrity/watch/store.rs").into_iter().find(|text| text.starts_with("touched as"));
        let tables = tables.unwrap().replace("[[", "").replace("]]", "");
        let narrow = literals("src/integrity/watch/mod.rs");
        let mut looked = 0;
        for source in sources.iter().filter(|source| source.path.starts_with("src/integrity/store/")) {
            let is_narrow = |literal: &source::Literal| narrow.contains(&literal.text.as_str());
            if !source.literals.iter().any(is_narrow) {
                continue;
            }
            let laws = statements(source).into_iter().flatten();
            for law in laws.filter(|statement| statement.sql.ends_with("order by subject, detail limit $5")) {
                looked += 1;
                let plan = AssertSqlSafe(format!("explain query plan with {tables} {}", law.sql));
                for step in sqlx::query(plan).fetch_all(read).await.unwrap() {
                    let step: String = step.get("detail");
                    let whole =
                        step.starts_with("SCAN ") && step.contains(" INDEX ") && !step.contains("VIRTUAL TABLE");
                    let tenant = step.contains("(merchant_id=? AND livemode=?)") || step.contains("merchant_id>?");
                    assert!(!whole && !tenant, "{}: {step}", source.path);
                }
            }
        }
        assert_eq!(looked, 8, "the laws that are asked of what changed");
    });
}

/// The growing table that a step of a plan reads from end to end. An index that holds only some rows is no such table: what
/// it is asked for is what it holds.
fn read_whole(step: &str, sql: &str, partial: &BTreeSet<String>) -> Option<String> {
    let mut words = step.strip_prefix("SCAN ")?.split_whitespace();
    let table = table_called(words.next()?, sql)?;
    let index = words.skip_while(|word| *word != "INDEX").nth(1);
    if index.is_some_and(|index| partial.contains(index)) { None } else { Some(table) }
}

/// The growing table of which a step reads all that one tenant has, to look at each row for something else: what is meant to read it
/// from one end ends somewhere.
fn read_of_tenant(step: &str, sql: &str) -> Option<String> {
    let found = step.strip_prefix("SEARCH ")?;
    let bounded = sql.contains(" limit ") || sql.contains("exists");
    let table = table_called(found.split_whitespace().next()?, sql)?;
    (found.ends_with("(merchant_id=? AND livemode=?)") && !bounded).then_some(table)
}

/// A plan names a table as the statement does, which may give it another name.
fn table_called(name: &str, sql: &str) -> Option<String> {
    let words: Vec<&str> =
        sql.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|it| !it.is_empty()).collect();
    let table = |word: &&str| GROWING.contains(word);
    let renamed = words.windows(2).find(|two| table(&two[0]) && two[1] == name).map(|two| two[0]);
    renamed.or(Some(name).filter(|name| table(name))).map(str::to_owned)
}

#[test]
fn a_whole_table_is_told_from_a_part_of_it() {
    let partial = BTreeSet::from(["jobs_due".to_owned()]);
    let whole = |step: &str, sql: &str| read_whole(step, sql, &partial);
    assert_eq!(whole("SCAN payments", "select 1 from payments").as_deref(), Some("payments"));
    assert_eq!(whole("SCAN p", "select 1 from payments p join x").as_deref(), Some("payments"));
    assert_eq!(whole("SCAN p USING COVERING INDEX by_amount", "select 1 from payments p").as_deref(), Some("payments"));
    assert_eq!(whole("SCAN jobs USING INDEX jobs_due", "select 1 from jobs"), None);
    assert_eq!(whole("SCAN s", "select 1 from (select * from payments where id = $1) s"), None);
    assert_eq!(whole("SEARCH payments USING INDEX by_id (id=?)", "select 1 from payments"), None);
    assert_eq!(whole("SCAN CONSTANT ROW", "select 1"), None);
}
