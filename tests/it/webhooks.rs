//! Outgoing webhooks, received by the official libraries in two languages and by receivers that misbehave.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tollgate::app::App;
use tollgate::db::query;
use tollgate::events::{self, NewEvent};
use tollgate::queue;
use tollgate::words::{EventId, Tenant};
use tollgate::worker::Worker;

use crate::support::{Caller, Language, Receiver, Reply, World, both_databases, eventually};

both_databases!(
    node_verifies_what_we_send,
    python_verifies_what_we_send,
    a_failed_delivery_is_tried_again_with_the_same_id_and_a_new_timestamp,
    after_a_rotation_both_secrets_verify_and_after_the_overlap_one,
    an_event_goes_to_those_who_asked_and_to_nobody_else,
    a_receiver_that_is_gone_is_disabled,
    a_receiver_may_ask_for_time,
    what_is_pending_for_a_deleted_endpoint_is_given_up,
    a_delivery_is_given_up_after_three_days_and_can_be_sent_again,
    what_is_sent_again_during_its_last_try_is_sent_again,
    a_worker_that_died_is_replaced,
    endpoints_are_checked_and_secrets_shown_once,
    a_redirect_is_a_failure,
    a_test_event_goes_to_one_endpoint,
    two_workers_send_each_event_once,
    a_new_receiver_can_be_told_what_it_missed,
);

struct Shop {
    app: App,
    tenant: Tenant,
    caller: Caller,
}

impl Shop {
    async fn new(world: &World, app: App) -> Self {
        let tenant = world.tenant().await;
        let caller = Caller::new(&app, &tenant).await;
        Self { app, tenant, caller }
    }

    /// Id and secret.
    async fn endpoint(&self, url: &str, events: Value) -> (String, String) {
        let made = self.caller.post("/v1/webhook_endpoints", json!({"url": url, "events": events})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
        (text(&made.body["id"]), text(&made.body["secret"]))
    }

    async fn happened(&self, kind: &'static str, object_id: &str) -> EventId {
        let data = json!({"id": object_id, "object": "payment", "order_name": "토스 티셔츠 외 2건"});
        let mut tx = self.app.db.begin().await.unwrap();
        let now = self.app.now();
        let id = events::append(&mut tx, NewEvent { tenant: &self.tenant, kind, object_id, data, now }).await.unwrap();
        tx.commit().await.unwrap();
        self.app.wake.notify_one();
        id
    }

    /// The only delivery of an event, once it stands as wanted.
    async fn delivery(&self, event: &EventId, wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let list = self.caller.get(&format!("/v1/webhook_deliveries?event={event}")).await;
            if let Some(delivery) = list.body["data"].get(0) {
                let one = self.caller.get(&format!("/v1/webhook_deliveries/{}", text(&delivery["id"]))).await;
                if wanted(&one.body) {
                    return one.body;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the delivery of {event} never stood as wanted: {:?}", self.caller.get("/v1/webhook_deliveries").await)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn stands(status: &str) -> impl Fn(&Value) -> bool {
    move |delivery| delivery["status"] == status
}

async fn stop(worker: Worker) {
    assert!(worker.stop(Duration::from_secs(20)).await);
}

/// A receiver in this process that gives one answer.
async fn answering<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let routes = Router::new().route("/hook", post(move || std::future::ready(answer.clone())));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

async fn node_verifies_what_we_send(world: World) {
    verified_by(&world, Language::Node).await;
}

async fn python_verifies_what_we_send(world: World) {
    verified_by(&world, Language::Python).await;
}

async fn verified_by(world: &World, language: Language) {
    let shop = Shop::new(world, world.app_on_real_time()).await;
    let mut receiver = Receiver::start(language).await;
    let (_, secret) = shop.endpoint(&receiver.url, json!(["*"])).await;
    let (_, stranger) = shop.endpoint("https://elsewhere.example/hook", json!(["checkout.session.expired"])).await;
    receiver.plan(&[&secret, &stranger], &[204]).await;
    let worker = Worker::start(&shop.app);

    let event = shop.happened("payment.succeeded", "pay_1").await;
    let heard = receiver.next().await;
    assert_eq!(heard["verified"], json!([true, false]), "{heard}");
    assert_eq!(heard["tampered"], json!([false, false]), "{heard}");
    assert_eq!(heard["id"], event.as_str());
    assert_eq!(heard["content_type"], "application/json");
    let message: Value = serde_json::from_str(&text(&heard["body"])).unwrap();
    assert_eq!(message["type"], "payment.succeeded");
    assert_eq!(message["data"]["object"]["order_name"], "토스 티셔츠 외 2건");
    assert_eq!(message["data"]["sequence"], 1);
    let told = shop.caller.get(&format!("/v1/events/{event}")).await;
    assert_eq!(message["timestamp"], told.body["created_at"], "the time of the event, not of the try");

    let delivery = shop.delivery(&event, stands("succeeded")).await;
    assert_eq!(delivery["payload"], heard["body"], "what is stored is what was sent");
    assert_eq!(delivery["attempts"][0]["status"], 204);
    stop(worker).await;
}

async fn a_failed_delivery_is_tried_again_with_the_same_id_and_a_new_timestamp(world: World) {
    let shop = Shop::new(&world, world.app_on_real_time()).await;
    let mut receiver = Receiver::start(Language::Node).await;
    let (_, secret) = shop.endpoint(&receiver.url, json!(["payment.succeeded"])).await;
    receiver.plan(&[&secret], &[500, 200]).await;
    let worker = Worker::start(&shop.app);
    let event = shop.happened("payment.succeeded", "pay_1").await;
    let (first, second) = (receiver.next().await, receiver.next().await);
    assert_eq!((&first["verified"], &second["verified"]), (&json!([true]), &json!([true])));
    assert_eq!((&first["id"], &first["body"]), (&second["id"], &second["body"]));
    let waited = second["timestamp"].as_i64().unwrap() - first["timestamp"].as_i64().unwrap();
    assert!((4..=30).contains(&waited), "about five seconds and the time to notice, not {waited}");
    let delivery = shop.delivery(&event, stands("succeeded")).await;
    assert_eq!(delivery["attempts_made"], 2);
    assert_eq!(delivery["attempts"][0]["status"], 500);
    assert_eq!(delivery["attempts"][0]["error"], "the receiver answered 500, not 2xx");
    assert_eq!(delivery["attempts"][0]["response_excerpt"], "status 500");
    assert_eq!(delivery["attempts"][1]["status"], 200);
    stop(worker).await;
}

async fn after_a_rotation_both_secrets_verify_and_after_the_overlap_one(world: World) {
    let shop = Shop::new(&world, world.app_on_real_time()).await;
    let mut receiver = Receiver::start(Language::Python).await;
    let (id, old) = shop.endpoint(&receiver.url, json!(["*"])).await;
    let rotated = shop.caller.post(&format!("/v1/webhook_endpoints/{id}/rotate_secret"), json!({})).await;
    assert_eq!(rotated.status, StatusCode::OK);
    let new = text(&rotated.body["secret"]);
    assert_ne!(old, new);
    receiver.plan(&[&old, &new], &[200]).await;
    let worker = Worker::start(&shop.app);
    shop.happened("payment.succeeded", "pay_1").await;
    let heard = receiver.next().await;
    assert_eq!((&heard["verified"], &heard["signatures"]), (&json!([true, true]), &json!(2)), "{heard}");
    stop(worker).await;

    // A day later, on our clock: what is signed is signed with the new one alone.
    let (id, tenant) = (id.parse().unwrap(), &shop.tenant);
    let tomorrow = shop.app.now().plus(Duration::from_secs(86_401));
    let keys = tollgate::webhooks::endpoints::signing_keys(&world.db, &shop.app.keyring, tenant, &id, tomorrow).await;
    let keys: Vec<String> = keys.unwrap().iter().map(tollgate::webhooks::SigningKey::reveal).collect();
    assert_eq!(keys, [new]);
}

async fn an_event_goes_to_those_who_asked_and_to_nobody_else(world: World) {
    let app = world.app();
    let (shop, other) = (Shop::new(&world, app.clone()).await, Shop::new(&world, app.clone()).await);
    let url = answering(StatusCode::OK).await;
    let (every, _) = shop.endpoint(&url, json!(["*"])).await;
    let (failures, _) = shop.endpoint(&url, json!(["payment.attempt_declined"])).await;
    let (off, _) = shop.endpoint(&url, json!(["*"])).await;
    let disabled = shop.caller.post(&format!("/v1/webhook_endpoints/{off}"), json!({"status": "disabled"})).await;
    assert_eq!(disabled.body["status"], "disabled");
    let (foreign, _) = other.endpoint(&url, json!(["*"])).await;
    let worker = Worker::start(&app);
    let succeeded = shop.happened("payment.succeeded", "pay_1").await;
    let failed = shop.happened("payment.attempt_declined", "pay_2").await;
    shop.delivery(&succeeded, stands("succeeded")).await;
    shop.delivery(&failed, stands("succeeded")).await;
    stop(worker).await;

    let to = async |query: &str| -> Vec<String> {
        let list = shop.caller.get(&format!("/v1/webhook_deliveries?{query}")).await;
        let mut to: Vec<String> = list.body["data"].as_array().unwrap().iter().map(|d| text(&d["endpoint"])).collect();
        to.sort();
        to
    };
    assert_eq!(to(&format!("event={succeeded}")).await, std::slice::from_ref(&every));
    assert_eq!(to(&format!("event={failed}")).await, [every.clone(), failures.clone()]);
    assert_eq!(to(&format!("endpoint={failures}")).await, [failures]);
    assert_eq!(to("event_type=payment.succeeded&status=succeeded").await, [every]);
    let misspelled = shop.caller.get("/v1/webhook_deliveries?event_type=payment.succeded").await;
    assert_eq!(misspelled.body["param"], "event_type");
    assert!(to(&format!("endpoint={off}")).await.is_empty());
    let foreign = other.caller.get(&format!("/v1/webhook_deliveries?endpoint={foreign}")).await;
    assert_eq!(foreign.body["data"], json!([]), "another merchant's event is none of its business");
}

async fn a_receiver_that_is_gone_is_disabled(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let (id, _) = shop.endpoint(&answering(StatusCode::GONE).await, json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let event = shop.happened("payment.succeeded", "pay_1").await;
    let delivery = shop.delivery(&event, stands("failed")).await;
    assert_eq!((&delivery["attempts_made"], &delivery["next_attempt_at"]), (&json!(1), &Value::Null));
    let endpoint = shop.caller.get(&format!("/v1/webhook_endpoints/{id}")).await.body;
    assert_eq!(endpoint["status"], "disabled");
    assert_eq!(endpoint["disabled_reason"], "the receiver answered 410 Gone");
    let refused = shop.caller.post(&format!("/v1/webhook_endpoints/{id}/test"), json!({})).await;
    assert_eq!((refused.status, &refused.body["code"]), (StatusCode::CONFLICT, &json!("webhook_endpoint_disabled")));
    stop(worker).await;
}

async fn what_is_pending_for_a_deleted_endpoint_is_given_up(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let (id, _) = shop.endpoint(&answering(StatusCode::BAD_GATEWAY).await, json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let event = shop.happened("payment.succeeded", "pay_1").await;
    shop.delivery(&event, |delivery| delivery["attempts_made"] == 1).await;
    shop.caller.call(Method::DELETE, &format!("/v1/webhook_endpoints/{id}"), None).await;
    world.clock.advance(Duration::from_mins(1));
    let delivery = shop.delivery(&event, stands("failed")).await;
    assert_eq!((&delivery["attempts_made"], &delivery["last_error"]), (&json!(1), &json!("the endpoint was deleted")));
    assert!(delivery["finished_at"].is_string());
    stop(worker).await;
}

async fn a_receiver_may_ask_for_time(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let busy = (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")]);
    shop.endpoint(&answering(busy).await, json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let event = shop.happened("payment.succeeded", "pay_1").await;
    let delivery = shop.delivery(&event, |delivery| delivery["attempts_made"] == 1).await;
    assert_eq!(delivery["next_attempt_at"], json!(world.now().plus(Duration::from_hours(1))));
    stop(worker).await;
}

async fn a_delivery_is_given_up_after_three_days_and_can_be_sent_again(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    // Nobody listens there.
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (endpoint, _) = shop.endpoint(&format!("http://{closed}/hook"), json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let began = world.now();
    let event = shop.happened("payment.succeeded", "pay_1").await;
    for tried in 1..10 {
        let delivery = shop.delivery(&event, |delivery| delivery["attempts_made"] == tried).await;
        assert_eq!((&delivery["status"], &delivery["last_status"]), (&json!("pending"), &Value::Null));
        let due: tollgate::words::Timestamp = serde_json::from_value(delivery["next_attempt_at"].clone()).unwrap();
        assert!(due > world.now());
        world.clock.set(due);
    }
    let delivery = shop.delivery(&event, stands("failed")).await;
    assert_eq!(delivery["attempts"].as_array().unwrap().len(), 10);
    assert!(text(&delivery["last_error"]).starts_with("could not connect"), "{delivery}");
    let took = world.now().since(began).as_secs();
    assert!((65 * 3600..90 * 3600).contains(&took), "about three days, not {took} seconds");
    // The delivery is concluded a moment before its job.
    eventually("nothing is left to do", || async { queue::depth(&world.db).await.unwrap().is_empty().then_some(()) })
        .await;

    let url = answering(StatusCode::OK).await;
    shop.caller.post(&format!("/v1/webhook_endpoints/{endpoint}"), json!({"url": url})).await;
    let resend = format!("/v1/webhook_deliveries/{}/resend", text(&delivery["id"]));
    let reply = shop.caller.post(&resend, json!({})).await;
    assert_eq!((reply.status, &reply.body["status"]), (StatusCode::OK, &json!("pending")));
    let delivery = shop.delivery(&event, stands("succeeded")).await;
    assert_eq!(delivery["attempts_made"], 11);
    // One that was heard can be told again.
    shop.caller.post(&resend, json!({})).await;
    shop.delivery(&event, |delivery| delivery["attempts_made"] == 12 && delivery["status"] == "succeeded").await;
    stop(worker).await;
}

async fn what_is_sent_again_during_its_last_try_is_sent_again(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    // Fails the first try, slowly, and takes the second.
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (heard, held, tries) = (begun.clone(), release.clone(), Arc::new(Mutex::new(0)));
    let answer = move || {
        let (heard, held) = (heard.clone(), held.clone());
        let first = {
            let mut tries = tries.lock().unwrap();
            *tries += 1;
            *tries == 1
        };
        async move {
            if !first {
                return StatusCode::OK;
            }
            heard.notify_one();
            held.notified().await;
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", post(answer))).await });
    shop.endpoint(&url, json!(["*"])).await;
    let event = shop.happened("payment.succeeded", "pay_1").await;
    let mut tx = world.db.begin().await.unwrap();
    events::place(&mut tx, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(tollgate::webhooks::fan_out(&shop.app).await.unwrap(), 1);
    let mut tx = world.db.begin().await.unwrap();
    query("update webhook_deliveries set round_attempts = 9").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();

    let worker = Worker::start(&shop.app);
    begun.notified().await;
    let delivery = shop.delivery(&event, stands("pending")).await;
    let resend = format!("/v1/webhook_deliveries/{}/resend", text(&delivery["id"]));
    assert_eq!(shop.caller.post(&resend, json!({})).await.status, StatusCode::OK);
    release.notify_one();
    let delivery = shop.delivery(&event, stands("succeeded")).await;
    assert_eq!(delivery["attempts_made"], 2);
    stop(worker).await;
}

async fn a_worker_that_died_is_replaced(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    shop.endpoint(&answering(StatusCode::OK).await, json!(["*"])).await;
    let event = shop.happened("payment.succeeded", "pay_1").await;
    let mut tx = world.db.begin().await.unwrap();
    events::place(&mut tx, 10).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(tollgate::webhooks::fan_out(&shop.app).await.unwrap(), 1);
    // Claimed by a process that is killed before it does anything.
    let mut tx = world.db.begin().await.unwrap();
    let lease = Duration::from_secs(90);
    assert_eq!(queue::claim(&mut tx, "webhooks", 10, world.now(), lease).await.unwrap().len(), 1);
    tx.commit().await.unwrap();

    let worker = Worker::start(&shop.app);
    tokio::time::sleep(Duration::from_millis(700)).await;
    shop.delivery(&event, |delivery| delivery["attempts_made"] == 0).await;
    world.clock.advance(lease);
    shop.delivery(&event, stands("succeeded")).await;
    stop(worker).await;
}

async fn endpoints_are_checked_and_secrets_shown_once(world: World) {
    let mut config = world.config();
    config.webhooks.allow_private_networks = false;
    let shop = Shop::new(&world, world.app_of(config, world.clock.clone())).await;
    let refused = async |body: Value| -> (StatusCode, Value) {
        let reply = shop.caller.post("/v1/webhook_endpoints", body).await;
        (reply.status, reply.body["param"].clone())
    };
    for url in
        ["http://shop.example/", "https://127.0.0.1/", "https://169.254.169.254/", "https://a:b@shop.example/", "x"]
    {
        assert_eq!(refused(json!({"url": url})).await, (StatusCode::BAD_REQUEST, json!("url")), "{url}");
    }
    let url = "https://shop.example/hook";
    let bad = StatusCode::BAD_REQUEST;
    assert_eq!(refused(json!({})).await, (bad, json!("url")));
    assert_eq!(refused(json!({"url": url, "events": ["payment.suceeded"]})).await, (bad, json!("events[0]")));
    assert_eq!(refused(json!({"url": url, "event": []})).await, (bad, json!("event")));
    assert_eq!(refused(json!({"url": url, "description": "x".repeat(501)})).await, (bad, json!("description")));
    assert_eq!(shop.caller.get("/v1/webhook_endpoints").await.body["data"], json!([]), "nothing was made");

    let made = shop.caller.post("/v1/webhook_endpoints", json!({"url": url})).await;
    let (id, secret) = (text(&made.body["id"]), text(&made.body["secret"]));
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
    let shown = shop.caller.get(&format!("/v1/webhook_endpoints/{id}")).await;
    assert_eq!((shown.status, shown.body.get("secret")), (StatusCode::OK, None));
    assert_eq!(shown.body["events"], json!(["*"]));
    let row = tollgate::db::query("select secret from webhook_endpoints").one(&world.db).await.unwrap();
    let sealed: Vec<u8> = row.get("secret").unwrap();
    let (endpoint, now) = (id.parse().unwrap(), world.now());
    let keys = tollgate::webhooks::endpoints::signing_keys(&world.db, &shop.app.keyring, &shop.tenant, &endpoint, now);
    let key = keys.await.unwrap().remove(0);
    assert_eq!(key.reveal(), secret);
    assert!(!sealed.windows(8).any(|window| key.bytes().starts_with(window)), "the stored key is sealed");

    let stranger = Shop::new(&world, shop.app.clone()).await;
    let path = format!("/v1/webhook_endpoints/{id}");
    for reply in [
        stranger.caller.get(&path).await,
        stranger.caller.post(&path, json!({"status": "disabled"})).await,
        stranger.caller.post(&format!("{path}/rotate_secret"), json!({})).await,
        stranger.caller.post(&format!("{path}/test"), json!({})).await,
        stranger.caller.call(Method::DELETE, &path, None).await,
    ] {
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{reply:?}");
    }
    let deleted: Reply = shop.caller.call(Method::DELETE, &path, None).await;
    assert_eq!(deleted.body, json!({"id": id, "object": "webhook_endpoint", "deleted": true}));
    assert_eq!(shop.caller.get(&path).await.status, StatusCode::NOT_FOUND);
    for n in 0..20 {
        assert_eq!(
            shop.caller.post("/v1/webhook_endpoints", json!({"url": url})).await.status,
            StatusCode::CREATED,
            "{n}"
        );
    }
    assert_eq!(refused(json!({"url": url})).await.0, bad, "there is a limit");
}

async fn a_redirect_is_a_failure(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let target = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/", target.local_addr().unwrap());
    let away = (StatusCode::TEMPORARY_REDIRECT, [("location", location)]);
    shop.endpoint(&answering(away).await, json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let event = shop.happened("payment.succeeded", "pay_1").await;
    let delivery = shop.delivery(&event, |delivery| delivery["attempts_made"] == 1).await;
    assert_eq!((&delivery["status"], &delivery["last_status"]), (&json!("pending"), &json!(307)));
    let heard = tokio::time::timeout(Duration::from_millis(300), target.accept()).await;
    assert!(heard.is_err(), "the redirect was followed");
    stop(worker).await;
}

async fn a_test_event_goes_to_one_endpoint(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let url = answering(StatusCode::OK).await;
    let (tested, _) = shop.endpoint(&url, json!(["checkout.session.expired"])).await;
    let (other, _) = shop.endpoint(&url, json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let sent = shop.caller.post(&format!("/v1/webhook_endpoints/{tested}/test"), json!({})).await;
    assert_eq!(sent.status, StatusCode::ACCEPTED, "{sent:?}");
    assert_eq!(sent.body["event_type"], "webhook_endpoint.test");
    let event = text(&sent.body["event"]).parse().unwrap();
    shop.delivery(&event, stands("succeeded")).await;
    stop(worker).await;
    assert_eq!(events::behind(&world.db, "webhooks").await.unwrap(), 0);
    let others = shop.caller.get(&format!("/v1/webhook_deliveries?endpoint={other}")).await;
    assert_eq!(others.body["data"], json!([]));
}

/// A receiver in this process that says 200 and keeps each `webhook-id`.
async fn counting() -> (String, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let kept = heard.clone();
    let hear = move |headers: HeaderMap| {
        kept.lock().unwrap().push(headers["webhook-id"].to_str().unwrap().to_owned());
        std::future::ready(StatusCode::OK)
    };
    let routes = Router::new().route("/hook", post(hear));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, heard)
}

async fn two_workers_send_each_event_once(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let (url, heard) = counting().await;
    shop.endpoint(&url, json!(["*"])).await;
    let second = App { db: world.second_db().await, ..shop.app.clone() };
    let workers = [Worker::start(&shop.app), Worker::start(&second)];
    let mut events = Vec::new();
    for n in 0..40 {
        events.push(shop.happened("payment.succeeded", &format!("pay_{n}")).await);
    }
    for event in &events {
        shop.delivery(event, stands("succeeded")).await;
    }
    for worker in workers {
        stop(worker).await;
    }
    second.db.close().await;
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    events.sort();
    assert_eq!(heard, events.iter().map(ToString::to_string).collect::<Vec<_>>());
}

async fn a_new_receiver_can_be_told_what_it_missed(world: World) {
    let shop = Shop::new(&world, world.app()).await;
    let (early, heard_early) = counting().await;
    shop.endpoint(&early, json!(["*"])).await;
    let worker = Worker::start(&shop.app);
    let mut events = Vec::new();
    for n in 0..3 {
        let event = shop.happened("payment.succeeded", &format!("pay_{n}")).await;
        shop.delivery(&event, stands("succeeded")).await;
        events.push(event.to_string());
        world.clock.advance(Duration::from_mins(1));
    }
    let (late, heard_late) = counting().await;
    let (id, _) = shop.endpoint(&late, json!(["payment.succeeded"])).await;
    let since = shop.caller.get(&format!("/v1/events/{}", events[1])).await.body["created_at"].clone();
    let path = format!("/v1/webhook_endpoints/{id}/replay");
    for (sent, times) in [(2, 1), (2, 2)] {
        let reply = shop.caller.post(&path, json!({"since": since})).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{reply:?}");
        assert_eq!(reply.body, json!({"object": "webhook_replay", "events": sent, "continue_until": null}));
        eventually("both are heard", || async { (heard_late.lock().unwrap().len() == 2 * times).then_some(()) }).await;
        eventually("and done", || async { queue::depth(&world.db).await.unwrap().is_empty().then_some(()) }).await;
    }
    let heard: BTreeSet<String> = heard_late.lock().unwrap().iter().cloned().collect();
    assert_eq!(heard, events[1..].iter().cloned().collect());
    assert_eq!(heard_early.lock().unwrap().len(), 3, "the others are left in peace");
    let reply = shop.caller.post(&path, json!({"since": since, "type": "checkout.session.expired"})).await;
    assert_eq!(reply.body["events"], 0);
    let misspelled = shop.caller.post(&path, json!({"since": since, "type": "payment.succeded"})).await;
    assert_eq!((misspelled.status, &misspelled.body["param"]), (StatusCode::BAD_REQUEST, &json!("type")));
    let reply = shop.caller.post(&path, json!({"since": "yesterday"})).await;
    assert_eq!((reply.status, &reply.body["param"]), (StatusCode::BAD_REQUEST, &json!("since")));
    stop(worker).await;
}
