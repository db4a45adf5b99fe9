//! Reads and writes of one size of ledger.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tollgate::db::{Db, Value, insert_many, query};
use tollgate::integrity::watch;
use tollgate::ledger::statements::{self, Period};
use tollgate::ledger::{self, Account, BalanceFilter, Posting, Transfer, balances};
use tollgate::wallets;
use tollgate::words::{Clock as _, Currency, JournalId, Money, PaymentId, PaymentOrderId, SystemClock, Timestamp};

use super::fill::{SELLERS, STEP, Town, posted, seller};
use super::numbers::Run;

/// Reads of one kind.
const READS: i64 = 200;
/// Clients that post at once.
const CLIENTS: usize = 8;

fn krw() -> Currency {
    Currency::parse("KRW").unwrap()
}

fn tell(transfers: i64, what: &str, run: &Run) {
    println!("| {transfers} {}", run.line(what));
}

/// Balances now and then, a statement, and the sum that the books used to be read by.
pub async fn reads(db: &Db, town: &Town, transfers: i64) {
    let journals = transfers / 2;
    // Spread over the whole life of the books, never twice the same.
    let instant = |turn: i64| posted(turn * 7919 % journals);
    let run = timed(READS, async |_| {
        let filter = BalanceFilter { currency: Some(krw()), ..BalanceFilter::default() };
        assert_eq!(
            ledger::balances(&mut db.snapshot().await.unwrap(), &town.tenant, &filter, 10).await.unwrap().items.len(),
            10
        );
    });
    tell(transfers, "ten balances, now", &run.await);
    let run = timed(READS, async |turn| {
        let filter = BalanceFilter { currency: Some(krw()), at: Some(instant(turn)), after: None };
        assert!(
            !ledger::balances(&mut db.snapshot().await.unwrap(), &town.tenant, &filter, 10)
                .await
                .unwrap()
                .items
                .is_empty()
        );
    });
    tell(transfers, "ten balances, at an instant", &run.await);
    let run = timed(READS, async |turn| {
        let found =
            balances::of_seller(&mut db.snapshot().await.unwrap(), &town.tenant, &seller(turn % SELLERS), krw(), None)
                .await
                .unwrap();
        assert_eq!(found.len(), 1);
    });
    tell(transfers, "one seller's balances, now", &run.await);
    let run = timed(READS, async |turn| {
        let from = instant(turn);
        let span = Duration::from_micros(u64::try_from(STEP * SELLERS * 20).unwrap());
        let period = Period { seller: seller(turn % SELLERS), currency: krw(), from, to: from.plus(span) };
        let summary = statements::summary(&mut db.snapshot().await.unwrap(), &town.tenant, &period).await.unwrap();
        assert!(summary.unexplained.is_nothing(), "{summary:?}");
    });
    tell(transfers, "a seller's statement of twenty lines", &run.await);
    let run = timed(3, async |_| {
        query("select sum(amount) as n from transfers where merchant_id = $1 and livemode = $2 and debit_account = 'psp:simulator'")
            .bind(&town.tenant.merchant)
            .bind(town.tenant.mode)
            .all(db)
            .await
            .unwrap();
    });
    tell(transfers, "raw SQL: the sum over one account's transfers", &run.await);
}

async fn timed(count: i64, mut read: impl AsyncFnMut(i64)) -> Run {
    let begun = Instant::now();
    let mut took = Vec::new();
    for turn in 1..=count {
        let started = Instant::now();
        read(turn).await;
        took.push(started.elapsed());
    }
    Run::new(begun.elapsed(), took)
}

static NEXT: AtomicI64 = AtomicI64::new(1);

/// Sales, one per transaction, through the books and then with raw SQL.
pub async fn posting(db: &Db, town: &Town, transfers: i64, span: Duration) {
    // Dated where the bulk ends, among the others.
    let at = posted(transfers / 2);
    let ours = clients(span, async || {
        let mut tx = db.begin().await.unwrap();
        wallets::post(&mut tx, &[sale(town, at)]).await.unwrap();
        tx.commit().await.unwrap();
    });
    let ours = ours.await;
    tell(transfers, "a sale posted, 8 clients", &ours);
    let raw = clients(span, async || raw(db, town, at).await).await;
    tell(transfers, "raw SQL: the same rows, 8 clients", &raw);
    let ratio = ours.per_second_tenths() * 100 / raw.per_second_tenths().max(1);
    println!("| {transfers} | · posted / raw | {ratio} % |||||");
}

async fn clients(span: Duration, work: impl AsyncFn()) -> Run {
    let begun = Instant::now();
    let each = (0..CLIENTS).map(|_| async {
        let mut took = Vec::new();
        while begun.elapsed() < span {
            let started = Instant::now();
            work().await;
            took.push(started.elapsed());
        }
        took
    });
    let took = futures_util::future::join_all(each).await.into_iter().flatten().collect();
    Run::new(begun.elapsed(), took)
}

fn sale(town: &Town, at: Timestamp) -> Posting {
    let won = |minor| Money::of(minor, krw()).unwrap();
    let psp = || Account::Psp("simulator".to_owned());
    let seller = seller(NEXT.fetch_add(1, Ordering::Relaxed) * 7919 % SELLERS);
    Posting {
        kind: "opening",
        source_id: PaymentOrderId::new().to_string(),
        tenant: town.tenant.clone(),
        payment: Some(PaymentId::new()),
        transfers: vec![
            Transfer { debit: psp(), credit: Account::Pending(seller), amount: won(97) },
            Transfer { debit: psp(), credit: Account::PlatformFees, amount: won(3) },
        ],
        now: at,
    }
}

/// What [`sale`] leaves, with four bare statements.
async fn raw(db: &Db, town: &Town, at: Timestamp) {
    let posting = sale(town, at);
    let journal = JournalId::new();
    let (merchant, mode) = (&posting.tenant.merchant, posting.tenant.mode);
    let mut tx = db.begin().await.unwrap();
    let row: Vec<Value> = vec![
        merchant.into(),
        mode.into(),
        (&journal).into(),
        "opening".into(),
        (&posting.source_id).into(),
        (&posting.payment).into(),
        2_i64.into(),
        100_i64.into(),
        posting.now.into(),
    ];
    insert_many(
        "insert into journals (merchant_id, livemode, id, kind, source_id, payment_id, transfer_count, control_total, created_at)",
        vec![row],
        "",
    )
    .execute(&mut tx)
    .await
    .unwrap();
    let rows = posting.transfers.iter().zip(0_i64..).map(|(transfer, line)| {
        vec![
            merchant.into(),
            mode.into(),
            (&journal).into(),
            line.into(),
            transfer.debit.to_string().into(),
            transfer.credit.to_string().into(),
            transfer.amount.minor().into(),
            transfer.amount.currency().into(),
            posting.now.into(),
        ]
    });
    insert_many(
        "insert into transfers (merchant_id, livemode, journal_id, line, debit_account, credit_account, amount, currency, created_at)",
        rows.collect(),
        "",
    )
    .execute(&mut tx)
    .await
    .unwrap();
    insert_many(
        "insert into unsealed_journals (journal_id, merchant_id, livemode)",
        vec![vec![(&journal).into(), merchant.into(), mode.into()]],
        "",
    )
    .execute(&mut tx)
    .await
    .unwrap();
    let (seller, _) = posting.transfers[0].credit.pocket().unwrap();
    query(
        "update wallets set pending = pending + 97 where merchant_id = $1 and livemode = $2 and seller_id = $3 and currency = 'KRW'",
    )
    .bind(merchant)
    .bind(mode)
    .bind(seller)
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// The watch looks at a thousand sealed journals, as many at once as it does.
pub async fn looks(db: &Db, transfers: i64) {
    // As if it had just looked at everything.
    let now = SystemClock.now();
    let mut tx = db.begin().await.unwrap();
    query("update integrity_watch set full_at = $1, position = (select positions from ledger_chain) - 1000")
        .bind(Timestamp::from_micros(now.micros()))
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let begun = Instant::now();
    while watch::look(db, now).await.unwrap() {}
    println!("| {transfers} | the watch looks at 1000 sealed journals | in {} ms |||||", begun.elapsed().as_millis());
}
