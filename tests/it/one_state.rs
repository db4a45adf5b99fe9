//! What finance people read is one state of the books, also while sales go on: here one more sale commits before every statement of
//! the read.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::Value;
use tollgate::db::query;
use tollgate::steps::{Step, Watcher, watched};

use crate::finance::{Books, at};
use crate::support::{World, both_databases};

/// Sells something before each statement of whoever is watched.
struct Sales {
    books: Arc<Books>,
    sold: AtomicI64,
}

impl Watcher for Sales {
    fn arrive(&self, _: Step) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.sold.fetch_add(1, Ordering::Relaxed);
        let books = Arc::clone(&self.books);
        // On a task of its own, which nobody watches.
        let sale = tokio::spawn(async move { books.sold(100, 3, 20).await });
        Box::pin(async { sale.await.unwrap() })
    }

    fn begun(&self) {}

    fn over(&self) {}
}

async fn beside_sales<T>(books: &Arc<Books>, reading: impl Future<Output = T>) -> T {
    let sales = Arc::new(Sales { books: Arc::clone(books), sold: AtomicI64::new(0) });
    let read = watched(sales.clone(), reading).await;
    assert!(sales.sold.load(Ordering::Relaxed) > 1, "nothing was sold meanwhile");
    read
}

fn sum(values: impl Iterator<Item = Value>) -> i64 {
    values.map(|value| value.as_str().unwrap().parse::<i64>().unwrap()).sum()
}

async fn a_statement_explains_everything_while_sales_go_on(world: World) {
    let books = Arc::new(Books::open(world).await);
    books.sold(1000, 30, 10).await;
    books.seal().await;
    let path = format!("/v1/sellers/{}/statement?from={}&to={}", books.seller, at(0), at(30));
    let view = beside_sales(&books, books.get(&format!("{path}&limit=100"))).await;
    assert_eq!(view["unexplained"]["total"], "0", "{view}");
    assert_eq!(view["changes"]["total"], view["closing"]["total"], "{view}");
    let lines = view["data"].as_array().unwrap();
    assert_eq!(view["lines"], lines.len());
    assert_eq!(sum(lines.iter().map(|line| line["change"]["total"].clone())).to_string(), view["closing"]["total"]);

    let (_, file) = beside_sales(&books, books.ask(&path, "text/csv")).await;
    let rows: Vec<Vec<&str>> = file.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let [first, lines @ .., last] = &rows[..] else { panic!("{file}") };
    assert_eq!((first[2], last[2]), ("opening", "closing"), "{file}");
    let changes: i64 = lines.iter().map(|row| row[9].parse::<i64>().unwrap()).sum();
    assert_eq!(changes.to_string(), last[9], "{file}");
}

async fn a_trial_balance_sums_what_it_shows_while_sales_go_on(world: World) {
    let books = Arc::new(Books::open(world).await);
    books.sold(1000, 30, 10).await;
    books.seal().await;
    let path = format!("/v1/ledger/trial_balance?at={}", at(30));
    let view = beside_sales(&books, books.get(&format!("{path}&limit=100"))).await;
    for column in ["debit", "credit"] {
        let shown = sum(view["data"].as_array().unwrap().iter().map(|account| account[column].clone()));
        assert_eq!(view["totals"][0][column], shown.to_string(), "{view}");
    }
    let (_, file) = beside_sales(&books, books.ask(&path, "text/csv")).await;
    let rows: Vec<Vec<&str>> = file.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let (total, accounts) = rows.split_last().unwrap();
    let shown: i64 = accounts.iter().map(|row| row[3].parse::<i64>().unwrap()).sum();
    assert_eq!((total[0], total[3]), ("total", &*shown.to_string()), "{file}");
}

async fn a_snapshot_sees_nothing_new_and_refuses_to_write(world: World) {
    let books = Books::open(world).await;
    let mut snapshot = books.shop.app.db.snapshot().await.unwrap();
    let count = "select count(*) as n from journals";
    assert_eq!(query(count).one(&mut snapshot).await.unwrap().get::<i64>("n").unwrap(), 0);
    books.sold(1000, 30, 10).await;
    assert_eq!(query(count).one(&mut snapshot).await.unwrap().get::<i64>("n").unwrap(), 0);
    let written = query("delete from jobs returning id").all(&mut snapshot).await;
    assert!(written.is_err(), "a snapshot has written");
}

both_databases!(
    a_statement_explains_everything_while_sales_go_on,
    a_trial_balance_sums_what_it_shows_while_sales_go_on,
    a_snapshot_sees_nothing_new_and_refuses_to_write,
);
