//! The books: a fact once, never changed, never mixed between tenants.

use tollgate::db::{Db, DbError, Tx, query};
use tollgate::ledger::{self, Account, BalanceFilter, Flaw, LedgerError, Posting, Transfer};
use tollgate::words::{
    Currency, MerchantId, Mode, Money, Page, PaymentId, PaymentOrderId, SellerId, Tenant, Timestamp,
};

use crate::support::{Engine, World, both_databases};

/// A merchant in test mode with one seller.
pub async fn tenant(world: &World) -> (Tenant, SellerId) {
    let tenant = Tenant::new(MerchantId::new(), Mode::Test);
    let mut tx = world.db.begin().await.unwrap();
    query("insert into merchants (id, name, created_at) values ($1, 'Shop', 1)")
        .bind(&tenant.merchant)
        .execute(&mut tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let seller = seller(world, &tenant).await;
    (tenant, seller)
}

/// One more seller.
pub async fn seller(world: &World, tenant: &Tenant) -> SellerId {
    let seller = SellerId::new();
    let mut tx = world.db.begin().await.unwrap();
    query(
        "insert into sellers (id, merchant_id, livemode, name, is_self, metadata, created_at) \
         values ($1, $2, $3, 'Seller', false, '{}', 1)",
    )
    .bind(&seller)
    .bind(&tenant.merchant)
    .bind(tenant.mode)
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    seller
}

pub fn krw(minor: i64) -> Money {
    Money::of(minor, Currency::parse("KRW").unwrap()).unwrap()
}

/// The sale of a new order: `amount`, of which `fee` is the platform's.
pub fn sale(tenant: &Tenant, seller: &SellerId, amount: i64, fee: i64) -> Posting {
    let psp = || Account::Psp("simulator".to_owned());
    let mut transfers =
        vec![Transfer { debit: psp(), credit: Account::Pending(seller.clone()), amount: krw(amount - fee) }];
    if fee > 0 {
        transfers.push(Transfer { debit: psp(), credit: Account::PlatformFees, amount: krw(fee) });
    }
    Posting {
        kind: "sale",
        source_id: PaymentOrderId::new().to_string(),
        tenant: tenant.clone(),
        payment: Some(PaymentId::new()),
        transfers,
        now: Timestamp::from_unix_seconds(1_760_000_000),
    }
}

async fn post(db: &Db, postings: &[Posting]) -> Result<Vec<ledger::Entry>, LedgerError> {
    let mut tx = db.begin().await.unwrap();
    let entries = ledger::post(&mut tx, postings).await?;
    tx.commit().await.unwrap();
    Ok(entries)
}

async fn rows(db: &Db, table: &'static str) -> i64 {
    query(table).one(db).await.unwrap().get("n").unwrap()
}

const JOURNALS: &str = "select count(*) as n from journals";
const TRANSFERS: &str = "select count(*) as n from transfers";

async fn a_fact_is_posted_once(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let sale = sale(&tenant, &seller, 100, 3);
    let first = post(&world.db, std::slice::from_ref(&sale)).await.unwrap();
    assert!(first[0].new);

    let mut later = sale.clone();
    later.now = Timestamp::from_unix_seconds(1_760_009_999);
    let second = post(&world.db, &[later]).await.unwrap();
    assert!(!second[0].new);
    assert_eq!(second[0].journal, first[0].journal);
    assert_eq!((rows(&world.db, JOURNALS).await, rows(&world.db, TRANSFERS).await), (1, 2));
}

async fn other_contents_under_the_same_fact_are_an_error(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let sale = sale(&tenant, &seller, 100, 3);
    post(&world.db, std::slice::from_ref(&sale)).await.unwrap();

    let mut dearer = sale.clone();
    dearer.transfers[0].amount = krw(98);
    let mut shorter = sale.clone();
    shorter.transfers.pop();
    let mut elsewhere = sale.clone();
    elsewhere.transfers[0].credit = Account::Available(seller.clone());
    let mut of_another_payment = sale.clone();
    of_another_payment.payment = Some(PaymentId::new());
    for lie in [dearer, shorter, elsewhere, of_another_payment] {
        let error = post(&world.db, &[lie]).await.unwrap_err();
        assert!(matches!(error, LedgerError::Flaw(Flaw::Contradiction(_))), "{error}");
    }
    assert_eq!((rows(&world.db, JOURNALS).await, rows(&world.db, TRANSFERS).await), (1, 2));
}

async fn a_batch_says_of_each_fact_whether_it_is_new(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let known = sale(&tenant, &seller, 100, 3);
    let known_journal = post(&world.db, std::slice::from_ref(&known)).await.unwrap()[0].journal.clone();

    let fresh: Vec<Posting> = (1..=40).map(|amount| sale(&tenant, &seller, amount, 0)).collect();
    let mut batch = fresh.clone();
    batch.insert(7, known.clone());
    batch.push(fresh[0].clone());
    let entries = post(&world.db, &batch).await.unwrap();

    assert_eq!(entries.len(), 42);
    assert_eq!(entries[7], ledger::Entry { journal: known_journal, new: false });
    assert_eq!(entries[41], ledger::Entry { journal: entries[0].journal.clone(), new: false });
    assert_eq!(entries.iter().filter(|entry| entry.new).count(), 40);
    // Each journal has the transfers of its own posting.
    for (posting, entry) in batch.iter().zip(&entries) {
        let journals = ledger::of_payment(&world.db, &tenant, posting.payment.as_ref().unwrap()).await.unwrap();
        assert_eq!(journals.len(), 1);
        assert_eq!(journals[0].id, entry.journal);
        assert_eq!(journals[0].source_id, posting.source_id);
        assert_eq!(journals[0].lines[0].amount, posting.transfers[0].amount.minor());
    }
    assert_eq!(post(&world.db, &[]).await.unwrap(), []);
}

async fn many_who_post_one_fact_at_once_post_it_once(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let facts: Vec<Posting> = (0..3).map(|_| sale(&tenant, &seller, 100, 3)).collect();
    let tasks: Vec<_> = (0..12)
        .map(|turn| {
            let (db, mut facts) = (world.db.clone(), facts.clone());
            facts.rotate_left(turn % 3); // in another order, which must not deadlock
            tokio::spawn(async move { post(&db, &facts).await.unwrap().iter().filter(|entry| entry.new).count() })
        })
        .collect();
    let mut new = 0;
    for task in tasks {
        new += task.await.unwrap();
    }
    assert_eq!(new, 3);
    assert_eq!((rows(&world.db, JOURNALS).await, rows(&world.db, TRANSFERS).await), (3, 6));
}

async fn raw(db: &Db, sql: &'static str) -> Result<u64, DbError> {
    let mut tx: Tx = db.begin().await.unwrap();
    let touched = query(sql).execute(&mut tx).await?;
    tx.commit().await.unwrap();
    Ok(touched)
}

async fn the_database_refuses_to_change_the_books(world: World) {
    let (tenant, seller) = tenant(&world).await;
    post(&world.db, &[sale(&tenant, &seller, 100, 3)]).await.unwrap();
    let before = dump(&world.db).await;

    let mut attacks = vec![
        "update transfers set amount = amount + 1",
        "update transfers set credit_account = 'bank'",
        "delete from transfers",
        "update journals set kind = 'gift'",
        "delete from journals",
    ];
    match world.engine {
        Engine::Sqlite => attacks.extend([
            "insert or replace into transfers select merchant_id, livemode, journal_id, line, debit_account, credit_account, \
             amount + 1, currency, created_at from transfers",
            "update or replace journals set control_total = 1",
        ]),
        Engine::Postgres => attacks.extend(["truncate transfers", "truncate journals cascade", "truncate journals, transfers"]),
    }
    for attack in attacks {
        let error = raw(&world.db, attack).await.expect_err(attack);
        let DbError::Sqlx(error) = error else { panic!("{attack}: {error}") };
        assert!(error.to_string().contains("append-only"), "{attack}: {error}");
    }
    if world.engine == Engine::Sqlite {
        // The journal's place is taken, so nothing is written: neither the old row nor a new one.
        let replace = "insert or replace into journals select merchant_id, livemode, id, 'gift', source_id, payment_id, \
             transfer_count, control_total, created_at from journals";
        assert_eq!(raw(&world.db, replace).await.unwrap(), 0);
    }
    assert_eq!(dump(&world.db).await, before);
}

async fn dump(db: &Db) -> Vec<String> {
    query(
        "select j.kind || j.source_id || t.debit_account || t.credit_account || cast(t.amount as text) as line \
           from journals j join transfers t on t.journal_id = j.id order by t.line",
    )
    .all(db)
    .await
    .unwrap()
    .iter()
    .map(|row| row.get("line").unwrap())
    .collect()
}

async fn the_database_refuses_a_transfer_of_another_tenant(world: World) {
    let (tenant, seller) = tenant(&world).await;
    post(&world.db, &[sale(&tenant, &seller, 100, 3)]).await.unwrap();
    for smuggled in [
        "insert into transfers select merchant_id, not livemode, journal_id, 9, debit_account, credit_account, amount, currency, created_at \
         from transfers where line = 0",
        "insert into transfers select 'mrc_other', livemode, journal_id, 9, debit_account, credit_account, amount, currency, created_at \
         from transfers where line = 0",
        "insert into transfers select merchant_id, livemode, journal_id, 9, debit_account, credit_account, 0, currency, created_at \
         from transfers where line = 0",
        "insert into transfers select merchant_id, livemode, journal_id, 9, debit_account, debit_account, amount, currency, created_at \
         from transfers where line = 0",
    ] {
        assert!(raw(&world.db, smuggled).await.is_err(), "{smuggled}");
    }
    assert_eq!(rows(&world.db, TRANSFERS).await, 2);
}

async fn test_and_live_books_are_two_books(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let in_test = sale(&tenant, &seller, 100, 3);
    let mut in_live = in_test.clone();
    in_live.tenant.mode = Mode::Live;
    in_live.transfers[0].amount = krw(1);
    let entries = post(&world.db, &[in_test.clone(), in_live.clone()]).await.unwrap();
    assert!(entries.iter().all(|entry| entry.new), "the same source in another mode is another fact");

    let payment = in_test.payment.unwrap();
    let live = ledger::of_payment(&world.db, &in_live.tenant, &payment).await.unwrap();
    assert_eq!(live[0].lines[0].amount, 1);
    let stranger = Tenant::new(MerchantId::new(), Mode::Test);
    assert_eq!(ledger::of_payment(&world.db, &stranger, &payment).await.unwrap(), []);
    let nothing = ledger::balances(&mut world.db.snapshot().await.unwrap(), &stranger, &BalanceFilter::default(), 10)
        .await
        .unwrap();
    assert_eq!(nothing.items, []);
}

async fn balances_are_known_at_any_instant(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let at = |seconds: i64| Timestamp::from_unix_seconds(1_760_000_000 + seconds);
    let mut first = sale(&tenant, &seller, 100, 3);
    first.now = at(10);
    let mut second = sale(&tenant, &seller, 50, 0);
    second.now = at(20);
    let usd = Money::of(7, Currency::parse("USD").unwrap()).unwrap();
    second.transfers.push(Transfer { debit: Account::Bank, credit: Account::Suspense, amount: usd });
    post(&world.db, &[first, second]).await.unwrap();

    let read = |currency: Option<&str>, at: Option<Timestamp>| {
        let currency = currency.map(|code| Currency::parse(code).unwrap());
        let (db, tenant) = (&world.db, &tenant);
        async move {
            let filter = BalanceFilter { currency, at, after: None };
            let balances =
                ledger::balances(&mut db.snapshot().await.unwrap(), tenant, &filter, 100).await.unwrap().items;
            balances.into_iter().map(|balance| (balance.account, balance.debits, balance.credits)).collect::<Vec<_>>()
        }
    };
    let pending = format!("seller:{seller}:pending");
    let psp = "psp:simulator".to_owned();
    let fees = "fees:platform".to_owned();
    assert_eq!(read(None, Some(at(9))).await, []);
    let early = vec![(fees.clone(), 0, 3), (psp.clone(), 100, 0), (pending.clone(), 0, 97)];
    assert_eq!(read(None, Some(at(10))).await, early);
    let late = vec![(fees, 0, 3), (psp, 150, 0), (pending, 0, 147)];
    assert_eq!(read(Some("KRW"), None).await, late);
    assert_eq!(read(Some("USD"), None).await, [("bank".to_owned(), 7, 0), ("suspense".to_owned(), 0, 7)]);
    let all = read(None, None).await;
    assert_eq!(all.len(), 5);
    assert_eq!(all.iter().map(|(_, debits, credits)| debits - credits).sum::<i128>(), 0);

    // In pieces, the same.
    let mut filter = BalanceFilter::default();
    let mut pieces = Vec::new();
    loop {
        let slice = ledger::balances(&mut world.db.snapshot().await.unwrap(), &tenant, &filter, 2).await.unwrap();
        pieces.extend(slice.items.iter().map(|balance| balance.account.clone()));
        let last = slice.items.last().unwrap();
        filter.after = Some((last.currency, last.account.parse().unwrap()));
        if !slice.has_more {
            break;
        }
    }
    assert_eq!(pieces, all.into_iter().map(|(account, ..)| account).collect::<Vec<_>>());
}

async fn journals_are_read_in_pages(world: World) {
    let (tenant, seller) = tenant(&world).await;
    let mut ids = Vec::new();
    for amount in 1..=5 {
        ids.push(post(&world.db, &[sale(&tenant, &seller, amount, 0)]).await.unwrap()[0].journal.clone());
        tokio::time::sleep(std::time::Duration::from_millis(2)).await; // ids are in the order of their milliseconds
    }
    ids.reverse();
    let read = |page: Page| {
        let (db, tenant) = (&world.db, &tenant);
        async move {
            let slice = ledger::journals(db, tenant, None, &page).await.unwrap();
            (slice.items.into_iter().map(|journal| journal.id).collect::<Vec<_>>(), slice.has_more)
        }
    };
    let part = |from: usize, to: usize| ids[from..to].to_vec();
    assert_eq!(read(Page::newest(2)).await, (part(0, 2), true));
    assert_eq!(read(Page::after(2, ids[1].to_string())).await, (part(2, 4), true));
    assert_eq!(read(Page::after(2, ids[3].to_string())).await, (part(4, 5), false));
    assert_eq!(read(Page::before(2, ids[4].to_string())).await, (part(2, 4), true));
    assert_eq!(read(Page::newest(5)).await, (part(0, 5), false));
    assert!(ledger::is_posted(&world.db, &tenant, &ids[0]).await.unwrap());
    let stranger = Tenant::new(MerchantId::new(), Mode::Test);
    assert!(!ledger::is_posted(&world.db, &stranger, &ids[0]).await.unwrap());
}

both_databases!(
    a_fact_is_posted_once,
    other_contents_under_the_same_fact_are_an_error,
    a_batch_says_of_each_fact_whether_it_is_new,
    many_who_post_one_fact_at_once_post_it_once,
    the_database_refuses_to_change_the_books,
    the_database_refuses_a_transfer_of_another_tenant,
    test_and_live_books_are_two_books,
    balances_are_known_at_any_instant,
    journals_are_read_in_pages,
);
