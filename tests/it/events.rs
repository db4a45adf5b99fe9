//! Events: written with their fact, numbered per object, and in the log without a gap or a late arrival.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;
use tollgate::db::{Db, Tx};
use tollgate::events::{self, Event, NewEvent};
use tollgate::words::{EventId, Mode, Page, PaymentId, Tenant, Timestamp};

use crate::support::{Caller, Engine, World, both_databases};

both_databases!(
    events_of_an_object_are_numbered_and_roll_back_with_their_fact,
    readers_lose_nothing_while_everybody_writes,
    a_reader_that_fails_reads_again,
    the_api_lists_filters_and_keeps_tenants_apart,
    a_list_goes_on_where_its_page_ended,
);

async fn append(tx: &mut Tx, tenant: &Tenant, object_id: &str, now: Timestamp) -> EventId {
    let data = json!({"id": object_id, "object": "payment"});
    events::append(tx, NewEvent { tenant, kind: "payment.succeeded", object_id, data, now }).await.unwrap()
}

async fn place(db: &Db) -> u64 {
    let mut tx = db.begin().await.unwrap();
    let placed = events::place(&mut tx, 50).await.unwrap();
    tx.commit().await.unwrap();
    placed
}

async fn take(db: &Db, limit: i64) -> Vec<Event> {
    let mut tx = db.begin().await.unwrap();
    let taken = events::take(&mut tx, "webhooks", limit).await.unwrap();
    tx.commit().await.unwrap();
    taken
}

async fn events_of_an_object_are_numbered_and_roll_back_with_their_fact(world: World) {
    let (tenant, other) = (world.tenant().await, world.tenant().await);
    let mut tx = world.db.begin().await.unwrap();
    for object in ["a", "a", "b"] {
        append(&mut tx, &tenant, object, world.now()).await;
    }
    append(&mut tx, &other, "a", world.now()).await;
    append(&mut tx, &Tenant::new(tenant.merchant.clone(), Mode::Live), "a", world.now()).await;
    tx.commit().await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    append(&mut tx, &tenant, "a", world.now()).await;
    tx.rollback().await.unwrap();

    let numbers = async |tenant: &Tenant, object: &str| -> Vec<i64> {
        let all = events::of_object(&world.db, tenant, object).await.unwrap();
        all.iter().map(|event| event.sequence).collect()
    };
    assert_eq!(numbers(&tenant, "a").await, [1, 2]);
    assert_eq!(numbers(&tenant, "b").await, [1]);
    assert_eq!(numbers(&other, "a").await, [1]);
    let mut tx = world.db.begin().await.unwrap();
    append(&mut tx, &tenant, "a", world.now()).await;
    tx.commit().await.unwrap();
    assert_eq!(numbers(&tenant, "a").await, [1, 2, 3], "no number is lost to a rollback");
}

/// Clocks of several gateways differ: what is asked for by time is read by time, not by id, and no page leaves anything out.
async fn a_list_goes_on_where_its_page_ended(world: World) {
    let tenant = world.tenant().await;
    let at = |second: i64| Timestamp::from_unix_seconds(1_760_000_000 + second);
    let mut tx = world.db.begin().await.unwrap();
    let mut made = Vec::new();
    for (second, object) in [(5, "a"), (3, "b"), (3, "a"), (8, "a"), (1, "a"), (9, "b"), (3, "a"), (7, "b")] {
        made.push((at(second), append(&mut tx, &tenant, object, at(second)).await, object));
    }
    tx.commit().await.unwrap();
    let all = events::Filter::default();
    let by_time = events::Filter { from: Some(at(2)), until: Some(at(9)), ..all.clone() };
    let of_one = events::Filter { object_id: Some("a".to_owned()), ..all.clone() };
    let both = events::Filter { object_id: Some("a".to_owned()), ..by_time.clone() };
    for (filter, timed) in [(all, false), (by_time, true), (of_one, false), (both, false)] {
        let asked = |(at, _, object): &&(Timestamp, EventId, &str)| {
            filter.object_id.as_deref().is_none_or(|id| id == *object)
                && filter.from.is_none_or(|from| *at >= from)
                && filter.until.is_none_or(|until| *at < until)
        };
        let mut wanted: Vec<_> = made.iter().filter(asked).collect();
        // Ids of one millisecond stand in any order; of one object the numbers stand as they were given.
        match (timed, filter.object_id.is_some()) {
            (true, _) => wanted.sort_by_key(|(at, id, _)| (*at, id.clone())),
            (false, true) => {}
            (false, false) => wanted.sort_by_key(|(_, id, _)| id.clone()),
        }
        let wanted: Vec<EventId> = wanted.into_iter().rev().map(|(_, id, _)| id.clone()).collect();
        let (mut page, mut read) = (Page::newest(2), Vec::new());
        loop {
            let slice = events::list(&world.db, &tenant, &filter, &page).await.unwrap();
            read.extend(slice.items.iter().map(|event| event.id.clone()));
            let Some(last) = slice.onward() else { break };
            page = Page::after(2, last.id.to_string());
        }
        assert_eq!(read, wanted, "{filter:?}");
        let before = Page::before(2, wanted[wanted.len() - 1].to_string());
        let slice = events::list(&world.db, &tenant, &filter, &before).await.unwrap();
        let ids: Vec<EventId> = slice.items.into_iter().map(|event| event.id).collect();
        assert_eq!(ids, wanted[wanted.len() - 3..wanted.len() - 1], "{filter:?}");
    }
}

/// Six writers, two placers and two readers at once: every committed event is read exactly once, in one order.
async fn readers_lose_nothing_while_everybody_writes(world: World) {
    let tenant = world.tenant().await;
    let writing = Arc::new(AtomicBool::new(true));
    let mut writers = Vec::new();
    for writer in 0..6_u64 {
        let (db, tenant, now) = (world.db.clone(), tenant.clone(), world.now());
        writers.push(tokio::spawn(async move {
            let mut written = Vec::new();
            for round in 0..15_u64 {
                let mut tx = db.begin().await.unwrap();
                let id = append(&mut tx, &tenant, PaymentId::new().as_str(), now).await;
                // Some commit long after others that began later.
                tokio::time::sleep(Duration::from_millis((writer * 7 + round * 3) % 11)).await;
                if round % 5 == 4 {
                    tx.rollback().await.unwrap();
                } else {
                    tx.commit().await.unwrap();
                    written.push(id);
                }
            }
            written
        }));
    }
    let mut readers = Vec::new();
    for _ in 0..2 {
        let (db, writing) = (world.second_db().await, writing.clone());
        readers.push(tokio::spawn(async move {
            let mut read = Vec::new();
            loop {
                let last = !writing.load(Ordering::SeqCst);
                while place(&db).await > 0 {}
                loop {
                    let taken = take(&db, 7).await;
                    if taken.is_empty() {
                        break;
                    }
                    read.extend(taken.into_iter().map(|event| event.id));
                }
                if last {
                    break;
                }
            }
            db.close().await;
            read
        }));
    }
    let mut written = BTreeSet::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    writing.store(false, Ordering::SeqCst);
    let mut read = Vec::new();
    for reader in readers {
        read.extend(reader.await.unwrap());
    }
    assert_eq!(read.len(), written.len(), "each once");
    assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), written);
    assert_eq!(events::behind(&world.db, "webhooks").await.unwrap(), 0);
    assert!(!events::awaits_place(&world.db).await.unwrap());
}

/// What ids or clocks would get wrong: an older event that commits after a newer one was read.
#[test]
fn an_event_that_commits_late_is_read_late_but_read() {
    crate::support::run(Engine::Postgres, async |world: World| {
        let tenant = world.tenant().await;
        let mut slow = world.db.begin().await.unwrap();
        let older = append(&mut slow, &tenant, "slow", world.now()).await;
        let mut tx = world.db.begin().await.unwrap();
        let newer = append(&mut tx, &tenant, "fast", world.now()).await;
        tx.commit().await.unwrap();
        assert_eq!(place(&world.db).await, 1);
        let first: Vec<EventId> = take(&world.db, 10).await.into_iter().map(|event| event.id).collect();
        assert_eq!(first, [newer]);
        slow.commit().await.unwrap();
        assert_eq!(place(&world.db).await, 1);
        let second: Vec<EventId> = take(&world.db, 10).await.into_iter().map(|event| event.id).collect();
        assert_eq!(second, [older]);
    });
}

async fn a_reader_that_fails_reads_again(world: World) {
    let tenant = world.tenant().await;
    let mut tx = world.db.begin().await.unwrap();
    let id = append(&mut tx, &tenant, "a", world.now()).await;
    tx.commit().await.unwrap();
    place(&world.db).await;
    let mut tx = world.db.begin().await.unwrap();
    assert_eq!(events::take(&mut tx, "webhooks", 10).await.unwrap().len(), 1);
    tx.rollback().await.unwrap();
    assert_eq!(events::behind(&world.db, "webhooks").await.unwrap(), 1);
    assert_eq!(take(&world.db, 10).await[0].id, id);
    assert!(take(&world.db, 10).await.is_empty());
}

async fn the_api_lists_filters_and_keeps_tenants_apart(world: World) {
    let app = world.app();
    let (tenant, other) = (world.tenant().await, world.tenant().await);
    let (caller, stranger) = (Caller::new(&app, &tenant).await, Caller::new(&app, &other).await);
    let mut ids = Vec::new();
    for object in ["a", "b", "c"] {
        let mut tx = world.db.begin().await.unwrap();
        ids.push(append(&mut tx, &tenant, object, world.now()).await);
        tx.commit().await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let listed = |reply: &crate::support::Reply| -> Vec<String> {
        let data = reply.body["data"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
        data.iter().map(|event| event["object_id"].as_str().unwrap().to_owned()).collect()
    };
    let page = caller.get("/v1/events?limit=2").await;
    assert_eq!(listed(&page), ["c", "b"]);
    assert_eq!(page.body["has_more"], true);
    assert_eq!(listed(&caller.get(&format!("/v1/events?starting_after={}", ids[1])).await), ["a"]);
    assert_eq!(listed(&caller.get(&format!("/v1/events?ending_before={}", ids[1])).await), ["c"]);
    assert_eq!(listed(&caller.get("/v1/events?object_id=b&type=payment.succeeded").await), ["b"]);
    assert!(listed(&caller.get("/v1/events?type=checkout.session.expired").await).is_empty());
    assert_eq!(caller.get("/v1/events?type=payment.succeded").await.body["param"], "type", "misspelled is not empty");
    let since = Timestamp::from_unix_seconds(1_760_000_060);
    assert_eq!(listed(&caller.get(&format!("/v1/events?created[gte]={since}")).await), ["c", "b"]);
    assert_eq!(listed(&caller.get(&format!("/v1/events?created[lt]={since}")).await), ["a"]);

    let one = caller.get(&format!("/v1/events/{}", ids[0])).await;
    assert_eq!((one.status, &one.body["type"]), (StatusCode::OK, &json!("payment.succeeded")));
    assert_eq!(one.body["data"]["object"], json!({"id": "a", "object": "payment"}));

    assert!(listed(&stranger.get("/v1/events").await).is_empty());
    let foreign = stranger.get(&format!("/v1/events/{}", ids[0])).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let foreign = stranger.get(&format!("/v1/events?starting_after={}", ids[0])).await;
    assert_eq!(foreign.status, StatusCode::BAD_REQUEST);
    let misspelt = caller.get("/v1/events?kind=payment.succeeded").await;
    assert_eq!((misspelt.status, &misspelt.body["param"]), (StatusCode::BAD_REQUEST, &json!("kind")));
}
