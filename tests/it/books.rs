//! What merchants read of the books over HTTP, and what `tollgate verify` tells whoever runs the gateway.

use std::process::{Command, Output};

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tollgate::db::query;
use tollgate::http;
use tollgate::integrity::watch;
use tollgate::ledger::seals::{self, Sealed};
use tollgate::merchants::keys::{self, Kind, NewKey};
use tollgate::words::{JournalId, Mode, PaymentId, SellerId, Tenant};
use tower::ServiceExt;

use crate::support::shop::Shop;
use crate::support::{World, both_databases};

/// A fresh secret key of this tenant.
async fn key(shop: &Shop, tenant: &Tenant) -> String {
    let mut tx = shop.app.db.begin().await.unwrap();
    let new = NewKey { kind: Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
    let issued = keys::issue(&mut tx, tenant, new, shop.app.now()).await.unwrap();
    tx.commit().await.unwrap();
    issued.token.expose().to_owned()
}

/// Asks until it is this caller's turn.
async fn checked(shop: &Shop, key: &str) -> Value {
    loop {
        match get(shop, key, "/v1/integrity").await {
            (StatusCode::SERVICE_UNAVAILABLE, _) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
            (_, answer) => return answer,
        }
    }
}

async fn get(shop: &Shop, key: &str, path: &str) -> (StatusCode, Value) {
    let request = Request::get(path).header("authorization", format!("Bearer {key}")).body(Body::empty()).unwrap();
    let answer = http::routes(shop.app.clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn a_paid_checkout_is_read_from_the_books(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let key = key(&shop, &shop.tenant).await;
    let (seller, payment) = (&opened.orders[0].seller, &opened.payment.id);

    let (status, list) = get(&shop, &key, &format!("/v1/ledger/journals?payment={payment}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(list["object"], "list");
    let journal = &list["data"][0];
    assert_eq!(journal["kind"], "sale");
    assert_eq!(journal["payment"], payment.as_str());
    assert_eq!(journal["livemode"], false);
    assert_eq!(journal["lines"][0]["amount"], "10.00");
    assert_eq!(journal["lines"][1]["account"], format!("seller:{seller}:pending"));
    assert_eq!(journal["lines"][1]["amount"], "-10.00");

    let (_, balances) = get(&shop, &key, "/v1/ledger/balances?currency=USD").await;
    let accounts: Vec<_> =
        balances["data"].as_array().unwrap().iter().map(|b| (&b["account"], &b["balance"])).collect();
    assert_eq!(accounts.len(), 2, "{balances}");
    assert!(accounts.iter().all(|(_, balance)| *balance == "10.00"), "{balances}");
    let (_, before) = get(&shop, &key, "/v1/ledger/balances?at=2020-01-01T00:00:00Z").await;
    assert_eq!(before["data"], serde_json::json!([]));
    let last = balances["data"][1]["id"].as_str().unwrap();
    let (_, rest) = get(&shop, &key, &format!("/v1/ledger/balances?starting_after={last}")).await;
    assert_eq!(rest["data"], serde_json::json!([]));

    let (_, wallet) = get(&shop, &key, &format!("/v1/wallets/{seller}")).await;
    assert_eq!(wallet["object"], "wallet");
    assert_eq!(wallet["balances"][0]["pending"], "10.00");
    assert_eq!(wallet["balances"][0]["available"], "0.00");

    let integrity = checked(&shop, &key).await;
    assert_eq!(integrity["state"], "holds", "{integrity}");
    assert!(integrity["checks"].as_array().unwrap().len() >= 12);
    assert_eq!(integrity["watch"], Value::Null);
    assert_eq!(integrity["checks"][6]["state"], "not_checked");
}

async fn other_tenants_see_nothing_of_it(world: World) {
    let shop = Shop::open(world.clone()).await;
    let opened = shop.paid().await;
    let own = key(&shop, &shop.tenant).await;
    let live = Tenant::new(shop.tenant.merchant.clone(), Mode::Live);
    let stranger = Shop::open(world).await.tenant;
    let (seller, payment) = (&opened.orders[0].seller, &opened.payment.id);
    let (_, list) = get(&shop, &own, "/v1/ledger/journals").await;
    let journal = list["data"][0]["id"].as_str().unwrap();

    for tenant in [&live, &stranger] {
        let key = key(&shop, tenant).await;
        for path in [format!("/v1/ledger/journals?payment={payment}"), "/v1/ledger/balances".to_owned()] {
            assert_eq!(get(&shop, &key, &path).await.1["data"], serde_json::json!([]), "{path}");
        }
        assert_eq!(get(&shop, &key, &format!("/v1/wallets/{seller}")).await.0, StatusCode::NOT_FOUND);
        let (status, problem) = get(&shop, &key, &format!("/v1/ledger/journals?starting_after={journal}")).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &"cursor_unknown".into()));
        assert_eq!(checked(&shop, &key).await["state"], "holds");
    }
}

async fn bad_questions_are_refused_by_name(world: World) {
    let shop = Shop::open(world).await;
    let key = key(&shop, &shop.tenant).await;
    for (path, param) in [
        ("/v1/ledger/journals?payment=po_1".to_owned(), "payment"),
        (format!("/v1/ledger/journals?starting_after={}", PaymentId::new()), "starting_after"),
        (format!("/v1/ledger/journals?ending_before={}", JournalId::new()), "ending_before"),
        ("/v1/ledger/journals?account=bank".to_owned(), "account"),
        ("/v1/ledger/balances?currency=usd".to_owned(), "currency"),
        ("/v1/ledger/balances?at=yesterday".to_owned(), "at"),
        ("/v1/ledger/balances?limit=0".to_owned(), "limit"),
        ("/v1/ledger/balances?starting_after=USD:purse".to_owned(), "starting_after"),
        ("/v1/ledger/balances?ending_before=USD:bank".to_owned(), "ending_before"),
    ] {
        let (status, problem) = get(&shop, &key, &path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}: {problem}");
        assert_eq!(problem["param"], param, "{path}: {problem}");
    }
    for path in [format!("/v1/wallets/{}", SellerId::new()), "/v1/wallets/me".to_owned()] {
        assert_eq!(get(&shop, &key, &path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get(&shop, "nonsense", "/v1/integrity").await.0, StatusCode::UNAUTHORIZED);
}

async fn many_who_check_at_once_do_not_take_the_database(world: World) {
    let shop = Shop::open(world).await;
    shop.paid().await;
    let key = key(&shop, &shop.tenant).await;
    let asked = (0..20).map(|_| get(&shop, &key, "/v1/integrity"));
    let answers = futures_util::future::join_all(asked).await;
    // Whether three of them meet is the machine's affair.
    let (checked, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(status, _)| *status == StatusCode::OK);
    assert!(!checked.is_empty(), "all were turned away");
    assert!(busy.iter().all(|(_, problem)| problem["code"] == "integrity_busy" && problem["retryable"] == true));
}

/// Once the watch has looked, an answer reads what changed since and nothing else: what was broken behind its back stays unsaid until
/// the watch comes to it, what was broken in what changed is said at once, and other merchants hear of neither.
async fn integrity_is_answered_from_what_the_watch_knows_and_what_is_new(world: World) {
    let shop = Shop::open(world.clone()).await;
    let old = shop.paid().await;
    let (key, stranger) = (key(&shop, &shop.tenant).await, Shop::open(world).await);
    let theirs = self::key(&stranger, &stranger.tenant).await;
    let raw = async |statement: &'static str, id: &str| {
        let mut tx = shop.app.db.begin().await.unwrap();
        query(statement).bind(id).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    let place = async || {
        let mut tx = shop.app.db.begin().await.unwrap();
        tollgate::events::place(&mut tx, 100).await.unwrap();
        tx.commit().await.unwrap();
        while let Sealed::Block(_) =
            seals::seal(&shop.app.db, &shop.app.keyring, &seals::Head::default(), shop.app.now()).await.unwrap()
        {
        }
    };
    place().await;
    while watch::look(&shop.app.db, shop.app.now()).await.unwrap() {}
    let asked = checked(&shop, &key).await;
    assert_eq!((&asked["state"], &asked["watch"]["behind"]), (&"holds".into(), &false.into()), "{asked}");

    raw("update payments set captured = captured - 1 where id = $1", old.payment.id.as_str()).await;
    assert_eq!(checked(&shop, &key).await["state"], "holds", "nothing changed that left a trace");
    raw("update payments set captured = captured + 1 where id = $1", old.payment.id.as_str()).await;

    let new = shop.paid().await;
    raw("update payments set captured = captured - 1 where id = $1", new.payment.id.as_str()).await;
    place().await;
    let asked = checked(&shop, &key).await;
    let law = asked["checks"].as_array().unwrap().iter().find(|law| law["name"] == "one_capture_per_checkout").unwrap();
    assert_eq!((&asked["state"], &law["state"], &law["broken"]), (&"broken".into(), &"broken".into(), &1.into()));
    assert_eq!(law["findings"][0]["id"], new.payment.id.as_str());
    assert_eq!(checked(&stranger, &theirs).await["state"], "holds");

    // Found by the watch, it stays said, with the time when it was found.
    while watch::look(&shop.app.db, shop.app.now()).await.unwrap() {}
    let asked = checked(&shop, &key).await;
    assert_eq!(asked["state"], "broken");
    let law = asked["checks"].as_array().unwrap().iter().find(|law| law["name"] == "one_capture_per_checkout").unwrap();
    assert!(law["findings"][0]["found_at"].is_string(), "{law}");
}

async fn verify_tells_by_its_exit(world: World) {
    let shop = Shop::open(world.clone()).await;
    let opened = shop.paid().await;
    let sound = verify(&world);
    let text = String::from_utf8(sound.stdout).unwrap();
    assert!(sound.status.success(), "{text}{}", String::from_utf8_lossy(&sound.stderr));
    assert!(text.contains(" 2  holds        wallets_equal_ledger"), "{text}");
    assert!(text.contains(" 7  not checked  provider_agrees"), "{text}");

    let mut tx = world.db.begin().await.unwrap();
    query("update wallets set available = 5").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let broken = verify(&world);
    let text = String::from_utf8(broken.stdout).unwrap();
    assert_eq!(broken.status.code(), Some(1), "{text}");
    assert!(text.contains(" 2  BROKEN       wallets_equal_ledger"), "{text}");
    assert!(text.contains(&format!("seller:{}:available", opened.orders[0].seller)), "{text}");
}

fn verify(world: &World) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("verify")
        .env("TOLLGATE_DATABASE__URL", &world.database_url)
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .output()
        .unwrap()
}

both_databases!(
    a_paid_checkout_is_read_from_the_books,
    other_tenants_see_nothing_of_it,
    bad_questions_are_refused_by_name,
    integrity_is_answered_from_what_the_watch_knows_and_what_is_new,
    many_who_check_at_once_do_not_take_the_database,
    verify_tells_by_its_exit,
);
