//! A day of any size: as many payments as lines, each with its sale in the books.

use tollgate::config::reconciliation::Source;
use tollgate::db::{Db, Tx, query};
use tollgate::merchants;
use tollgate::words::{Clock as _, SystemClock, Timestamp};

/// The business day of all of it.
pub const DAY: &str = "2025-10-09";
/// When every payment succeeded, a millisecond after the other.
const BEGIN: i64 = 1_759_968_000_000_000;

/// Noon of the day after.
pub fn noon() -> Timestamp {
    Timestamp::parse("2025-10-10T12:00:00Z").unwrap()
}

const STATEMENTS: [&str; 5] = [
    "insert into payments (id, merchant_id, livemode, status, currency, amount, captured, capture, description, metadata, psp,
         psp_payment, psp_token, form_url, created_at, updated_at, succeeded_at)
     select 'pay_' || NUMBER, $1, false, 'succeeded', 'USD', 1000, 1000, 'automatic', 'Tea', '{}', 'simulator', 'psp_' || NUMBER,
         't', 'https://psp.example', $4 + n * 1000, $4 + n * 1000, $4 + n * 1000 from SERIES",
    "insert into journals (merchant_id, livemode, id, kind, source_id, payment_id, transfer_count, control_total, created_at)
     select $1, false, 'jrn_' || NUMBER, 'opening', 'po_' || NUMBER, 'pay_' || NUMBER, 1, 1000, $4 + n * 1000 from SERIES",
    "insert into transfers (merchant_id, livemode, journal_id, line, debit_account, credit_account, amount, currency, created_at)
     select $1, false, 'jrn_' || NUMBER, 0, 'psp:simulator', 'fees:platform', 1000, 'USD', $4 + n * 1000 from SERIES",
    "insert into unsealed_journals (journal_id, merchant_id, livemode) select 'jrn_' || NUMBER, $1, false from SERIES where $4 > 0",
    "insert into settlement_lines (id, file_id, source, number, identity, side, kind, occurred_at, business_date, currency, gross,
         fee, net, psp_payment, our_key, batch, raw)
     select 'rcl_' || NUMBER, 'rcf_1', 'list', n + 1, 'row_' || NUMBER, 'psp', 'charge', $4 + n, '2025-10-09', 'USD', 1000, 30, 970,
         'psp_' || OTHER, 'key_' || OTHER, 'batch_1', '{\"row\":\"as it stood in the file, with some eighty characters of text in it\"}'
     from SERIES where $1 <> ''",
];

/// Fills in so many payments and lines, and gives the source of the lines.
pub async fn up_to(db: &Db, lines: i64) -> Source {
    let mut tx = db.begin().await.unwrap();
    let merchant = merchants::create(&mut tx, "Town", SystemClock.now()).await.unwrap().id;
    query(
        "insert into settlement_files (id, source, format, parser_version, name, sha256, bytes, business_date, status, received_at,
             decided_at, received_by)
         values ('rcf_1', 'list', 'simulator', 1, 'day', $1, 1, '2025-10-09', 'accepted', 1, 1, 'bench')",
    )
    .bind("0".repeat(64))
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let mut from = 0;
    while from < lines {
        let upto = lines.min(from + 100_000);
        let mut tx = db.begin().await.unwrap();
        for statement in STATEMENTS {
            write(&mut tx, merchant.as_str(), statement, from, upto, lines).await;
        }
        tx.commit().await.unwrap();
        from = upto;
    }
    match db {
        Db::Sqlite { write, .. } => sqlx::query("analyze").execute(write).await.map(drop).unwrap(),
        Db::Postgres(pool) => sqlx::query("vacuum analyze").execute(pool).await.map(drop).unwrap(),
    }
    // Empty: the lines are there already.
    let folder = Box::leak(Box::new(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()));
    serde_json::from_value(serde_json::json!({
        "name": "list", "format": "csv", "psp": "simulator", "merchant": merchant.as_str(), "directory": folder.path(),
    }))
    .unwrap()
}

async fn write(tx: &mut Tx, merchant: &str, statement: &str, from: i64, upto: i64, lines: i64) {
    let (number, other, series) = match tx {
        Tx::Sqlite(..) => (
            "printf('%026d', n)",
            format!("printf('%026d', n * 104729 % {lines})"),
            "(with recursive s(n) as (select $2 union all select n + 1 from s where n + 1 < $3) select n from s)",
        ),
        Tx::Postgres(..) => (
            "lpad(cast(n as text), 26, '0')",
            format!("lpad(cast(n * 104729 % {lines} as text), 26, '0')"),
            "generate_series(cast($2 as bigint), cast($3 as bigint) - 1) as s(n)",
        ),
    };
    let sql = statement.replace("NUMBER", number).replace("OTHER", &other).replace("SERIES", series);
    query(Box::leak(sql.into_boxed_str())).bind(merchant).bind(from).bind(upto).bind(BEGIN).execute(tx).await.unwrap();
}
