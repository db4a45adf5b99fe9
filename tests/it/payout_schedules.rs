//! Payouts by schedule: once per period over all processes, made up for after a downtime, and never more than the
//! schedule lets go.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::merchants::sellers::{Change, Verification};
use tollgate::payouts::{self, Filter, Payout};
use tollgate::wallets;
use tollgate::words::{Currency, Money, Page, SellerId, Timestamp};

use crate::payouts::{earned, verified_seller, verify, wallet};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

const DAY: Duration = Duration::from_hours(24);

/// A seller with this schedule, and a clock that stands at noon of 2026-02-26 UTC.
pub async fn scheduled(shop: &Shop, schedule: &Value) -> SellerId {
    shop.world.clock.set(Timestamp::parse("2026-02-26T12:00:00Z").unwrap());
    let seller = verified_seller(shop).await;
    set(shop, &seller, schedule).await;
    seller
}

async fn set(shop: &Shop, seller: &SellerId, schedule: &Value) {
    let now = shop.world.now();
    let (read, shown) = payouts::schedule::read(schedule).unwrap();
    let payout_schedule = Some((shown, payouts::first_due(read.as_ref(), now)));
    let change = Change { payout_schedule, ..Change::default() };
    let mut tx = shop.world.db.begin().await.unwrap();
    payouts::change_seller(&mut tx, &shop.tenant, seller, &change, DAY, now).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

async fn payouts_of(shop: &Shop, seller: &SellerId) -> Vec<Payout> {
    let filter = Filter { seller: Some(seller.clone()), status: None };
    let mut all = payouts::list(&shop.world.db, &shop.tenant, &filter, &Page::newest(100)).await.unwrap().items;
    all.reverse();
    all
}

/// What came of each turn: period, currency, outcome.
async fn turns(shop: &Shop) -> Vec<(String, String, String)> {
    let rows = query("select period, currency, outcome from payout_batches order by period, currency");
    let rows = rows.all(&shop.world.db).await.unwrap();
    rows.iter()
        .map(|row| (row.get("period").unwrap(), row.get("currency").unwrap(), row.get("outcome").unwrap()))
        .collect()
}

fn turn(period: &str, currency: &str, outcome: &str) -> (String, String, String) {
    (period.to_owned(), currency.to_owned(), outcome.to_owned())
}

async fn pass(shop: &Shop, span: Duration) {
    shop.world.clock.advance(span);
    payouts::sweep(&shop.app).await.unwrap();
    shop.run_payout_jobs().await;
}

async fn a_day_pays_each_currency_once_and_a_small_rest_waits(world: World) {
    let shop = Shop::open(world).await;
    let minimum = json!({"USD": "5.00", "JPY": "100"});
    let seller = scheduled(&shop, &json!({"interval": "daily", "minimum": minimum})).await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    earned(&shop, &seller, "2", 99, "JPY").await;
    pass(&shop, Duration::from_hours(11)).await;
    assert!(payouts_of(&shop, &seller).await.is_empty(), "a schedule set today begins tomorrow");
    pass(&shop, Duration::from_hours(1)).await;
    let paid = payouts_of(&shop, &seller).await;
    assert_eq!(paid.len(), 1);
    assert_eq!((paid[0].amount.to_string(), paid[0].period.as_deref()), ("10.00".to_owned(), Some("2026-02-27")));
    assert_eq!(paid[0].asked_by, "schedule");
    earned(&shop, &seller, "3", 1, "JPY").await;
    earned(&shop, &seller, "4", 700, "USD").await;
    pass(&shop, Duration::from_hours(1)).await;
    assert_eq!(payouts_of(&shop, &seller).await.len(), 1, "one per period");
    pass(&shop, DAY).await;
    assert_eq!(payouts_of(&shop, &seller).await.len(), 3);
    assert_eq!(
        turns(&shop).await,
        [
            turn("2026-02-27", "JPY", "below_minimum"),
            turn("2026-02-27", "USD", "paid_out"),
            turn("2026-02-28", "JPY", "paid_out"),
            turn("2026-02-28", "USD", "paid_out"),
        ]
    );
    shop.assert_sound().await;
}

async fn many_processes_that_wake_together_pay_once(world: World) {
    let shop = Shop::open(world).await;
    let seller = scheduled(&shop, &json!({"interval": "daily"})).await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    shop.world.clock.advance(DAY);
    futures_util::future::join_all((0..8).map(|_| payouts::sweep(&shop.app))).await;
    let key = format!("{seller}:2026-02-27");
    // Leases forbid it; the key of the period holds all the same.
    let takers = (0..8).map(|_| payouts::take_turn(&shop.app, &key));
    for taken in futures_util::future::join_all(takers).await {
        taken.unwrap();
    }
    shop.run_payout_jobs().await;
    assert_eq!(payouts_of(&shop, &seller).await.len(), 1);
    assert_eq!(wallet(&shop, &seller).await, (0, 1000));
    shop.assert_sound().await;
}

async fn after_a_downtime_one_payout_makes_up_for_all(world: World) {
    let shop = Shop::open(world).await;
    let seller = scheduled(&shop, &json!({"interval": "daily"})).await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    pass(&shop, DAY * 10).await;
    pass(&shop, Duration::from_secs(10)).await;
    let paid = payouts_of(&shop, &seller).await;
    assert_eq!(paid.iter().map(|payout| payout.period.as_deref()).collect::<Vec<_>>(), [Some("2026-03-08")]);
    earned(&shop, &seller, "2", 500, "USD").await;
    pass(&shop, DAY).await;
    assert_eq!(payouts_of(&shop, &seller).await.len(), 2);
}

async fn a_crash_between_the_turn_and_its_job_neither_loses_nor_doubles_it(world: World) {
    let shop = Shop::open(world).await;
    let seller = scheduled(&shop, &json!({"interval": "daily"})).await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    shop.world.clock.advance(DAY);
    payouts::sweep(&shop.app).await.unwrap();
    // The worker dies here; another one finds the job, tomorrow.
    shop.world.clock.advance(DAY);
    payouts::sweep(&shop.app).await.unwrap();
    shop.run_payout_jobs().await;
    let paid = payouts_of(&shop, &seller).await;
    assert_eq!(paid.len(), 1, "the later turn found nothing left: {paid:?}");
    assert_eq!(turns(&shop).await.len(), 2);
    shop.assert_sound().await;
}

async fn a_month_pays_on_its_last_day_in_the_sellers_time_zone(world: World) {
    let shop = Shop::open(world).await;
    let schedule = json!({"interval": "monthly", "month_day": 31, "hour": 9, "time_zone": "Asia/Seoul"});
    let seller = scheduled(&shop, &schedule).await;
    earned(&shop, &seller, "1", 30_000, "KRW").await;
    // 09:00 in Seoul on 2026-02-28 is midnight in UTC.
    pass(&shop, Duration::from_hours(35)).await;
    assert!(payouts_of(&shop, &seller).await.is_empty());
    pass(&shop, Duration::from_hours(1)).await;
    let paid = payouts_of(&shop, &seller).await;
    assert_eq!((paid[0].amount.to_string(), paid[0].period.as_deref()), ("30000".to_owned(), Some("2026-02-28")));
}

async fn young_money_and_the_reserve_stay(world: World) {
    let shop = Shop::open(world).await;
    let schedule = json!({"interval": "daily", "delay_days": 2, "reserve_ppm": 100_000});
    let seller = scheduled(&shop, &schedule).await;
    earned(&shop, &seller, "old", 1000, "USD").await;
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (1000, 0), "a day old");
    earned(&shop, &seller, "young", 500, "USD").await;
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (500, 1000), "the young is more than the reserve");
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (50, 1450), "a tenth stays");
    shop.assert_sound().await;
}

/// Old money that went away for a while and came back, as by a dispute that was won or a refund that failed.
async fn what_only_came_back_is_not_young(world: World) {
    let shop = Shop::open(world).await;
    let seller = scheduled(&shop, &json!({"interval": "daily", "delay_days": 2})).await;
    earned(&shop, &seller, "old", 1000, "USD").await;
    shop.world.clock.advance(DAY * 3);
    let (here, there) = (Account::Available(seller.clone()), Account::Reserved(seller.clone()));
    for (kind, debit, credit) in [
        ("refund_asked", here.clone(), there.clone()),
        ("refund_failed", there.clone(), here.clone()),
        ("dispute_opened", here.clone(), there.clone()),
        ("dispute_won", there, here),
    ] {
        let amount = Money::of(1000, Currency::parse("USD").unwrap()).unwrap();
        let transfers = vec![Transfer { debit, credit, amount }];
        let (tenant, now) = (shop.tenant.clone(), shop.world.now());
        let posting = Posting { kind, source_id: "x".to_owned(), tenant, payment: None, transfers, now };
        let mut tx = shop.world.db.begin().await.unwrap();
        wallets::post(&mut tx, &[posting]).await.unwrap();
        tx.commit().await.unwrap();
    }
    pass(&shop, Duration::ZERO).await;
    assert_eq!(wallet(&shop, &seller).await, (0, 1000));
}

async fn a_schedule_that_is_saved_again_keeps_the_turn_that_is_due(world: World) {
    let shop = Shop::open(world).await;
    let daily = json!({"interval": "daily"});
    let seller = scheduled(&shop, &daily).await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    shop.world.clock.advance(DAY);
    set(&shop, &seller, &daily).await;
    pass(&shop, Duration::ZERO).await;
    assert_eq!(payouts_of(&shop, &seller).await.len(), 1, "the same once more");

    earned(&shop, &seller, "2", 1000, "USD").await;
    shop.world.clock.advance(DAY);
    set(&shop, &seller, &json!({"interval": "daily", "delay_days": 1})).await;
    pass(&shop, Duration::ZERO).await;
    assert_eq!(turns(&shop).await.len(), 2, "another one while a turn is due");
}

async fn a_rolling_reserve_is_kept_for_its_days_and_let_go(world: World) {
    let shop = Shop::open(world).await;
    let schedule = json!({"interval": "daily", "reserve_ppm": 100_000, "reserve_days": 3});
    let seller = scheduled(&shop, &schedule).await;
    earned(&shop, &seller, "first", 1000, "USD").await;
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (100, 900), "a tenth stays");
    earned(&shop, &seller, "second", 500, "USD").await;
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (150, 1350), "of the first one too");
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (50, 1450), "the days of the first are over");
    pass(&shop, DAY).await;
    assert_eq!(wallet(&shop, &seller).await, (0, 1500));
    shop.assert_sound().await;
}

async fn who_may_not_be_paid_keeps_the_money_and_the_turn_says_why(world: World) {
    let shop = Shop::open(world).await;
    let seller = scheduled(&shop, &json!({"interval": "daily"})).await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    verify(&shop, &seller, Verification::Rejected).await;
    pass(&shop, DAY).await;
    verify(&shop, &seller, Verification::Verified).await;
    shop.owes(&seller, 2000).await;
    pass(&shop, DAY).await;
    earned(&shop, &seller, "2", 1100, "USD").await;
    pass(&shop, DAY).await;
    assert_eq!(
        turns(&shop).await,
        [
            turn("2026-02-27", "USD", "seller_not_verified"),
            turn("2026-02-28", "USD", "nothing_payable"),
            turn("2026-03-01", "USD", "paid_out"),
        ]
    );
    assert_eq!(wallet(&shop, &seller).await, (0, 100), "what was owed is kept from the later sale");
    set(&shop, &seller, &json!({"interval": "manual"})).await;
    pass(&shop, DAY * 3).await;
    assert_eq!(turns(&shop).await.len(), 3);
    shop.assert_sound().await;
}

both_databases!(
    a_day_pays_each_currency_once_and_a_small_rest_waits,
    many_processes_that_wake_together_pay_once,
    after_a_downtime_one_payout_makes_up_for_all,
    a_crash_between_the_turn_and_its_job_neither_loses_nor_doubles_it,
    a_month_pays_on_its_last_day_in_the_sellers_time_zone,
    young_money_and_the_reserve_stay,
    what_only_came_back_is_not_young,
    a_schedule_that_is_saved_again_keeps_the_turn_that_is_due,
    a_rolling_reserve_is_kept_for_its_days_and_let_go,
    who_may_not_be_paid_keeps_the_money_and_the_turn_says_why,
);
