//! Whatever is sent: a problem that names the rule, nothing changed, never a 500, and nothing of it in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tollgate::db::query;

use crate::support::door::Door;
use crate::support::{Answer, Engine, World, both_databases, source};

both_databases!(
    bad_bodies_are_refused_on_every_route,
    card_numbers_are_refused_wherever_they_stand,
    damaged_bodies_never_break_the_server,
    other_merchants_objects_do_not_exist,
    unknown_paths_and_methods_are_problems,
    a_body_that_is_too_large_is_refused_quickly,
    a_body_that_drips_is_cut_off,
    the_log_tells_nothing_of_what_was_sent,
);

/// Every route of the API that takes a body: a good body, and what it is like with one value of the wrong type.
fn posts() -> Vec<Post> {
    let session = json!({
        "line_items": [{"name": "Tea", "unit_amount": "12.50", "quantity": 1}],
        "currency": "USD",
        "success_url": "https://shop.example/paid",
    });
    let payout = json!({"seller": "sel_00000000000000000000000000", "amount": "12.50", "currency": "USD"});
    let mut posts = vec![
        post("/v1/api_keys", json!({"kind": "secret"}), "name", "name"),
        post("/v1/api_keys/{id}/revoke", json!({}), "", ""),
        post("/v1/api_keys/{id}/rotate", json!({}), "overlap_hours", "overlap_hours"),
        post("/v1/sellers", json!({"name": "Tea house"}), "name", "name"),
        post("/v1/sellers/{id}/policies", json!({"platform_fee": null}), "", ""),
        post("/v1/sellers/{id}", json!({"name": "Tea house"}), "name", "name"),
        post("/v1/sellers/{id}/verification", json!({"state": "verified"}), "state", "state"),
        post("/v1/payouts", payout, "seller", "seller"),
        post("/v1/payouts/{id}/cancel", json!({}), "", ""),
        post("/v1/policies", json!({"refund_fee": "return"}), "late_success", "late_success"),
        post("/v1/webhook_endpoints", json!({"url": "https://shop.example/hooks"}), "url", "url"),
        post("/v1/webhook_endpoints/{id}", json!({}), "description", "description"),
        post("/v1/webhook_endpoints/{id}/rotate_secret", json!({}), "", ""),
        post("/v1/webhook_endpoints/{id}/test", json!({}), "", ""),
        post("/v1/webhook_endpoints/{id}/replay", json!({"since": "2026-01-01T00:00:00Z"}), "type", "type"),
        post("/v1/webhook_deliveries/{id}/resend", json!({}), "", ""),
        post("/v1/dead_letters/{id}/retry", json!({}), "", ""),
        post("/v1/dead_letters/retry_all", json!({"kind": "nothing.done"}), "kind", "kind"),
        post("/v1/reconciliation/breaks/{id}/resolve", json!({"reason": "written off"}), "reason", "reason"),
        post("/v1/dead_letters/{id}/resolve", json!({"reason": "refunded by hand"}), "reason", "reason"),
    ];
    posts.push(post("/v1/checkout/sessions", session, "currency", "currency"));
    posts.push(post("/v1/checkout/sessions/{id}/expire", json!({}), "", ""));
    let charge = json!({
        "amount": "12.50", "currency": "USD", "payment_method": "pm_00000000000000000000000000",
    });
    posts.push(post("/v1/payments", charge, "amount", "amount"));
    posts.push(post("/v1/payments/{id}/capture", json!({"amount": "5.00"}), "amount", "amount"));
    posts.push(post("/v1/payments/{id}/cancel", json!({}), "", ""));
    posts.push(post("/v1/payments/explain", json!({"currency": "USD", "amount": "12.50"}), "amount", "amount"));
    posts.push(post("/v1/payment_orders/{id}/fulfill", json!({}), "", ""));
    posts.push(post("/v1/disputes/{id}/evidence", json!({"explanation": "delivered"}), "explanation", "explanation"));
    posts.push(post("/v1/disputes/{id}/accept", json!({}), "", ""));
    let moved = json!({"debit": "suspense", "credit": "bank", "amount": "1.00", "currency": "USD"});
    let correction = json!({"reason": "counted twice", "transfers": [moved]});
    posts.push(post("/v1/corrections", correction, "reason", "reason"));
    posts.push(post("/v1/refunds", json!({"payment": "pay_00000000000000000000000000"}), "reason", "reason"));
    posts
}

struct Post {
    path: &'static str,
    good: Value,
    /// The field that gets `{"a": []}`, which no field of ours takes; empty when the route has no fields.
    field: &'static str,
    param: &'static str,
}

fn post(path: &'static str, good: Value, field: &'static str, param: &'static str) -> Post {
    Post { path, good, field, param }
}

impl Post {
    fn path(&self) -> String {
        let of = |part| if self.path.contains(part) { Some("00000000000000000000000000") } else { None };
        let kinds = [
            ("api_keys", "key"),
            ("sellers/{id}", "sel"),
            ("payment_orders", "po"),
            ("webhook_endpoints", "we"),
            ("webhook_deliveries", "dlv"),
            ("dead_letters", "job"),
            ("breaks", "brk"),
            ("payouts", "out"),
            ("disputes", "dp"),
            ("sessions", "cs"),
            ("payments", "pay"),
        ];
        let id = kinds.into_iter().find_map(|(part, prefix)| of(part).map(|tail| format!("{prefix}_{tail}")));
        self.path.replace("{id}", &id.unwrap_or_default())
    }

    fn with(&self, field: &str, value: Value) -> Value {
        let mut body = self.good.clone();
        body[field] = value;
        body
    }
}

/// The routes as they stand in the one list, so that a new one without its line above is noticed.
#[test]
fn every_route_that_takes_a_body_is_tried() {
    let list = std::fs::read_to_string(source::root().join("src/http/mod.rs")).unwrap();
    let listed: BTreeSet<&str> = list
        .lines()
        .filter(|line| line.contains("post(") && line.contains(".route(\"/v1/"))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    let posts = posts();
    let tried: BTreeSet<&str> = posts.iter().map(|post| post.path).collect();
    assert_eq!(listed, tried);
}

/// What each table holds, row by row. When a key was last used is noted beside any request, and left out.
pub async fn contents(world: &World) -> BTreeMap<String, Vec<String>> {
    let tables = match world.engine {
        Engine::Sqlite => "select name as t from sqlite_schema where type = 'table' and name not like 'sqlite_%'",
        Engine::Postgres => "select table_name::text as t from information_schema.tables where table_schema = 'public'",
    };
    let mut held = BTreeMap::new();
    for row in query(tables).all(&world.db).await.unwrap() {
        let table: String = row.get("t").unwrap();
        let line = match world.engine {
            Engine::Sqlite => quoted_columns(world, &table).await,
            Engine::Postgres => "(to_jsonb(held) - 'last_used_at')::text".to_owned(),
        };
        let rows: &'static str =
            Box::leak(format!("select {line} as line from {table} held order by 1").into_boxed_str());
        let rows = query(rows).all(&world.db).await.unwrap();
        held.insert(table, rows.iter().map(|row| row.get("line").unwrap()).collect());
    }
    assert!(held.len() > 5, "{held:?}");
    held
}

/// SQLite does not write a row as text by itself.
async fn quoted_columns(world: &World, table: &str) -> String {
    let columns = query("select name from pragma_table_info($1) where name <> 'last_used_at'")
        .bind(table)
        .all(&world.db)
        .await
        .unwrap();
    let columns: Vec<String> =
        columns.iter().map(|row| format!("quote(\"{}\")", row.get::<String>("name").unwrap())).collect();
    columns.join(" || ', ' || ")
}

async fn bad_bodies_are_refused_on_every_route(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let before = contents(&world).await;
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let malformed: Vec<Vec<u8>> = [
        "{",
        "[]",
        "null",
        "\"text\"",
        "12",
        "{} {}",
        "{,}",
        "{\"a\":1e999}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"surprise\":1,\"surprise\":1}",
        "a=b&c=d",
        &deep,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([b"{\"a\":\"\xff\"}".to_vec(), b"\xef\xbb\xbf{}".to_vec(), b"\0".to_vec()])
    .collect();
    for post in posts() {
        let path = post.path();
        let send = async |content_type: &str, body: Vec<u8>| {
            let request = door
                .request(Method::POST, &path, &merchant.key)
                .header("idempotency-key", tollgate::words::random_base62(20))
                .header("content-type", content_type)
                .body(body);
            Answer::read(request.send().await.unwrap()).await
        };
        for body in &malformed {
            send("application/json", body.clone()).await.problem(400, "body_malformed");
        }
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            send(content_type, post.good.to_string().into_bytes()).await.problem(415, "content_type_unsupported");
        }
        let surprised = send("application/json", post.with("surprise", json!(1)).to_string().into_bytes()).await;
        assert_eq!(surprised.problem(400, "parameter_unknown")["param"], "surprise", "{path}");
        if !post.field.is_empty() {
            for wrong in [json!({"a": []}), json!([1]), json!(12_345_678_901_234_567_890_u64), json!(true)] {
                let answer = send("application/json", post.with(post.field, wrong).to_string().into_bytes()).await;
                assert_eq!(answer.status, 400, "{path}: {}", answer.text);
                assert_eq!(answer.any_problem()["param"], post.param, "{path}: {}", answer.text);
            }
        }
        let nobody = door.client.post(format!("{}{path}", door.url)).json(&post.good).send().await.unwrap();
        Answer::read(nobody).await.problem(401, "api_key_missing");
    }
    assert_eq!(contents(&world).await, before);
}

async fn card_numbers_are_refused_wherever_they_stand(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let before = contents(&world).await;
    let refused = async |request: reqwest::RequestBuilder| {
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.problem(400, "card_number_refused");
        assert!(!answer.text.contains("4242"), "{}", answer.text);
    };
    for post in posts() {
        let request = || door.request(Method::POST, &post.path(), &merchant.key).header("idempotency-key", "k");
        refused(request().json(&post.with("surprise", json!("4242 4242 4242 4242")))).await;
        refused(request().json(&post.with("metadata", json!({"card 378282246310005": "x"})))).await;
        refused(request().json(&post.with("surprise", json!(4_242_424_242_424_242_u64)))).await;
        let escaped = r#"{"surprise":"\u0034\u0032424242-4242-4242-4242"}"#.replacen("424242", "42", 1);
        refused(request().header("content-type", "application/json").body(escaped)).await;
        let in_query = format!("{}?a=4242+4242%204242-4242", post.path());
        let in_query = door.request(Method::POST, &in_query, &merchant.key).header("idempotency-key", "k");
        refused(in_query.json(&post.good)).await;
        refused(door.request(Method::POST, &post.path(), &merchant.key).header("idempotency-key", "4242424242424242"))
            .await;
    }
    refused(door.client.get(format!("{}/v1/sellers/4242424242424242", door.url))).await;
    refused(door.client.get(format!("{}/v1/payments?reference=4242%204242%204242%204242", door.url))).await;
    assert_eq!(contents(&world).await, before);
}

async fn damaged_bodies_never_break_the_server(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    for post in posts() {
        let good = post.good.to_string().into_bytes();
        for _ in 0..60 {
            let mut body = good.clone();
            let [place, byte, deed, size] = tollgate::words::random_bytes::<4>();
            let at = usize::from(place) % body.len();
            match deed % 4 {
                0 => body[at] = byte,
                1 => body.truncate(at),
                2 => drop(body.splice(at..at, std::iter::repeat_n(byte, usize::from(size)))),
                _ => drop(body.splice(at..at, *b"9e99")),
            }
            let sent = String::from_utf8_lossy(&body).into_owned();
            let request = door
                .request(Method::POST, &post.path(), &merchant.key)
                .header("idempotency-key", tollgate::words::random_base62(20))
                .header("content-type", "application/json")
                .body(body);
            let answer = Answer::read(request.send().await.unwrap()).await;
            assert!(answer.status < 500, "{} {sent}: {}", post.path, answer.text);
            if answer.status >= 400 {
                answer.any_problem();
            }
        }
    }
}

async fn other_merchants_objects_do_not_exist(world: World) {
    let door = Door::start(&world).await;
    let (alice, bob) = (door.merchant("Alice").await, door.merchant("Bob").await);
    let id = async |path: &str| door.get(path, &alice.key).await.json["data"][0]["id"].as_str().unwrap().to_owned();
    let endpoint = door.post("/v1/webhook_endpoints", &alice.key, &json!({"url": "https://shop.example/hooks"})).await;
    assert_eq!(endpoint.status, 201, "{}", endpoint.text);
    let (key, endpoint) = (id("/v1/api_keys").await, id("/v1/webhook_endpoints").await);
    let before = contents(&world).await;
    for stranger in [&bob.key, &alice.live_key] {
        for path in [
            format!("/v1/api_keys/{key}/revoke"),
            format!("/v1/api_keys/{key}/rotate"),
            format!("/v1/webhook_endpoints/{endpoint}"),
            format!("/v1/webhook_endpoints/{endpoint}/rotate_secret"),
            format!("/v1/webhook_endpoints/{endpoint}/test"),
        ] {
            door.post(&path, stranger, &json!({})).await.problem(404, "resource_not_found");
        }
    }
    // Ids that were never given, and texts that are none.
    for post in posts().iter().filter(|post| post.path.contains("{id}")) {
        door.post(&post.path(), &bob.key, &post.good).await.problem(404, "resource_not_found");
        for nonsense in ["x", "%20", "..%2f..%2fetc", "key_%F0%9F%8D%B5", "%C3%28"] {
            let answer = door.post(&post.path.replace("{id}", nonsense), &bob.key, &post.good).await;
            assert!([400, 404].contains(&answer.status), "{} {nonsense}: {}", post.path, answer.text);
            answer.any_problem();
        }
    }
    assert_eq!(contents(&world).await, before);
}

async fn unknown_paths_and_methods_are_problems(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    for path in ["/v1/nothing", "/v1", "/v2/payments", "/v1/sellers/", "/nowhere"] {
        door.get(path, &merchant.key).await.problem(404, "route_not_found");
    }
    let wrong = door.request(Method::PATCH, "/v1/sellers", &merchant.key).send().await.unwrap();
    let wrong = Answer::read(wrong).await;
    wrong.problem(405, "method_not_allowed");
    assert!(wrong.header("allow").contains("GET") && wrong.header("allow").contains("POST"), "{:?}", wrong.headers);
    door.get("/v1/sellers/a%00b", &merchant.key).await.problem(400, "url_malformed");
    door.get("/v1/sellers?limit=%00", &merchant.key).await.problem(400, "url_malformed");
    door.get(&format!("/v1/sellers?limit={}", "1".repeat(9000)), &merchant.key).await.problem(414, "url_too_long");
}

async fn a_body_that_is_too_large_is_refused_quickly(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let before = contents(&world).await;
    let big = format!("{{\"name\":\"{}\"}}", "x".repeat(10 * 1024 * 1024));
    for post in posts() {
        let started = Instant::now();
        let request = door
            .request(Method::POST, &post.path(), &merchant.key)
            .header("content-type", "application/json")
            .body(big.clone());
        Answer::read(request.send().await.unwrap()).await.problem(413, "body_too_large");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
    // A length that is not announced is counted on the way.
    let mut socket = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /v1/sellers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        merchant.key
    );
    let mut sent = head.into_bytes();
    for _ in 0..1000 {
        sent.extend_from_slice(format!("400\r\n{}\r\n", "x".repeat(1024)).as_bytes());
    }
    sent.extend_from_slice(b"0\r\n\r\n");
    socket.write_all(&sent).await.unwrap();
    let mut answer = String::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), socket.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"code\":\"body_too_large\""), "{answer}");
    assert_eq!(contents(&world).await, before);
}

async fn a_body_that_drips_is_cut_off(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let before = contents(&world).await;
    let mut socket = TcpStream::connect(door.address).await.unwrap();
    let head = format!(
        "POST /v1/sellers HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\ncontent-type: \
         application/json\r\ncontent-length: 1000\r\n\r\n{{",
        merchant.key
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let started = Instant::now();
    let (mut from, mut to) = socket.into_split();
    let dripping = tokio::spawn(async move {
        while to.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    let mut answer = String::new();
    let _ = tokio::time::timeout(Duration::from_secs(20), from.read_to_string(&mut answer)).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "after {:?}: {answer}", started.elapsed());
    assert!(answer.contains("\"code\":\"body_too_slow\"") && answer.contains("application/problem+json"), "{answer}");
    dripping.abort();
    // The server is none the worse for it, and nothing was done.
    assert_eq!(door.get("/v1/sellers", &merchant.key).await.status, 200);
    assert_eq!(contents(&world).await, before);
}

async fn the_log_tells_nothing_of_what_was_sent(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let mut server = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("serve")
        .env("TOLLGATE_DATABASE__URL", &world.database_url)
        .env("TOLLGATE_MASTER_KEY", tollgate::words::random_base62(40))
        .env("TOLLGATE_SERVER__LISTEN", "127.0.0.1:0")
        .env("TOLLGATE_PUBLIC_URL", "http://localhost:8080")
        // Nobody is there; nothing here calls it.
        .env("TOLLGATE_PSP__SIMULATOR__URL", "http://127.0.0.1:9")
        .env("TOLLGATE_PSP__SIMULATOR__SECRET_KEY", tollgate::words::random_base62(40))
        .env("TOLLGATE_PSP__SIMULATOR__WEBHOOK_SECRET", tollgate::words::random_base62(40))
        .env("TOLLGATE_DATABASE__ALLOW_PLAINTEXT", "true")
        .env("TOLLGATE_DATABASE__MIGRATE", "false")
        .env("TOLLGATE_LOG__LEVEL", "debug")
        .env("TOLLGATE_LOG__FORMAT", "json")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap());
    let mut written = String::new();
    let address = loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server did not start: {written}");
        written.push_str(&line);
        let fields: Value = serde_json::from_str(&line).unwrap_or_default();
        if fields["message"] == "ready" {
            break fields["listen"].as_str().unwrap().to_owned();
        }
    };
    let url = |path: &str| format!("http://{address}{path}");
    let client = &door.client;
    let ordinary = client
        .post(url("/v1/sellers?hush=querytext"))
        .bearer_auth(&merchant.key)
        .header("idempotency-key", "hushed-idempotency-key")
        .json(&json!({"name": "Hushed name"}));
    let ordinary = Answer::read(ordinary.send().await.unwrap()).await;
    assert_eq!(ordinary.status, 201, "{}", ordinary.text);
    let card = client.post(url("/v1/sellers")).bearer_auth(&merchant.key).json(&json!({"name": "4242 4242 4242 4242"}));
    assert_eq!(card.send().await.unwrap().status(), 400);
    let card = client.get(url("/v1/sellers/4242424242424242?card=378282246310005")).bearer_auth(&merchant.key);
    assert_eq!(card.send().await.unwrap().status(), 400);
    let typo = client.get(url("/v1/sellers")).bearer_auth("sk_test_mistyped_hush");
    assert_eq!(typo.send().await.unwrap().status(), 401);
    let unknown = client.get(url("/pay-hushed-token-path")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);

    server.kill().unwrap();
    log.read_to_string(&mut written).unwrap();
    server.wait().unwrap();
    let lines: Vec<Value> = written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let line = lines
        .iter()
        .find(|line| line["message"] == "request" && line["span"]["request_id"] == ordinary.header("request-id"))
        .expect(&written);
    let has = |text: &str| assert!(line.to_string().contains(text), "{text} is missing in {line}");
    has("\"route\":\"/v1/sellers\"");
    has("\"status\":201");
    has(merchant.test.merchant.as_str());
    // Of the cards more than a few digits, which the time of a line may have as well.
    let cards = ["4242 4242", "42424242", "37828224"];
    let others = ["Hushed", "hush", "querytext", merchant.key.as_str(), &merchant.key[8..20], "Bearer"];
    for secret in cards.into_iter().chain(others) {
        assert!(!written.contains(secret), "{secret} is in the log:\n{written}");
    }
}
