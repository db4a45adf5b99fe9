//! The hosted page over HTTP: its headers, its languages, who may ask what, and every state a payment can be in.

use std::time::Duration;

use askama::Template as _;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate::http::assets;
use tollgate::http::checkout::locale::Locale;
use tollgate::http::checkout::page::{Notice, Page};
use tollgate::merchants::{self, keys};
use tollgate::words::{Mode, Tenant};

use crate::support::{Answer, Gateway, eventually};
use crate::support::{World, both_databases, snapshot};

both_databases!(
    the_page_is_guarded_by_its_headers,
    it_speaks_the_shoppers_language,
    a_link_that_leads_nowhere_says_so,
    only_the_page_itself_may_ask,
    a_payment_goes_through_once,
    a_refusal_is_told_and_another_card_is_taken,
    what_a_thief_would_like_to_know_is_not_told,
    three_d_secure_may_be_given_up_for_another_card,
    an_outcome_nobody_knows_blocks_a_second_payment_until_it_is_known,
    late_is_late,
    leaving_keeps_the_session_open,
    without_the_psp_the_page_says_so,
    what_merchants_write_is_text,
);

/// A shopper's page, with the page token its script holds.
struct Tab<'a> {
    gateway: &'a Gateway,
    path: String,
    token: String,
    session: Value,
}

impl<'a> Tab<'a> {
    async fn open(gateway: &'a Gateway) -> Self {
        Self::of(gateway, json!({})).await
    }

    async fn of(gateway: &'a Gateway, more: Value) -> Self {
        let mut body = json!({
            "line_items": [{ "name": "백자 머그잔", "unit_amount": "15000", "quantity": 2 }],
            "currency": "KRW",
            "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/cart",
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let session = gateway.post("/v1/checkout/sessions", body).await.ok();
        let path = session["url"].as_str().unwrap().strip_prefix(&gateway.url).unwrap().to_owned();
        let mut tab = Self { gateway, path, token: String::new(), session };
        tab.token = tab.attribute("data-page-token", "ko").await;
        tab
    }

    /// The page, as a browser of that language gets it.
    async fn page(&self, language: &str) -> Answer {
        self.page_at("", language).await
    }

    async fn page_at(&self, query: &str, language: &str) -> Answer {
        let url = format!("{}{}{query}", self.gateway.url, self.path);
        Gateway::send(self.gateway.http.get(url).header("accept-language", language)).await
    }

    async fn attribute(&self, name: &str, language: &str) -> String {
        let page = self.page(language).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let (_, rest) = page.text.split_once(&format!("{name}=\"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    async fn state(&self) -> String {
        self.attribute("data-state", "en").await
    }

    async fn ask(&self, method: Method, step: &str, body: Option<Value>) -> Answer {
        self.gateway.call(method, &format!("{}/{step}", self.path), &self.token, body).await
    }

    async fn status(&self) -> Value {
        self.ask(Method::GET, "status", None).await.ok()
    }

    async fn register(&self) -> Value {
        self.ask(Method::POST, "register", Some(json!({}))).await.ok()
    }

    async fn confirm(&self, card: &str) -> Value {
        let body = json!({ "payment_method": format!("tok_sim_{card}") });
        self.ask(Method::POST, "confirm", Some(body)).await.ok()
    }

    async fn payment(&self) -> Value {
        self.gateway.get(&format!("/v1/payments/{}", self.session["payment"].as_str().unwrap())).await.ok()
    }
}

async fn the_page_is_guarded_by_its_headers(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let tab = Tab::open(&gateway).await;
    let psp = gateway.simulator.base_url().to_owned();
    let missing = Gateway::send(gateway.http.get(format!("{}/pay/{}", gateway.url, "x".repeat(24)))).await;
    for (page, frames) in [(tab.page("en").await, psp.as_str()), (missing, "'none'")] {
        let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "style-src 'self';",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(policy.contains(&format!("frame-src {frames};")), "{policy}");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin-allow-popups");
        assert!(header("permissions-policy").contains("camera=()"));
        // Nothing that the policy forbids stands in the page: the shopper would see it broken.
        for inline in ["<style", "style=\"", "onclick", "onload", "javascript:"] {
            assert!(!page.text.contains(inline), "{inline}");
        }
        let scripts: Vec<_> = page.text.split("<script").skip(1).collect();
        assert!(scripts.iter().all(|script| script.trim_start().starts_with("defer src=\"/static/")));
    }
    for asset in assets::all() {
        let file = Gateway::send(gateway.http.get(format!("{}{}", gateway.url, asset.url()))).await;
        assert_eq!(file.status, 200, "{}", asset.url());
        assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"));
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
        let other = asset.url().replacen('.', ".0", 1);
        assert_eq!(Gateway::send(gateway.http.get(format!("{}{other}", gateway.url))).await.status, 404);
    }
    let page = tab.page("en").await.text;
    for asset in [&assets::BASE_CSS, &assets::CHECKOUT_CSS, &assets::CHECKOUT_JS] {
        assert!(page.contains(&format!("\"{}\" integrity=\"{}\"", asset.url(), asset.integrity())), "{}", asset.url());
    }
    gateway.stop().await;
}

async fn it_speaks_the_shoppers_language(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let tab = Tab::open(&gateway).await;
    for (query, browser, lang, says) in [
        ("", "ko-KR,ko;q=0.9,en;q=0.8", "ko", "₩30,000 결제하기"),
        ("", "en-GB", "en", "Pay ₩30,000"),
        ("", "fr", "en", "Pay ₩30,000"),
        ("?locale=en", "ko", "en", "Pay ₩30,000"),
        ("?locale=ko&utm_source=x", "en", "ko", "₩30,000 결제하기"),
        ("?locale=%00", "en", "en", "Pay ₩30,000"),
    ] {
        let page = tab.page_at(query, browser).await;
        if query.contains("%00") {
            page.refused(400);
            continue;
        }
        assert_eq!(page.headers["content-language"], lang);
        assert!(
            page.text.contains(&format!("<html lang=\"{lang}\">")) && page.text.contains(says),
            "{query} {browser}"
        );
    }
    let korean = Tab::of(&gateway, json!({ "locale": "ko" })).await;
    assert!(korean.page("en").await.text.contains("결제하기"));
    assert!(korean.page_at("?locale=en", "ko").await.text.contains("Pay ₩30,000"));
    gateway.stop().await;
}

async fn a_link_that_leads_nowhere_says_so(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let tab = Tab::open(&gateway).await;
    let mut tampered = tab.path.clone();
    let last = tampered.pop().unwrap();
    tampered.push(if last == 'A' { 'B' } else { 'A' });
    let long = format!("/pay/{}", "x".repeat(500));
    for path in [tampered.as_str(), "/pay/x", "/pay/%27%20or%201=1", &long] {
        let page =
            Gateway::send(gateway.http.get(format!("{}{path}", gateway.url)).header("accept-language", "ko")).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("결제 정보를 찾을 수 없어요"), "{path}");
        let json = gateway.call(Method::GET, &format!("{path}/status"), &tab.token, None).await;
        assert_eq!(json.refused(404), "payment_page_not_found", "{path}");
    }
    gateway.stop().await;
}

async fn only_the_page_itself_may_ask(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let (tab, other) = (Tab::open(&gateway).await, Tab::open(&gateway).await);
    let mut forged = tab.token.clone();
    forged.insert(forged.len() - 10, 'A');
    let key = gateway.key.clone();
    for (method, step) in [
        (Method::POST, "register"),
        (Method::POST, "confirm"),
        (Method::GET, "status"),
        (Method::POST, "abandon"),
        (Method::POST, "cancel"),
    ] {
        for token in [other.token.as_str(), &forged, &key, "", "x"] {
            let body = (step == "confirm").then(|| json!({ "payment_method": "tok_sim_approve" }));
            let answer = gateway.call(method.clone(), &format!("{}/{step}", tab.path), token, body).await;
            assert_eq!(answer.refused(401), "page_token_invalid", "{step}");
        }
    }
    assert_eq!(tab.payment().await["attempts"], json!([]));
    world.clock.advance(Duration::from_mins(14));
    let renewed = tab.status().await["page_token"].as_str().unwrap().to_owned();
    world.clock.advance(Duration::from_mins(2));
    assert_eq!(tab.ask(Method::GET, "status", None).await.refused(401), "page_token_expired");
    let tab = Tab { token: renewed, ..tab };
    assert_eq!(tab.status().await["state"], "ready");
    // What a shopper's browser could send is no reason to fail.
    for body in
        [json!({}), json!({ "payment_method": 7 }), json!({ "payment_method": "x y" }), json!({ "amount": "1" })]
    {
        tab.register().await;
        tab.ask(Method::POST, "confirm", Some(body)).await.refused(400);
    }
    gateway.stop().await;
}

async fn a_payment_goes_through_once(world: World) {
    let gateway = world.gateway().await;
    let tab = Tab::open(&gateway).await;
    assert_eq!(tab.state().await, "ready");
    let early = tab.ask(Method::POST, "confirm", Some(json!({ "payment_method": "tok_sim_approve" }))).await;
    assert_eq!(early.refused(409), "payment_not_registered");
    let registered = tab.register().await;
    assert!(registered["form_url"].as_str().unwrap().starts_with(gateway.simulator.base_url()));
    assert_eq!(tab.register().await["form_url"], registered["form_url"]);
    // A double click, and a second tab.
    let (one, two) = tokio::join!(tab.confirm("approve"), tab.confirm("approve"));
    for answer in [&one, &two] {
        assert!(["succeeded", "processing", "already_paid"].contains(&answer["state"].as_str().unwrap()), "{answer}");
    }
    let status =
        eventually("paid", || async { Some(tab.status().await).filter(|now| now["state"] == "succeeded") }).await;
    let id = tab.session["id"].as_str().unwrap();
    assert_eq!(status["redirect_url"], format!("https://shop.example/paid?session={id}"));
    assert_eq!(tab.confirm("approve").await["state"], "already_paid");
    assert_eq!(tab.register().await["form_url"], Value::Null);
    assert_eq!(tab.state().await, "already_paid");
    let payment = tab.payment().await;
    assert_eq!((&payment["status"], &payment["captured"]), (&json!("succeeded"), &json!("30000")));
    assert_eq!(payment["attempts"].as_array().unwrap().len(), 1);
    let session = gateway.get(&format!("/v1/checkout/sessions/{id}")).await.ok();
    assert_eq!((&session["status"], &session["url"]), (&json!("complete"), &Value::Null));
    assert_eq!(session["payment_orders"][0]["status"], "SUCCESS");
    gateway.stop().await;
}

async fn a_refusal_is_told_and_another_card_is_taken(world: World) {
    let gateway = world.gateway().await;
    let tab = Tab::open(&gateway).await;
    tab.register().await;
    for (tries, (card, says)) in [
        ("insufficient_funds", "카드 잔액이나 한도가 부족해요"),
        ("expired_card", "유효기간이 지난 카드예요"),
        ("do_not_honor", "카드사에서 승인하지 않았어요"),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = tab.confirm(card).await;
        assert_eq!((&answer["state"], &answer["decline_code"]), (&json!("declined"), &json!(card)));
        assert_eq!(answer["tries"], tries + 1);
        assert!(answer["message"].as_str().unwrap().contains(says), "{answer}");
        // Whoever reloads reads it too, and may pay.
        let page = tab.page("ko").await.text;
        assert!(page.contains(says) && page.contains("data-state=\"declined\""));
    }
    assert_eq!(tab.confirm("approve").await["state"], "succeeded");
    assert_eq!(tab.payment().await["attempts"].as_array().unwrap().len(), 4);
    gateway.stop().await;
}

async fn what_a_thief_would_like_to_know_is_not_told(world: World) {
    let gateway = world.gateway().await;
    for card in ["lost_card", "stolen_card", "suspected_fraud"] {
        let tab = Tab::open(&gateway).await;
        tab.register().await;
        let answer = tab.confirm(card).await;
        assert_eq!(
            (&answer["state"], &answer["decline_code"]),
            (&json!("declined"), &json!("generic_decline")),
            "{card}"
        );
        assert!(answer["message"].as_str().unwrap().contains("이 카드로는 결제할 수 없어요"), "{answer}");
        // The merchant may know.
        assert_eq!(tab.payment().await["attempts"][0]["decline_code"], card);
    }
    gateway.stop().await;
}

async fn three_d_secure_may_be_given_up_for_another_card(world: World) {
    let gateway = world.gateway().await;
    let tab = Tab::open(&gateway).await;
    tab.register().await;
    let asked = tab.confirm("challenge").await;
    assert_eq!(asked["state"], "action_required");
    assert!(asked["challenge_url"].as_str().unwrap().starts_with(gateway.simulator.base_url()));
    assert_eq!(tab.state().await, "action_required");
    assert_eq!(tab.status().await["challenge_url"], asked["challenge_url"]);
    // A second card waits until the first is done with.
    assert_eq!(tab.confirm("approve").await["state"], "action_required");
    let given_up = tab.ask(Method::POST, "abandon", Some(json!({}))).await.ok();
    assert_eq!(given_up["state"], "declined");
    assert!(given_up["message"].as_str().unwrap().contains("본인 인증"));
    assert_eq!(tab.confirm("approve").await["state"], "succeeded");
    assert_eq!(tab.ask(Method::POST, "abandon", None).await.ok()["state"], "succeeded");
    gateway.stop().await;
}

async fn an_outcome_nobody_knows_blocks_a_second_payment_until_it_is_known(world: World) {
    let gateway = world.gateway().await;
    let tab = Tab::open(&gateway).await;
    tab.register().await;
    let answer = tab.confirm("lost_answer").await;
    assert!(["unknown", "processing", "succeeded"].contains(&answer["state"].as_str().unwrap()), "{answer}");
    tab.confirm("approve").await;
    eventually("known", || async { Some(tab.status().await).filter(|now| now["state"] == "succeeded") }).await;
    assert_eq!(tab.payment().await["attempts"].as_array().unwrap().len(), 1);
    gateway.stop().await;
}

async fn late_is_late(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let tab = Tab::of(&gateway, json!({ "expires_in": 1800 })).await;
    tab.register().await;
    world.clock.advance(Duration::from_mins(30));
    let page = tab.page("en").await.text;
    assert!(page.contains("data-state=\"expired\"") && page.contains("This payment link has expired"));
    let tab = Tab { token: tab.attribute("data-page-token", "en").await, ..tab };
    assert_eq!(tab.status().await["state"], "expired");
    assert_eq!(tab.confirm("approve").await["state"], "expired");
    assert_eq!(tab.register().await["form_url"], Value::Null);
    assert_eq!(tab.payment().await["attempts"], json!([]));
    gateway.stop().await;
}

async fn leaving_keeps_the_session_open(world: World) {
    let gateway = world.gateway().await;
    let tab = Tab::open(&gateway).await;
    let left = tab.ask(Method::POST, "cancel", Some(json!({}))).await.ok();
    assert_eq!(left["redirect_url"], "https://shop.example/cart");
    assert_eq!(tab.state().await, "ready");
    tab.register().await;
    assert_eq!(tab.confirm("approve").await["state"], "succeeded");
    assert_eq!(tab.ask(Method::POST, "cancel", None).await.refused(409), "payment_under_way");
    gateway.stop().await;
}

async fn without_the_psp_the_page_says_so(world: World) {
    let gateway = world
        .gateway_with(|config| {
            // Nobody listens there.
            config.psp.simulator.as_mut().unwrap().url = "http://127.0.0.1:9".parse().unwrap();
        })
        .await;
    let tab = Tab::open(&gateway).await;
    let answer = tab.ask(Method::POST, "register", Some(json!({}))).await;
    assert_eq!(answer.refused(503), "psp_unavailable");
    assert_eq!(answer.json["retryable"], true);
    assert_eq!(tab.status().await["state"], "ready");
    gateway.stop().await;
}

async fn what_merchants_write_is_text(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let evil = "<script>alert(1)</script>\"'&";
    let mut tx = world.db.begin().await.unwrap();
    let shop = merchants::create(&mut tx, evil, world.now()).await.unwrap();
    let new = keys::NewKey { kind: keys::Kind::Secret, scopes: Vec::new(), name: None, expires_at: None };
    let key = keys::issue(&mut tx, &Tenant::new(shop.id, Mode::Test), new, world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let body = json!({
        "line_items": [{ "name": evil, "unit_amount": "15000", "quantity": 1 }],
        "currency": "KRW",
        "reference": evil,
        "success_url": "https://shop.example/?a=\"><script>alert(1)</script>",
        "cancel_url": "https://shop.example/?a=\"><script>alert(1)</script>",
    });
    let session = gateway.call(Method::POST, "/v1/checkout/sessions", key.token.expose(), Some(body)).await.ok();
    let page = Gateway::send(gateway.http.get(session["url"].as_str().unwrap())).await;
    assert_eq!(page.status, 200);
    assert!(!page.text.contains("<script>"), "{}", page.text);
    assert!(page.text.contains("&#60;script&#62;alert(1)"));
    gateway.stop().await;
}

#[test]
fn every_state_renders_in_every_language_as_it_did() {
    for locale in Locale::ALL {
        for state in [
            "ready",
            "declined",
            "processing",
            "action_required",
            "unknown",
            "succeeded",
            "already_paid",
            "expired",
            "returned",
            "canceled",
        ] {
            let html = Page::sample(locale, state).render().unwrap();
            snapshot::same(&format!("checkout-{}-{state}.html", locale.code()), &without_hashes(&html));
        }
        let html = Notice::not_found(locale).render().unwrap();
        snapshot::same(&format!("checkout-{}-not-found.html", locale.code()), &without_hashes(&html));
        let html = Notice::trouble(locale).render().unwrap();
        snapshot::same(&format!("checkout-{}-trouble.html", locale.code()), &without_hashes(&html));
    }
}

/// A change of a stylesheet is not a change of the page.
fn without_hashes(html: &str) -> String {
    assets::all().into_iter().fold(html.to_owned(), |html, asset| {
        html.replace(asset.url(), "/static/asset").replace(asset.integrity(), "sha384")
    })
}
