//! What the watch knows is said in full: how many there are, since when, and what others keep a list of.

use std::time::Duration;

use tollgate::db::query;
use tollgate::integrity::State;
use tollgate::integrity::watch::{self, Law, StandingError};

use crate::support::shop::Shop;
use crate::support::{World, both_databases};

async fn raw(shop: &Shop, statement: &'static str) {
    let mut tx = shop.app.db.begin().await.unwrap();
    query(statement).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

async fn look(shop: &Shop) {
    while watch::look(&shop.app.db, shop.app.now()).await.unwrap() {}
}

/// How the law of this name stands for the shop; asked until it is this caller's turn.
async fn law(shop: &Shop, name: &str) -> Law {
    loop {
        match watch::standing(&shop.app.db, &shop.app.whole_reads, &shop.tenant, shop.app.now()).await {
            Err(StandingError::Busy) => tokio::time::sleep(Duration::from_millis(20)).await,
            told => return told.unwrap().laws.into_iter().find(|law| law.check.name == name).unwrap(),
        }
    }
}

async fn counted(shop: &Shop, name: &str) -> i64 {
    watch::counts(&shop.app.db).await.unwrap().into_iter().find(|(check, _)| *check == name).unwrap().1
}

const CAPTURES: &str = "one_capture_per_checkout";

async fn every_break_is_counted_and_the_first_few_are_named(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..7 {
        shop.paid().await;
    }
    raw(&shop, "update payments set captured = captured - 1").await;
    look(&shop).await;
    let told = law(&shop, CAPTURES).await;
    assert_eq!((told.check.state, told.check.broken, told.check.findings.len()), (State::Broken, 7, 5));
    assert_eq!(counted(&shop, CAPTURES).await, 7);
    raw(&shop, "update payments set captured = captured + 1").await;
    shop.world.clock.advance(Duration::from_hours(7));
    look(&shop).await;
    assert_eq!((law(&shop, CAPTURES).await.check.broken, counted(&shop, CAPTURES).await), (0, 0));
}

async fn a_break_keeps_the_time_it_was_found(world: World) {
    let shop = Shop::open(world).await;
    shop.paid().await;
    shop.paid().await;
    raw(&shop, "update payments set captured = captured - 1").await;
    look(&shop).await;
    let first = law(&shop, CAPTURES).await;
    assert_eq!((first.check.broken, &first.found_at[..]), (2, &[shop.app.now(); 2][..]));
    raw(&shop, "update payments set captured = captured + 1 where id = (select max(id) from payments)").await;
    shop.world.clock.advance(Duration::from_hours(7));
    look(&shop).await;
    let later = law(&shop, CAPTURES).await;
    assert_eq!(
        (later.check.broken, &later.found_at[..]),
        (1, &first.found_at[..1]),
        "one is mended, the other as old as it is"
    );
}

async fn what_the_provider_disagrees_with_is_said_as_long_as_it_is_open(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    look(&shop).await;
    assert_eq!(law(&shop, "provider_agrees").await.check.state, State::NotChecked);
    let mut tx = shop.app.db.begin().await.unwrap();
    query(
        "insert into breaks (id, merchant_id, livemode, source, type, class, cause, status, subject, object_kind, object_id, currency, \
         at_risk, opened_at) values ('brk_1', $1, $2, 'simulator', 'amount_differs', 'investigate', 'unknown', 'open', $3, 'charge', $3, \
         'USD', 100, $4)",
    )
    .bind(&shop.tenant.merchant)
    .bind(shop.tenant.mode)
    .bind(&opened.payment.id)
    .bind(shop.app.now())
    .execute(&mut tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let told = law(&shop, "provider_agrees").await;
    assert_eq!((told.check.state, told.check.broken), (State::Broken, 1), "{told:?}");
    assert_eq!(
        (told.check.findings[0].subject.as_str(), told.found_at[0]),
        (opened.payment.id.as_str(), shop.app.now())
    );
    assert_eq!(counted(&shop, "provider_agrees").await, 1);
    raw(&shop, "update breaks set status = 'resolved', closed_at = 1, closed_by = 'lee', resolution = 'paid back'")
        .await;
    assert_eq!(law(&shop, "provider_agrees").await.check.state, State::NotChecked);
    assert_eq!(counted(&shop, "provider_agrees").await, 0);
}

both_databases!(
    every_break_is_counted_and_the_first_few_are_named,
    a_break_keeps_the_time_it_was_found,
    what_the_provider_disagrees_with_is_said_as_long_as_it_is_open,
);
