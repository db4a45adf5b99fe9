//! A ledger of any size: sales of 100 with a fee of 3, spread over a thousand sellers and over time.

use tollgate::db::{Db, Tx, query};
use tollgate::keyring::Keyring;
use tollgate::ledger::seals::{self, Sealed};
use tollgate::merchants;
use tollgate::words::{Clock as _, Mode, SellerId, SystemClock, Tenant, Timestamp};

/// Sellers of the one merchant.
pub const SELLERS: i64 = 1000;
/// When the first journal was posted, and the time between two: five million transfers are about a month.
pub const BEGIN: i64 = 1_760_000_000_000_000;
pub const STEP: i64 = 1_000_000;

pub struct Town {
    pub tenant: Tenant,
}

impl Town {
    pub async fn build(db: &Db) -> Self {
        let mut tx = db.begin().await.unwrap();
        let merchant = merchants::create(&mut tx, "Town", SystemClock.now()).await.unwrap();
        let tenant = Tenant::new(merchant.id, Mode::Test);
        for number in 0..SELLERS {
            query(
                "insert into sellers (id, merchant_id, livemode, name, is_self, metadata, created_at) \
                 values ($1, $2, $3, 'Seller', false, '{}', 1)",
            )
            .bind(seller(number).as_str())
            .bind(&tenant.merchant)
            .bind(tenant.mode)
            .execute(&mut tx)
            .await
            .unwrap();
        }
        tx.commit().await.unwrap();
        Self { tenant }
    }
}

pub fn seller(number: i64) -> SellerId {
    SellerId::parse(&format!("sel_{number:026}")).unwrap()
}

/// When journal `number` of the bulk was posted.
pub fn posted(number: i64) -> Timestamp {
    Timestamp::from_micros(BEGIN + number * STEP)
}

const JOURNALS: &str = "insert into journals (merchant_id, livemode, id, kind, source_id, payment_id, transfer_count, control_total, created_at) \
     select $1, $2, 'jrn_' || NUMBER, 'opening', 'po_' || NUMBER, 'pay_' || NUMBER, 2, 100, $5 + n * $6 from SERIES";
const SHARES: &str = "insert into transfers (merchant_id, livemode, journal_id, line, debit_account, credit_account, amount, currency, created_at) \
     select $1, $2, 'jrn_' || NUMBER, 0, 'psp:simulator', 'seller:sel_' || SELLER || ':pending', 97, 'KRW', $5 + n * $6 from SERIES";
const FEES: &str = "insert into transfers (merchant_id, livemode, journal_id, line, debit_account, credit_account, amount, currency, created_at) \
     select $1, $2, 'jrn_' || NUMBER, 1, 'psp:simulator', 'fees:platform', 3, 'KRW', $5 + n * $6 from SERIES";
const WAITING: &str = "insert into unsealed_journals (journal_id, merchant_id, livemode) \
     select 'jrn_' || NUMBER, $1, $2 from SERIES where $5 + $6 > 0";

/// Fills the ledger to so many transfers, two for each journal; the wallets follow.
pub async fn up_to(db: &Db, town: &Town, transfers: i64) {
    let row = query("select count(*) as n from journals where id < 'jrn_01'").one(db).await.unwrap();
    let mut from: i64 = row.get("n").unwrap();
    let end = transfers / 2;
    while from < end {
        let upto = end.min(from + 100_000);
        let mut tx = db.begin().await.unwrap();
        for statement in [JOURNALS, SHARES, FEES, WAITING] {
            write(&mut tx, town, statement, from, upto).await;
        }
        tx.commit().await.unwrap();
        from = upto;
    }
    let mut tx = db.begin().await.unwrap();
    query("delete from wallets").execute(&mut tx).await.unwrap();
    query(
        "insert into wallets (merchant_id, livemode, seller_id, currency, pending, available, paying_out, reserved, created_at, updated_at) \
         select merchant_id, livemode, substr(credit_account, 8, 30), 'KRW', sum(amount), 0, 0, 0, 1, 1 from transfers \
         where credit_account like 'seller:%' group by merchant_id, livemode, credit_account",
    )
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    analyze(db).await;
}

async fn write(tx: &mut Tx, town: &Town, statement: &str, from: i64, upto: i64) {
    let (number, seller, series) = match tx {
        Tx::Sqlite(..) => (
            "printf('%026d', n)",
            "printf('%026d', n * 7919 % 1000)",
            "(with recursive s(n) as (select $3 union all select n + 1 from s where n + 1 < $4) select n from s)",
        ),
        Tx::Postgres(..) => (
            "lpad(cast(n as text), 26, '0')",
            "lpad(cast(n * 7919 % 1000 as text), 26, '0')",
            "generate_series(cast($3 as bigint), cast($4 as bigint) - 1) as s(n)",
        ),
    };
    let sql = statement.replace("NUMBER", number).replace("SELLER", seller).replace("SERIES", series);
    query(Box::leak(sql.into_boxed_str()))
        .bind(&town.tenant.merchant)
        .bind(town.tenant.mode)
        .bind(from)
        .bind(upto)
        .bind(BEGIN)
        .bind(STEP)
        .execute(tx)
        .await
        .unwrap();
}

/// What a PostgreSQL server does by itself while it works. SQLite has no statistics unless somebody asks for them, and a gateway does not.
async fn analyze(db: &Db) {
    if let Db::Postgres(pool) = db {
        sqlx::query("vacuum analyze").execute(pool).await.map(drop).unwrap();
    }
}

/// Seals all that waits and says how many journals those were.
pub async fn seal(db: &Db, keyring: &Keyring) -> u64 {
    let mut journals = 0;
    while let Sealed::Block(block) = seals::seal(db, keyring, &seals::Head::default(), SystemClock.now()).await.unwrap()
    {
        journals += u64::try_from(block.last_position - block.first_position + 1).unwrap();
    }
    analyze(db).await;
    journals
}
