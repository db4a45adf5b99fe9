//! The rest of a large day, of which nothing is planted: payments that were paid, written into our database and into the stand-in's
//! record as trading would leave them. Their books are written by the verb that writes all books.

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tollgate::db::{Tx, query};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::wallets;
use tollgate::words::{Currency, Money, SellerId};

use super::town::{FEE, GROSS, Town};

/// Journals in one transaction.
const AT_ONCE: usize = 500;

/// `NUMBER` stands for 26 digits, `SERIES` for the numbers `n` from $2 until before $3.
const OURS: [&str; 3] = [
    "insert into payments (id, merchant_id, livemode, status, currency, amount, captured, capture, description, metadata, psp,
         psp_payment, psp_token, form_url, created_at, updated_at, succeeded_at)
     select 'pay_' || NUMBER, $1, false, 'succeeded', 'KRW', 15000, 15000, 'automatic', 'Tea', '{}', 'simulator',
         'spay_' || NUMBER, 't', 'https://psp.example', $4, $4, $4 from SERIES",
    "insert into payment_orders (payment_order_id, payment_id, merchant_id, livemode, seller_account, amount, fee, currency,
         payment_order_status, wallet_updated, ledger_updated, created_at, updated_at, captured, captured_fee, pending, paid_at)
     select 'po_' || NUMBER, 'pay_' || NUMBER, $1, false, $5, '15000', '0', 'KRW', 'SUCCESS', true, true, $4, $4, '15000', '0',
         15000, $4 from SERIES",
    "insert into events (id, merchant_id, livemode, kind, object_id, sequence, data, created_at)
     select 'evt_' || NUMBER, $1, false, 'payment.succeeded', 'pay_' || NUMBER, 1, '{}', $4 from SERIES where $5 <> ''",
];

const THEIRS: [&str; 2] = [
    "insert into payments (id, client_token, register_key, reference, order_ids, amount, currency, capture, status, captured_amount,
         created_at, updated_at)
     select 'spay_' || NUMBER, 'ct_' || NUMBER, 'rk_' || NUMBER, 'pay_' || NUMBER, '[]', 15000, 'KRW', 'automatic', 'succeeded',
         15000, $4, $4 from SERIES where $1 > 0",
    "insert into captures (id, payment_id, key, amount, fee, created_at)
     select 'scap_' || NUMBER, 'spay_' || NUMBER, 'key_' || NUMBER, 15000, $1, $4 from SERIES",
];

/// Until the town has had `size` payments.
pub async fn up_to(town: &Town, size: usize) {
    let there = query("select count(*) as n from payments").one(&town.world.db).await.unwrap();
    let from: i64 = there.get("n").unwrap();
    let upto = i64::try_from(size).unwrap();
    if from >= upto {
        return;
    }
    ours(town, from, upto).await;
    theirs(town, from, upto).await;
}

async fn ours(town: &Town, from: i64, upto: i64) {
    let (tenant, now) = (&town.gateway.tenant, town.world.now());
    let seller = tollgate::merchants::sellers::self_seller(&town.world.db, tenant).await.unwrap().id;
    let mut tx = town.world.db.begin().await.unwrap();
    for statement in OURS {
        let (number, series) = match &tx {
            Tx::Sqlite(..) => ("printf('%026d', n)", SQLITE_SERIES),
            Tx::Postgres(..) => (
                "lpad(cast(n as text), 26, '0')",
                "generate_series(cast($2 as bigint), cast($3 as bigint) - 1) as s(n)",
            ),
        };
        let sql = statement.replace("NUMBER", number).replace("SERIES", series);
        let filled = query(Box::leak(sql.into_boxed_str())).bind(&tenant.merchant).bind(from).bind(upto).bind(now);
        filled.bind(&seller).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    let postings: Vec<Posting> = (from..upto).map(|n| sale(town, &seller, n)).collect();
    for some in postings.chunks(AT_ONCE) {
        let mut tx = town.world.db.begin().await.unwrap();
        wallets::post(&mut tx, some).await.unwrap();
        tx.commit().await.unwrap();
    }
}

const SQLITE_SERIES: &str =
    "(with recursive s(n) as (select $2 union all select n + 1 from s where n + 1 < $3) select n from s)";

fn sale(town: &Town, seller: &SellerId, n: i64) -> Posting {
    Posting {
        kind: "sale",
        source_id: format!("po_{n:026}"),
        tenant: town.gateway.tenant.clone(),
        payment: Some(format!("pay_{n:026}").parse().unwrap()),
        transfers: vec![Transfer {
            debit: Account::Psp("simulator".to_owned()),
            credit: Account::Pending(seller.clone()),
            amount: Money::of(GROSS, Currency::parse("KRW").unwrap()).unwrap(),
        }],
        now: town.world.now(),
    }
}

async fn theirs(town: &Town, from: i64, upto: i64) {
    let options = SqliteConnectOptions::new().filename(town.gateway.simulator_file());
    let mut record = options.busy_timeout(std::time::Duration::from_secs(30)).connect().await.unwrap();
    for statement in THEIRS {
        let sql = statement.replace("NUMBER", "printf('%026d', n)").replace("SERIES", SQLITE_SERIES);
        let filled = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(FEE).bind(from).bind(upto);
        let filled = filled.bind(town.world.now().micros());
        filled.execute(&mut record).await.unwrap();
    }
}
