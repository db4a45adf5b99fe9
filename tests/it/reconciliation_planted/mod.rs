//! Days of simulated trade with mistakes of every type planted in the PSP's lists, in the bank's statement, in what we heard and in
//! our own database: each is found as what it is, nothing else is, and afterwards the three sides agree and `suspense` holds what
//! nobody can explain, to the last won.
//!
//! `TOLLGATE_TEST_PLANTED=100000` makes the first day that large.

mod fill;
mod first_day;
mod table;
mod town;

use std::time::Duration;

use jiff::civil::Date;
use serde_json::json;
use tollgate::db::query;

use crate::support::{World, both_databases};
use first_day::FirstDay;
use table::Stands;
use town::{FEE, GROSS, Landing, PART, Town};

both_databases!(every_planted_mistake_is_found_and_nothing_else);

/// Of each kind.
const EACH: usize = 3;
/// Payments of the first day, unless told otherwise.
const SIZE: usize = 2_000;

fn size() -> usize {
    std::env::var("TOLLGATE_TEST_PLANTED").ok().and_then(|n| n.parse().ok()).unwrap_or(SIZE)
}

async fn every_planted_mistake_is_found_and_nothing_else(world: World) {
    let mut town = Town::open(world).await;
    let first = FirstDay::play(&mut town, size()).await;
    town.assert_sound().await;
    delayed_rows_are_told(&mut town, &first).await;
    let mut day = payouts_of_the_psp_go_wrong(&mut town).await;
    our_own_database_is_wrong(&mut town).await;
    // Nothing runs for days. What was waited for in vain is missing then, and so is what nobody has looked at in time.
    town.world.clock.advance(Duration::from_hours(24));
    let unseen = town.trade(1).await;
    town.plant_each("settlement", [&town.captures().await[&unseen[0]]], &json!({ "kind": "drop" })).await;
    town.world.clock.advance(Duration::from_hours(13 * 24));
    day = day.checked_add(jiff::Span::new().days(14)).unwrap();
    town.expect_each(table::CHARGE_MISSING, &unseen, &Stands::WAITS);
    for (late, missing) in [(table::CHARGE_LATE, table::CHARGE_MISSING), (table::ON_ITS_WAY, table::NOT_IN_BANK)] {
        town.turns(late, missing, &town.waited_for(late));
    }
    town.reconcile(day).await;
    town.assert_found().await;
    town.assert_agree().await;
    town.assert_sound().await;
    town.assert_bank_agrees().await;
    town.assert_rest_is_matched().await;
    town.assert_every_row_of_the_table_arose();
    town.gateway.stop().await;
}

/// A day passes, with a little trade in it.
async fn next_day(town: &mut Town, trade: usize) -> (Date, Landing) {
    town.world.clock.advance(Duration::from_hours(24));
    town.trade(trade).await;
    let (day, mut landings) = town.close_day().await;
    (day, landings.remove("KRW").unwrap())
}

/// The second day: what was told a day later is told, and nothing of it is left.
async fn delayed_rows_are_told(town: &mut Town, first: &FirstDay) {
    let (day, _) = next_day(town, 2).await;
    first.delayed_are_told(town);
    town.reconcile(day).await;
    town.assert_found().await;
    town.assert_agree().await;
}

/// Days on which the PSP's payout does not reach the bank as it was sent.
async fn payouts_of_the_psp_go_wrong(town: &mut Town) -> Date {
    let net = 2 * (GROSS - FEE);
    // It does not arrive at all.
    let (day, lost) = next_day(town, 2).await;
    assert_eq!(lost.amount, net);
    town.plant("statement", json!({ "kind": "drop", "row": lost.entry })).await;
    town.expect(table::ON_ITS_WAY, &lost.batch, Stands::WAITS);
    town.reconcile(day).await;
    town.assert_found().await;
    // Less arrives, and the list says of the payout what is not the sum of its rows.
    let (day, less) = next_day(town, 2).await;
    town.plant("statement", json!({ "kind": "alter", "row": less.entry, "gross": net - 100 })).await;
    town.plant("settlement", json!({ "kind": "alter", "row": less.row, "gross": 50 - net })).await;
    town.expect(table::RECEIVED_OTHER_AMOUNT, &less.entry, Stands::with(-100));
    town.expect(table::NOT_ITS_BATCH, &less.row, Stands::WAITS);
    town.reconcile(day).await;
    town.assert_found().await;
    // It is booked twice.
    let (day, twice) = next_day(town, 2).await;
    town.plant("statement", json!({ "kind": "double", "row": twice.entry })).await;
    town.expect(table::BOOKED_TWICE, &twice.entry, Stands::with(net));
    town.reconcile(day).await;
    town.assert_found().await;
    // It arrives in another currency: what was sent has not landed before somebody has booked the exchange.
    let (day, dollars) = next_day(town, 2).await;
    town.plant("statement", json!({ "kind": "alter", "row": dollars.entry, "currency": "USD" })).await;
    town.expect(table::RECEIVED_OTHER_CURRENCY, &dollars.entry, Stands::Waits(vec![("USD".to_owned(), net)]));
    town.expect(table::ON_ITS_WAY, &dollars.batch, Stands::WAITS);
    town.reconcile(day).await;
    town.assert_found().await;
    town.assert_agree().await;
    // It arrives a day later.
    let (day, later) = next_day(town, 2).await;
    town.plant("statement", json!({ "kind": "delay", "row": later.entry, "days": 1 })).await;
    town.expect(table::ON_ITS_WAY, &later.batch, Stands::WAITS);
    town.reconcile(day).await;
    town.assert_found().await;
    let (day, _) = next_day(town, 2).await;
    town.came_right(table::ON_ITS_WAY, [&later.batch]);
    town.reconcile(day).await;
    town.assert_found().await;
    town.assert_agree().await;
    day
}

/// Somebody changes our rows and not the books: the lists show it, the PSP's account is not explained, and when it is put right
/// the differences are gone by themselves.
async fn our_own_database_is_wrong(town: &mut Town) {
    town.world.clock.advance(Duration::from_hours(24));
    let paid = town.trade(4).await;
    let [less, foreign, failed, smaller] = &paid[..] else { panic!("four") };
    let (failed_refund, failed_row) = town.refund(failed).await;
    let (smaller_refund, smaller_row) = town.refund(smaller).await;
    let contested = town.trade(1).await.remove(0);
    let dispute = town.dispute(&contested).await;
    let seller = town.seller_with(&town.trade(1).await).await;
    let payout = town.payout(&seller).await;
    let phantom = town.given_up().await;
    let captures = town.captures().await;
    let (day, _) = town.close_day().await;

    let now = town.world.now();
    for (sql, id) in [
        ("update payments set captured = captured - 100 where id = $1", less),
        ("update payments set psp = 'another' where id = $1", foreign),
        ("update attempts set psp = 'another' where payment_id = $1", foreign),
        (
            "update refunds set status = 'failed', failure_code = 'never', psp_reference = null, succeeded_at = null
             where id = $1",
            &failed_refund,
        ),
        ("update refunds set amount = amount - 100 where id = $1", &smaller_refund),
        ("update disputes set amount = amount - 100 where psp_reference = $1", &dispute),
        ("update payouts set amount = amount - 100 where id = $1", &payout.id),
    ] {
        change(town, sql, id).await;
    }
    let mut tx = town.world.db.begin().await.unwrap();
    let sql = "update payments set status = 'succeeded', captured = amount, succeeded_at = $2 where id = $1";
    assert_eq!(query(sql).bind(phantom.as_str()).bind(now).execute(&mut tx).await.unwrap(), 1);
    tx.commit().await.unwrap();

    let wrong = [
        (table::OTHER_AMOUNT, captures[less].clone(), 100),
        (table::NOT_FROM_HERE, captures[foreign].clone(), GROSS - FEE),
        (table::REFUND_FAILED_HERE, failed_row, -PART),
        (table::OTHER_AMOUNT, smaller_row, -100),
        (table::OTHER_AMOUNT, dispute.clone(), -100),
        (table::RECEIVED_OTHER_AMOUNT, payout.out(), -100),
    ];
    for (found, about, held) in &wrong {
        town.expect(*found, about, Stands::with(*held));
    }
    town.expect(table::CHARGE_LATE, &phantom, Stands::WAITS);
    town.reconcile(day).await;
    town.assert_found().await;
    assert!(!town.is_explained().await, "what our rows say is not what the books say, and the alarm rings");

    for (sql, id) in [
        ("update payments set captured = captured + 100 where id = $1", less),
        ("update payments set psp = 'simulator' where id = $1", foreign),
        ("update attempts set psp = 'simulator' where payment_id = $1", foreign),
        (
            "update refunds set status = 'succeeded', failure_code = null, succeeded_at = settled_at,
                 psp_reference = (select max(psp_movement) from settlement_lines where our_key = $1) where id = $1",
            &failed_refund,
        ),
        ("update refunds set amount = amount + 100 where id = $1", &smaller_refund),
        ("update disputes set amount = amount + 100 where psp_reference = $1", &dispute),
        ("update payouts set amount = amount + 100 where id = $1", &payout.id),
        ("update payments set status = 'expired', captured = 0, succeeded_at = null where id = $1", &phantom),
    ] {
        change(town, sql, id).await;
    }
    for (found, about, _) in &wrong {
        town.came_right(*found, [about]);
    }
    town.reconcile(day).await;
    town.assert_found().await;
    town.assert_agree().await;
}

async fn change(town: &Town, sql: &'static str, id: &str) {
    let mut tx = town.world.db.begin().await.unwrap();
    assert_eq!(query(sql).bind(id).execute(&mut tx).await.unwrap(), 1, "{sql}");
    tx.commit().await.unwrap();
}
