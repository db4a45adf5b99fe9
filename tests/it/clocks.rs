//! A clock that once ran ahead by a year leaves nothing waiting for that year to be over.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::integrity::watch;
use tollgate::payments::{disputes, jobs};
use tollgate::payouts;
use tollgate::queue::{self, NewJob};
use tollgate::reconciliation::runs::{self, Trigger};
use tollgate::words::Timestamp;

use crate::payout_schedules::scheduled;
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

const HOUR: Duration = Duration::from_hours(1);
const LEASE: Duration = Duration::from_secs(30);

/// Does something while the clock is a year ahead, and puts it right again.
async fn a_year_ahead<T>(shop: &Shop, work: impl Future<Output = T>) -> T {
    let now = shop.world.now();
    shop.world.clock.advance(HOUR * 24 * 365);
    let done = work.await;
    shop.world.clock.set(now);
    done
}

async fn raw(shop: &Shop, statement: &'static str) {
    let mut tx = shop.app.db.begin().await.unwrap();
    query(statement).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn number(shop: &Shop, sql: &'static str) -> i64 {
    query(sql).one(&shop.app.db).await.unwrap().get("n").unwrap()
}

async fn the_watch_looks_on(world: World) {
    let shop = Shop::open(world).await;
    shop.paid().await;
    let look = async || while watch::look(&shop.app.db, shop.app.now()).await.unwrap() {};
    let ahead = async {
        raw(&shop, "update payments set captured = captured - 1").await;
        look().await;
        // The process ends while it has the watch.
        raw(&shop, "update integrity_watch set taken_until = full_at").await;
    };
    a_year_ahead(&shop, Box::pin(ahead)).await;
    raw(&shop, "update payments set captured = captured + 1").await;
    look().await;
    let seen = watch::seen(&shop.app.db).await.unwrap();
    assert_eq!(seen.full_at, Some(shop.app.now()));
    assert!(watch::breaks(&shop.app.db, &shop.tenant).await.unwrap().is_empty(), "what is mended is forgotten");
}

async fn disputes_are_found(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let named = format!("psp_{}", opened.payment.id);
    shop.sweep().await;
    let ahead = async {
        shop.sweep().await;
        shop.run_jobs().await;
    };
    a_year_ahead(&shop, Box::pin(ahead)).await;
    raw(&shop, "update dispute_watch set looked_until = next_at").await;
    shop.world.clock.advance(Duration::from_mins(1));
    shop.psp.contest(&named, "d", 400, shop.world.now());
    shop.sweep().await;
    shop.run_jobs().await;
    assert_eq!(disputes::of_payment(&shop.world.db, &opened.payment.id).await.unwrap().len(), 1);
    // And so is the end of one that was put off.
    raw(&shop, "update disputes set next_look_at = next_look_at + 31536000000000").await;
    shop.psp.rule("d", tollgate::psp::DisputeStatus::Lost);
    shop.sweep().await;
    shop.run_jobs().await;
    assert_eq!(number(&shop, "select count(*) as n from disputes where status = 'lost'").await, 1);
}

/// More disputes within an hour than the PSP tells at once, their webhooks lost.
async fn a_list_that_is_cut_is_asked_for_to_its_end(world: World) {
    let shop = Shop::open(world).await;
    shop.sweep().await;
    let mut contested = Vec::new();
    for n in 0..7 {
        shop.world.clock.advance(Duration::from_secs(1));
        let opened = shop.paid().await;
        shop.psp.contest(&format!("psp_{}", opened.payment.id), &format!("d{n}"), 400, shop.world.now());
        contested.push(opened);
    }
    *shop.psp.dispute_page.lock().unwrap() = Some(3);
    for _ in 0..2 {
        shop.world.clock.advance(Duration::from_mins(11));
        shop.sweep().await;
        shop.run_jobs().await;
    }
    for opened in contested {
        assert_eq!(disputes::of_payment(&shop.world.db, &opened.payment.id).await.unwrap().len(), 1);
    }
}

async fn turns_are_taken(world: World) {
    let shop = Shop::open(world).await;
    for (schedule, most) in [
        (json!({ "interval": "daily" }), 1),
        (json!({ "interval": "weekly", "weekday": "monday" }), 7),
        (json!({ "interval": "monthly", "month_day": 31 }), 31),
    ] {
        let seller = scheduled(&shop, &schedule).await;
        a_year_ahead(&shop, async { payouts::sweep(&shop.app).await.unwrap() }).await;
        payouts::pull_back(&shop.app).await.unwrap();
        let due = query("select payout_due_at as n from sellers where id = $1").bind(&seller);
        let due: Timestamp = due.one(&shop.app.db).await.unwrap().get("n").unwrap();
        let now = shop.app.now();
        assert!(due > now && due <= now.plus(HOUR * 24 * most), "{schedule}: {due}");
        // What is due in its time stays.
        payouts::pull_back(&shop.app).await.unwrap();
        let still = query("select payout_due_at as n from sellers where id = $1").bind(&seller);
        assert_eq!(still.one(&shop.app.db).await.unwrap().get::<Timestamp>("n").unwrap(), due);
    }
}

async fn jobs_run(world: World) {
    let shop = Shop::open(world).await;
    let enqueue = async |key: &'static str, wait| {
        let mut tx = shop.app.db.begin().await.unwrap();
        let run_at = shop.app.now().plus(wait);
        let job = NewJob { kind: jobs::NEW_DISPUTES, key, payload: Value::Null, run_at, tenant: None };
        queue::enqueue(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
    };
    let claim = async || {
        let mut tx = shop.app.db.begin().await.unwrap();
        let claimed = queue::claim(&mut tx, "payments", 10, shop.app.now(), LEASE).await.unwrap();
        tx.commit().await.unwrap();
        claimed.into_iter().map(|job| job.key).collect::<Vec<_>>()
    };
    let pull_back = async || queue::pull_back(&shop.app.db, "payments", shop.app.now(), LEASE).await.unwrap();
    a_year_ahead(&shop, async {
        enqueue("held", Duration::ZERO).await;
        assert_eq!(claim().await, ["held"]);
        enqueue("waits", Duration::from_mins(1)).await;
        // Asked for again while it runs.
        enqueue("held", Duration::from_mins(1)).await;
    })
    .await;
    enqueue("ours", HOUR * 24 * 7).await;
    assert_eq!(claim().await, Vec::<String>::new());
    assert_eq!(pull_back().await, 3);
    assert_eq!(pull_back().await, 0);
    // Whoever holds one may be at it still: it is waited for as long as anybody.
    assert_eq!(claim().await, ["waits"]);
    shop.world.clock.advance(LEASE);
    let mut left = claim().await;
    left.sort();
    assert_eq!(left, ["held", "waits"]);
}

async fn a_run_of_reconciliation_is_begun(world: World) {
    let shop = Shop::open(world).await;
    let begin = async || runs::begin(&shop.app, "list", None, Trigger::Console, false).await.unwrap();
    assert!(a_year_ahead(&shop, begin()).await.is_some());
    assert!(begin().await.is_some(), "the one that is a year ahead is taken for dead");
    assert!(begin().await.is_none());
}

both_databases!(
    the_watch_looks_on,
    disputes_are_found,
    a_list_that_is_cut_is_asked_for_to_its_end,
    turns_are_taken,
    jobs_run,
    a_run_of_reconciliation_is_begun,
);
