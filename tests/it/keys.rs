//! API keys: what each opens, what each refusal says, and that none is kept in the clear.

use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use reqwest::Method;
use serde_json::json;
use tollgate::db::Db;
use tollgate::merchants::Scope;
use tollgate::merchants::keys::{self, Kind, Token};
use tollgate::words::{KeyId, Mode};

use crate::support::door::Door;
use crate::support::{Answer, World, both_databases};

both_databases!(
    a_key_opens_one_merchant_in_one_mode,
    each_refusal_says_what_is_wrong_with_the_key,
    scopes_decide_what_a_restricted_key_may_do,
    a_publishable_key_only_says_whose_it_is,
    only_a_secret_key_makes_keys,
    a_rotated_key_works_on_for_its_overlap,
    a_key_revoked_elsewhere_is_refused_at_once,
    no_key_is_stored_or_shown_again,
    the_last_use_is_noted_once_a_minute,
    lists_are_walked_by_cursor,
    the_command_line_makes_working_keys,
);

async fn a_key_opens_one_merchant_in_one_mode(world: World) {
    let door = Door::start(&world).await;
    let (alice, bob) = (door.merchant("Alice").await, door.merchant("Bob").await);
    let seller = door.post("/v1/sellers", &alice.key, &json!({"name": "Tea house"})).await;
    assert_eq!(seller.status, 201, "{}", seller.text);
    assert_eq!(seller.json["livemode"], false);
    let path = format!("/v1/sellers/{}", seller.json["id"].as_str().unwrap());

    assert_eq!(door.get(&path, &alice.key).await.json, seller.json);
    for stranger in [&alice.live_key, &bob.key, &bob.live_key] {
        door.get(&path, stranger).await.problem(404, "resource_not_found");
        let list = door.get("/v1/sellers", stranger).await;
        assert_eq!(list.json["data"].as_array().unwrap().len(), 1, "its own seller alone: {}", list.text);
        let cursor = format!("/v1/sellers?starting_after={}", seller.json["id"].as_str().unwrap());
        assert_eq!(door.get(&cursor, stranger).await.problem(400, "cursor_unknown")["param"], "starting_after");
    }
    let own = door.get("/v1/merchant", &alice.live_key).await;
    assert_eq!((&own.json["id"], &own.json["livemode"]), (&json!(alice.live.merchant), &json!(true)));
}

async fn each_refusal_says_what_is_wrong_with_the_key(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let refused = async |authorization: Option<&str>, code: &str| {
        let mut request = door.client.get(format!("{}/v1/sellers", door.url));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.problem(401, code);
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{:?}", answer.headers);
    };
    let basic = |pair: String| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair));
    refused(None, "api_key_missing").await;
    refused(Some("Bearer"), "authorization_malformed").await;
    refused(Some("Digest abc"), "authorization_malformed").await;
    refused(Some("Basic ~~~"), "authorization_malformed").await;
    refused(Some(&basic(format!("{}:password", merchant.key))), "authorization_malformed").await;
    refused(Some("Bearer sk_test_short"), "api_key_malformed").await;
    let typo = format!("{}x", &merchant.key[..merchant.key.len() - 1]);
    if typo != merchant.key {
        refused(Some(&format!("Bearer {typo}")), "api_key_malformed").await;
    }
    let never_issued = Token::random(Kind::Secret, Mode::Test);
    refused(Some(&format!("Bearer {}", never_issued.expose())), "api_key_unknown").await;

    // A key whose expiry passes, and one that is revoked.
    let soon = world.now().plus(Duration::from_mins(1));
    let made = door.post("/v1/api_keys", &merchant.key, &json!({"kind": "secret", "expires_at": soon})).await;
    let expiring = format!("Bearer {}", made.json["secret"].as_str().unwrap());
    assert_eq!(door.get("/v1/sellers", &expiring["Bearer ".len()..]).await.status, 200);
    world.clock.advance(Duration::from_mins(1));
    refused(Some(&expiring), "api_key_expired").await;
    let made = door.post("/v1/api_keys", &merchant.key, &json!({"kind": "secret"})).await;
    let revoke = format!("/v1/api_keys/{}/revoke", made.json["id"].as_str().unwrap());
    assert_eq!(door.post(&revoke, &merchant.key, &json!({})).await.status, 200);
    refused(Some(&format!("Bearer {}", made.json["secret"].as_str().unwrap())), "api_key_revoked").await;

    let with_basic = door.client.get(format!("{}/v1/sellers", door.url)).basic_auth(&merchant.key, Some(""));
    assert_eq!(with_basic.send().await.unwrap().status(), 200);
}

async fn scopes_decide_what_a_restricted_key_may_do(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let reader = door.key(&merchant, Kind::Restricted, &[Scope::Read]).await;
    let writer = door.key(&merchant, Kind::Restricted, &[Scope::Write]).await;
    let refunder = door.key(&merchant, Kind::Restricted, &[Scope::Refund, Scope::Payout]).await;
    let body = json!({"name": "Tea house"});

    assert_eq!(door.get("/v1/sellers", &reader).await.status, 200);
    assert_eq!(door.post("/v1/sellers", &reader, &body).await.problem(403, "scope_missing")["param"], "write");
    assert_eq!(door.post("/v1/sellers", &writer, &body).await.status, 201);
    assert_eq!(door.get("/v1/sellers", &writer).await.problem(403, "scope_missing")["param"], "read");
    // Its scope lets it through to the payment, which is not there.
    let refund = json!({"payment": "pay_00000000000000000000000000"});
    door.post("/v1/refunds", &refunder, &refund).await.problem(404, "resource_not_found");
    for key in [&reader, &writer] {
        assert_eq!(door.post("/v1/refunds", key, &refund).await.problem(403, "scope_missing")["param"], "refund");
    }
    for method in [Method::GET, Method::POST] {
        let answer = door.request(method, "/v1/sellers", &refunder).send().await.unwrap();
        Answer::read(answer).await.problem(403, "scope_missing");
    }
}

async fn a_publishable_key_only_says_whose_it_is(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let key = door.key(&merchant, Kind::Publishable, &[]).await;
    assert!(key.starts_with("pk_test_"));
    assert_eq!(door.get("/v1/merchant", &key).await.json["id"], json!(merchant.test.merchant));
    for path in ["/v1/sellers", "/v1/payments", "/v1/events", "/v1/webhook_endpoints"] {
        door.get(path, &key).await.problem(403, "scope_missing");
    }
    door.get("/v1/api_keys", &key).await.problem(403, "secret_key_required");
}

async fn only_a_secret_key_makes_keys(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let all = door.key(&merchant, Kind::Restricted, &Scope::ALL).await;
    let wanted = json!({"kind": "restricted", "scopes": ["write", "read", "read"], "name": "till"});
    door.post("/v1/api_keys", &all, &wanted).await.problem(403, "secret_key_required");

    let made = door.post("/v1/api_keys", &merchant.key, &wanted).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!(made.json["scopes"], json!(["read", "write"]));
    assert!(made.json["secret"].as_str().unwrap().starts_with("rk_test_"));
    for (body, param) in [
        (json!({"kind": "restricted"}), "scopes"),
        (json!({"kind": "secret", "scopes": ["read"]}), "scopes"),
        (json!({"kind": "secret", "expires_at": "2001-01-01T00:00:00Z"}), "expires_at"),
        (json!({"kind": "master"}), "kind"),
        (json!({"kind": "restricted", "scopes": ["all"]}), "scopes[0]"),
        (json!({"kind": "secret", "name": ""}), "name"),
    ] {
        let refused = door.post("/v1/api_keys", &merchant.key, &body).await;
        assert_eq!(refused.problem(400, "parameter_invalid")["param"], param, "{body}");
    }
}

async fn a_rotated_key_works_on_for_its_overlap(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let list = door.get("/v1/api_keys", &merchant.key).await;
    let id = list.json["data"][0]["id"].as_str().unwrap().to_owned();
    let rotate = format!("/v1/api_keys/{id}/rotate");
    door.post(&rotate, &merchant.key, &json!({"overlap_hours": 169})).await.problem(400, "parameter_invalid");

    let rotated = door.post(&rotate, &merchant.key, &json!({"overlap_hours": 2})).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let successor = rotated.json["secret"].as_str().unwrap();
    door.post(&rotate, successor, &json!({})).await.problem(409, "api_key_not_active");
    world.clock.advance(Duration::from_secs(2 * 3600 - 1));
    assert_eq!(door.get("/v1/sellers", &merchant.key).await.status, 200);
    let old = door.get(&format!("/v1/api_keys/{id}"), successor).await;
    assert_eq!(old.json["replaced_by"], rotated.json["id"]);
    world.clock.advance(Duration::from_secs(1));
    door.get("/v1/sellers", &merchant.key).await.problem(401, "api_key_expired");
    assert_eq!(door.get("/v1/sellers", successor).await.status, 200);
}

async fn a_key_revoked_elsewhere_is_refused_at_once(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    assert_eq!(door.get("/v1/sellers", &merchant.key).await.status, 200);

    let elsewhere = Db::open(&world.database_url, 2).await.unwrap();
    let list = door.get("/v1/api_keys", &merchant.key).await;
    let id = KeyId::parse(list.json["data"][0]["id"].as_str().unwrap()).unwrap();
    let mut tx = elsewhere.begin().await.unwrap();
    keys::revoke(&mut tx, &merchant.test, &id, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    door.get("/v1/sellers", &merchant.key).await.problem(401, "api_key_revoked");
    elsewhere.close().await;
}

async fn no_key_is_stored_or_shown_again(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let made = door.post("/v1/api_keys", &merchant.key, &json!({"kind": "publishable", "name": "page"})).await;
    let secret = made.json["secret"].as_str().unwrap().to_owned();
    let id = made.json["id"].as_str().unwrap();
    let last4 = &secret[secret.len() - 4..];

    let shown = door.get(&format!("/v1/api_keys/{id}"), &merchant.key).await;
    assert_eq!(shown.json["hint"], format!("pk_test_...{last4}"));
    let list = door.get("/v1/api_keys", &merchant.key).await;
    for text in [&shown.text, &list.text] {
        assert!(!text.contains(&secret) && text.contains("\"secret\":null"), "{text}");
    }
    let stored =
        tollgate::db::query("select hash || name || last4 || scopes || kind as everything from api_keys where id = $1")
            .bind(id)
            .one(&world.db)
            .await
            .unwrap();
    assert!(!stored.get::<String>("everything").unwrap().contains(&secret[8..]));
    let remembered = tollgate::db::query("select count(*) as n from idempotency_keys").one(&world.db).await.unwrap();
    assert_eq!(remembered.get::<i64>("n").unwrap(), 0, "an answer that shows a key is not remembered");
}

async fn the_last_use_is_noted_once_a_minute(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    let last_used = async || {
        door.app.tasks.close();
        door.app.tasks.wait().await;
        door.app.tasks.reopen();
        let sql = "select last_used_at from api_keys where merchant_id = $1 and not livemode";
        let row = tollgate::db::query(sql).bind(&merchant.test.merchant).one(&world.db).await.unwrap();
        row.get::<Option<tollgate::words::Timestamp>>("last_used_at").unwrap()
    };
    assert_eq!(last_used().await, None);
    let first = world.now();
    door.get("/v1/sellers", &merchant.key).await;
    assert_eq!(last_used().await, Some(first));
    world.clock.advance(Duration::from_secs(59));
    door.get("/v1/sellers", &merchant.key).await;
    assert_eq!(last_used().await, Some(first));
    world.clock.advance(Duration::from_secs(1));
    door.get("/v1/sellers", &merchant.key).await;
    assert_eq!(last_used().await, Some(world.now()));
}

async fn lists_are_walked_by_cursor(world: World) {
    let door = Door::start(&world).await;
    let merchant = door.merchant("Shop").await;
    for number in 0..6 {
        // Ids are ordered by the millisecond they were made in.
        tokio::time::sleep(Duration::from_millis(2)).await;
        door.post("/v1/sellers", &merchant.key, &json!({"name": format!("Seller {number}")})).await;
    }
    let ids = |page: &Answer| -> Vec<String> {
        page.json["data"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap().to_owned()).collect()
    };
    let all = door.get("/v1/sellers?limit=100", &merchant.key).await;
    assert_eq!((&all.json["object"], &all.json["url"]), (&json!("list"), &json!("/v1/sellers")));
    let all = ids(&all);
    assert_eq!(all.len(), 7);
    assert!(all.is_sorted_by(|a, b| a > b), "newest first");

    let mut walked = Vec::new();
    let mut path = "/v1/sellers?limit=3".to_owned();
    loop {
        let page = door.get(&path, &merchant.key).await;
        walked.extend(ids(&page));
        path = format!("/v1/sellers?limit=3&starting_after={}", walked.last().unwrap());
        if page.json["has_more"] == false {
            break;
        }
    }
    assert_eq!(walked, all);
    let back = door.get(&format!("/v1/sellers?limit=2&ending_before={}", all[4]), &merchant.key).await;
    assert_eq!((ids(&back), &back.json["has_more"]), (all[2..4].to_vec(), &json!(true)));
    for (query, code, param) in [
        ("limit=0", "parameter_invalid", "limit"),
        ("sort=name", "parameter_unknown", "sort"),
        ("starting_after=nonsense", "cursor_unknown", "starting_after"),
        ("ending_before=sel_00000000000000000000000000", "cursor_unknown", "ending_before"),
    ] {
        let refused = door.get(&format!("/v1/sellers?{query}"), &merchant.key).await;
        assert_eq!(refused.problem(400, code)["param"], param, "{query}");
    }
}

async fn the_command_line_makes_working_keys(world: World) {
    let door = Door::start(&world).await;
    let tollgate = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(args)
            .env("TOLLGATE_DATABASE__URL", &world.database_url)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let word = |text: &str, begins: &str| -> String {
        text.split_whitespace().find(|word| word.starts_with(begins)).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    // The machine's clock is not the test's: keys made by the program are valid from whenever.
    let (ok, made, error) = tollgate(&["merchant", "create", "--name", "Tea house"]);
    assert!(ok, "{error}");
    let merchant = word(&made, "mrc_");
    let key = word(&made, "sk_test_");
    assert_eq!(door.get("/v1/merchant", &key).await.json["name"], "Tea house");
    assert_eq!(door.get("/v1/merchant", &word(&made, "sk_live_")).await.json["livemode"], true);
    assert_eq!(door.get("/v1/merchant", &word(&made, "pk_test_")).await.status, 200);
    assert!(tollgate(&["merchant", "list"]).1.contains(&merchant));

    let create =
        ["key", "create", "--merchant", &merchant, "--mode", "test", "--kind", "restricted", "--scopes", "read,refund"];
    let (ok, made, error) = tollgate(&create);
    assert!(ok, "{error}");
    let (id, restricted) = (word(&made, "key_"), word(&made, "rk_test_"));
    assert_eq!(door.get("/v1/merchant", &restricted).await.json["key"]["scopes"], json!(["read", "refund"]));
    let (ok, listed, error) = tollgate(&["key", "list", "--merchant", &merchant]);
    assert!(ok && listed.contains(&id) && !listed.contains(&restricted) && !listed.contains(&key), "{listed}{error}");
    assert!(tollgate(&["key", "revoke", "--merchant", &merchant, &id]).0);
    door.get("/v1/merchant", &restricted).await.problem(401, "api_key_revoked");

    for (args, said) in [
        (vec!["merchant", "create", "--name", " "], "1 to 200"),
        (vec!["key", "create", "--merchant", "mrc_nobody"], "--merchant"),
        (vec!["key", "create", "--merchant", "mrc_00000000000000000000000000"], "no merchant"),
        (vec!["key", "create", "--merchant", &merchant, "--kind", "restricted"], "scope"),
    ] {
        let (ok, _, error) = tollgate(&args);
        assert!(!ok && error.contains(said), "{args:?}: {error}");
    }
}
