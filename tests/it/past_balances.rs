//! Balances of the past are what the transfers say, whatever the clocks did and however large the sums are.

use tollgate::db::{Row, query};
use tollgate::integrity::{self, Scope, State};
use tollgate::ledger::seals::{self, Head, Sealed};
use tollgate::ledger::{self, BalanceFilter, Posting};
use tollgate::reconciliation::report::psp_account;
use tollgate::wallets;
use tollgate::words::{Mode, Timestamp};

use crate::finance::Books;
use crate::ledger::{sale, seller, tenant};
use crate::support::{World, both_databases};

const DAY: i64 = 86_400_000_000;
const BEGIN: i64 = 1_760_000_000_000_000;

/// Whether what is kept of balances is the sum of the transfers.
async fn kept(books: &Books) -> State {
    let report = integrity::check(&books.shop.app.db, Scope::Everything).await.unwrap();
    report.checks.iter().find(|check| check.name == "balances_equal_transfers").unwrap().state
}

/// A clock was a year behind, was put right, ran four years ahead, and so on, over several blocks.
async fn balances_are_the_sums_whatever_the_clocks_did(world: World) {
    let books = Books::open(world).await;
    let pending = format!("seller:{}:pending", books.seller);
    let mut sold: Vec<(i64, i128)> = Vec::new();
    for turn in 0..24_i64 {
        let jump = [-365, 0, 4 * 365, 0][usize::try_from(turn % 4).unwrap()] * DAY;
        // Some within minutes, some within hours and some within days of each other.
        let later = turn * [1, 7_919, 104_729][usize::try_from(turn % 3).unwrap()] * 1_000_003;
        let mut posting = sale(books.tenant(), &books.seller, 100 + turn, 3);
        posting.now = Timestamp::from_micros(BEGIN + jump + later);
        sold.push((posting.now.micros(), i128::from(100 + turn)));
        books.post(posting).await;
        if turn % 5 == 4 {
            books.seal().await;
        }
    }
    let mut instants = vec![i64::MIN, 0, i64::MAX - 1];
    for (at, _) in &sold {
        let edges = [28, 36, 44].map(|width| (at >> width) << width);
        instants.extend([at - 1, *at, at + DAY].into_iter().chain(edges).chain(edges.map(|edge| edge - 1)));
    }
    for sealed in [false, true] {
        if sealed {
            books.seal().await;
        }
        for at in &instants {
            let by_then: Vec<i128> = sold.iter().filter(|(when, _)| when <= at).map(|(_, amount)| *amount).collect();
            let (all, fees) = (by_then.iter().sum::<i128>(), 3 * i128::try_from(by_then.len()).unwrap());
            let expected = match by_then.len() {
                0 => Vec::new(),
                _ => vec![
                    ("fees:platform".to_owned(), 0, fees),
                    ("psp:simulator".to_owned(), all, 0),
                    (pending.clone(), 0, all - fees),
                ],
            };
            assert_eq!(books.standing(Some(Timestamp::from_micros(*at))).await, expected, "at {at}, sealed: {sealed}");
        }
        assert_eq!(kept(&books).await, State::Holds);
    }
}

async fn rows(books: &Books, sql: &'static str) -> Vec<String> {
    let text = |row: &Row| row.get::<String>("line");
    query(sql).all(&books.shop.app.db).await.unwrap().iter().map(text).collect::<Result<_, _>>().unwrap()
}

async fn everything_kept(books: &Books) -> Vec<String> {
    let mut all = rows(
        books,
        "select merchant_id || ' ' || currency || ' ' || account || ' ' || width || ' ' || start_at || ' ' || debits_high || ' ' || \
         debits_low || ' ' || credits_high || ' ' || credits_low as line from balance_buckets order by 1",
    )
    .await;
    let balances = "select merchant_id || ' ' || currency || ' ' || account || ' ' || first_at || ' ' || debits_high || ' ' || \
         debits_low || ' ' || credits_high || ' ' || credits_low as line from account_balances order by 1";
    all.extend(rows(books, balances).await);
    let times = "select merchant_id || ' ' || posted_at || ' ' || journal_id as line from sealed_times order by 1";
    all.extend(rows(books, times).await);
    all
}

/// A database of before is given what the sealer would have written.
async fn books_that_are_sealed_already_are_taken_over(world: World) {
    let books = Books::open(world).await;
    let rich = seller(&books.shop.world, books.tenant()).await;
    for turn in 0..12 {
        books.sold(1_000 + turn, 3, turn * 40_000_007).await;
        // Their low parts go over into the high ones.
        let mut posting = sale(books.tenant(), &rich, 999_999_999_999_999 - turn, 3);
        posting.now = Timestamp::from_micros(BEGIN + turn);
        books.post(posting).await;
    }
    books.seal().await;
    books.sold(5, 0, 1).await;
    let sealed = everything_kept(&books).await;
    let mut tx = books.shop.app.db.begin().await.unwrap();
    for back in [
        "drop table balance_buckets",
        "drop table sealed_times",
        "create table balance_checkpoints (block bigint)",
        "create index ledger_blocks_by_time on ledger_blocks (until_at, number)",
        "delete from _sqlx_migrations where version = 37",
    ] {
        query(back).execute(&mut tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    books.shop.app.db.migrate(&tollgate::db::GATEWAY).await.unwrap();
    assert_eq!(everything_kept(&books).await, sealed);
    assert_eq!(kept(&books).await, State::Holds);
    books.seal().await;
    assert_eq!(kept(&books).await, State::Holds);
}

/// One merchant's test money is worth more than 64 bits hold: everybody's journals are sealed all the same.
async fn sums_beyond_64_bits_stop_nobody(world: World) {
    const SALES: i64 = 9_400;
    const MOST: i64 = 999_999_999_999_999;
    let books = Books::open(world).await;
    let db = &books.shop.app.db;
    let two = [books.seller.clone(), seller(&books.shop.world, books.tenant()).await];
    let mut left = SALES;
    while left > 0 {
        let sales: Vec<Posting> =
            (0..left.min(500)).map(|n| sale(books.tenant(), &two[usize::from(n % 2 == 0)], MOST, 0)).collect();
        left -= 500;
        let mut tx = db.begin().await.unwrap();
        wallets::post(&mut tx, &sales).await.unwrap();
        tx.commit().await.unwrap();
    }
    let (other, their_seller) = tenant(&books.shop.world).await;
    let mut tx = db.begin().await.unwrap();
    wallets::post(&mut tx, &[sale(&other, &their_seller, 100, 3)]).await.unwrap();
    tx.commit().await.unwrap();

    let all = i128::from(SALES) * i128::from(MOST);
    assert!(i64::try_from(all).is_err(), "the test is about sums that do not fit");
    let psp = async |at| books.standing(at).await.into_iter().find(|(account, ..)| account == "psp:simulator").unwrap();
    assert_eq!(psp(None).await.1, all);
    let head = Head::default();
    while let Sealed::Block(_) = seals::seal(db, &books.shop.app.keyring, &head, books.shop.app.now()).await.unwrap() {}
    assert_eq!(seals::behind(db).await.unwrap().0, 0);
    for at in [None, Some(books.shop.app.now())] {
        assert_eq!(psp(at).await.1, all);
        let filter = BalanceFilter { at, ..BalanceFilter::default() };
        let theirs = ledger::balances(&mut db.snapshot().await.unwrap(), &other, &filter, 10).await.unwrap().items;
        assert_eq!(theirs.iter().map(|it| it.debits).sum::<i128>(), 100);
    }
    let shown = books.get("/v1/ledger/trial_balance").await;
    assert_eq!(shown["totals"][0]["debit"], all.to_string());
    let told = psp_account(db, "simulator", Mode::Test, &[]).await.unwrap();
    assert_eq!(told.iter().map(|account| account.balance).collect::<Vec<_>>(), [all + 100]);
    let report = integrity::check(db, Scope::Everything).await.unwrap();
    for name in ["debits_equal_credits", "wallets_equal_ledger", "balances_equal_transfers"] {
        let check = report.checks.iter().find(|check| check.name == name).unwrap();
        assert_eq!(check.state, State::Holds, "{check:#?}");
    }
}

both_databases!(
    balances_are_the_sums_whatever_the_clocks_did,
    books_that_are_sealed_already_are_taken_over,
    sums_beyond_64_bits_stop_nobody,
);
