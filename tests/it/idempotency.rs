//! One key, one deed: repeated, mistaken, crowded and interrupted.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tollgate::db::{Tx, query};
use tollgate::http::idempotent::{Done, Once, idempotent};
use tollgate::idempotency::{self, Answer as Stored, Begun, Fingerprint, Key};

use crate::support::door::{Door, Merchant};
use crate::support::{Answer, Engine, World, both_databases};

both_databases!(
    a_repeated_request_gets_the_first_answer,
    another_request_under_the_same_key_is_refused,
    the_header_is_required_and_checked,
    a_refused_request_leaves_its_key_unused,
    twenty_at_once_do_it_once,
    a_key_held_by_another_process_is_in_flight,
    what_was_rolled_back_is_forgotten,
    the_victim_of_a_deadlock_is_tried_again,
    old_keys_are_forgotten_in_batches,
);

async fn sellers(door: &Door, merchant: &Merchant) -> usize {
    let list = door.get("/v1/sellers?limit=100", &merchant.key).await;
    // The merchant is its own seller from the beginning.
    list.json["data"].as_array().unwrap().len() - 1
}

async fn a_repeated_request_gets_the_first_answer(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let body = json!({"name": "Tea house", "metadata": {"b": "2", "a": "1"}});
    let first = door.post_once("/v1/sellers", &merchant.key, "k-1", &body).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""), "{}", first.text);
    world.clock.advance(Duration::from_hours(1));
    // Quoted as the IETF draft has it, and laid out differently: still the same request.
    let again = door
        .request(Method::POST, "/v1/sellers", &merchant.key)
        .header("idempotency-key", "\"k-1\"")
        .header("content-type", "application/json; charset=utf-8")
        .body(r#"{ "metadata": {"a":"1", "b":"2"}, "name":"Tea house" }"#);
    let again = Answer::read(again.send().await.unwrap()).await;
    assert_eq!((again.status, &again.text, again.header("idempotent-replayed")), (201, &first.text, "true"));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
    assert_eq!(sellers(&door, &merchant).await, 1);

    // The same key means nothing to another merchant, nor in the other mode.
    let other = door.merchant("Other").await;
    for key in [&merchant.live_key, &other.key] {
        let fresh = door.post_once("/v1/sellers", key, "k-1", &body).await;
        assert_eq!((fresh.status, fresh.header("idempotent-replayed")), (201, ""));
        assert_ne!(fresh.json["id"], first.json["id"]);
    }
}

async fn another_request_under_the_same_key_is_refused(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    door.post_once("/v1/sellers", &merchant.key, "k-1", &json!({"name": "Tea house"})).await;
    let other = door.post_once("/v1/sellers", &merchant.key, "k-1", &json!({"name": "Tea houses"})).await;
    other.problem(422, "idempotency_key_reused");
    assert_eq!(sellers(&door, &merchant).await, 1);
}

async fn the_header_is_required_and_checked(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let request = || door.request(Method::POST, "/v1/sellers", &merchant.key).json(&json!({"name": "Tea house"}));
    Answer::read(request().send().await.unwrap()).await.problem(400, "idempotency_key_missing");
    for bad in ["", "two words", "\"open", "\"\"", "\"a\"b", &"k".repeat(256)] {
        let answer = request().header("idempotency-key", bad).send().await.unwrap();
        Answer::read(answer).await.problem(400, "idempotency_key_invalid");
    }
    let twice = request().header("idempotency-key", "a").header("idempotency-key", "b").send().await.unwrap();
    Answer::read(twice).await.problem(400, "idempotency_key_invalid");
    assert_eq!(sellers(&door, &merchant).await, 0);
}

async fn a_refused_request_leaves_its_key_unused(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let refused = door.post_once("/v1/sellers", &merchant.key, "k-1", &json!({"name": ""})).await;
    refused.problem(400, "parameter_invalid");
    let corrected = door.post_once("/v1/sellers", &merchant.key, "k-1", &json!({"name": "Tea house"})).await;
    assert_eq!(corrected.status, 201, "{}", corrected.text);
}

async fn twenty_at_once_do_it_once(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let body = json!({"name": "Tea house"});
    let answers = join_all((0..20).map(|_| door.post_once("/v1/sellers", &merchant.key, "k-1", &body))).await;
    let fresh = answers.iter().filter(|a| a.status == 201 && a.header("idempotent-replayed").is_empty()).count();
    assert_eq!(fresh, 1);
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.text, answers.iter().find(|a| a.status == 201).unwrap().text);
        } else {
            answer.problem(409, "idempotency_key_in_flight");
        }
    }
    assert_eq!(sellers(&door, &merchant).await, 1);
}

async fn a_key_held_by_another_process_is_in_flight(world: World) {
    // SQLite has one writer, so nobody ever sees a key that is held: they wait for their turn to write at all.
    if world.engine == Engine::Sqlite {
        return;
    }
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let body = json!({"name": "Tea house"});
    let mut tx = world.db.begin().await.unwrap();
    let key = Key::from_header(b"k-1").unwrap();
    let fingerprint = Fingerprint::of("POST", "/v1/sellers", &body);
    let begun = idempotency::begin(&mut tx, &merchant.test, &key, &fingerprint, world.now()).await.unwrap();
    assert_eq!(begun, Begun::Fresh);

    let asked = Instant::now();
    let waiting = door.post_once("/v1/sellers", &merchant.key, "k-1", &body).await;
    waiting.problem(409, "idempotency_key_in_flight");
    assert_eq!((waiting.header("retry-after"), &waiting.json["retryable"]), ("1", &json!(true)));
    assert!(asked.elapsed() < Duration::from_secs(9), "the wait is bounded: {:?}", asked.elapsed());
    tx.rollback().await.unwrap();
    assert_eq!(door.post_once("/v1/sellers", &merchant.key, "k-1", &body).await.status, 201);
}

async fn what_was_rolled_back_is_forgotten(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let key = Key::from_header(b"k-1").unwrap();
    let fingerprint = Fingerprint::of("POST", "/", &json!({}));
    for _ in 0..2 {
        let mut tx = world.db.begin().await.unwrap();
        let begun = idempotency::begin(&mut tx, &merchant.test, &key, &fingerprint, world.now()).await.unwrap();
        assert_eq!(begun, Begun::Fresh, "the process died before it committed, so nothing was done");
        drop(tx);
    }
    let answer = Stored { status: 201, body: "{}".to_owned() };
    let mut tx = world.db.begin().await.unwrap();
    idempotency::begin(&mut tx, &merchant.test, &key, &fingerprint, world.now()).await.unwrap();
    idempotency::finish(&mut tx, &merchant.test, &key, &answer).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    let begun = idempotency::begin(&mut tx, &merchant.test, &key, &fingerprint, world.now()).await.unwrap();
    assert_eq!(begun, Begun::Replay(answer));
}

async fn the_victim_of_a_deadlock_is_tried_again(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let mut ids = Vec::new();
    for name in ["one", "two"] {
        let seller = door.post("/v1/sellers", &merchant.key, &json!({"name": name})).await;
        ids.push(seller.json["id"].as_str().unwrap().to_owned());
    }
    // Each locks one row, waits for the other to lock its own, then wants that one too.
    let crossing = async |key: &str, first: String, second: String| {
        let once = Once {
            key: Key::from_header(key.as_bytes()).unwrap(),
            fingerprint: Fingerprint::of("POST", "/", &json!({})),
        };
        let work = async move |tx: &mut Tx| {
            let rename = "update sellers set name = name || '!' where id = $1";
            query(rename).bind(first.as_str()).execute(tx).await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
            query(rename).bind(second.as_str()).execute(tx).await?;
            Ok(Done::for_a_month(json!({})))
        };
        idempotent(door.app.clone(), merchant.test.clone(), once, StatusCode::CREATED, work).await
    };
    let (there, back) = tokio::join!(
        crossing("there", ids[0].clone(), ids[1].clone()),
        crossing("back", ids[1].clone(), ids[0].clone()),
    );
    assert_eq!((there.unwrap().status(), back.unwrap().status()), (StatusCode::CREATED, StatusCode::CREATED));
    for (id, name) in ids.iter().zip(["one!!", "two!!"]) {
        assert_eq!(door.get(&format!("/v1/sellers/{id}"), &merchant.key).await.json["name"], name);
    }
}

async fn old_keys_are_forgotten_in_batches(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    for number in 0..5 {
        door.post_once("/v1/sellers", &merchant.key, &format!("old-{number}"), &json!({"name": "Tea"})).await;
    }
    world.clock.advance(Duration::from_hours(1));
    door.post_once("/v1/sellers", &merchant.key, "young", &json!({"name": "Tea"})).await;
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        let mut tx = world.db.begin().await.unwrap();
        let before = world.now();
        forgotten.push(idempotency::forget_before(&mut tx, before, 3).await.unwrap());
        tx.commit().await.unwrap();
    }
    assert_eq!(forgotten, [3, 2, 0]);
    let left = query("select key from idempotency_keys").one(&world.db).await.unwrap();
    assert_eq!(left.get::<String>("key").unwrap(), "young");

    world.clock.advance(idempotency::KEPT);
    assert_eq!(idempotency::forget_old(&world.db, world.now()).await.unwrap(), 0, "its last moment");
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(idempotency::forget_old(&world.db, world.now()).await.unwrap(), 1);
}
