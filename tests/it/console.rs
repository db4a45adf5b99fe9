//! The console as a person with a browser meets it: the way in, what it shows, and that nothing is done for strangers.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::http::StatusCode;
use jsonwebtoken::{EncodingKey, Header, encode};
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE};
use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::operators;
use tollgate::payments;
use tollgate::words::{Page, PaymentId, RefundId, Secret, random_base62};

use crate::support::{Answer, Gateway, World, both_databases, eventually};

both_databases!(
    strangers_are_sent_to_the_door,
    the_way_in_is_narrow,
    guessing_at_once_gains_nothing,
    a_form_must_come_from_our_own_page,
    a_session_ends_when_its_owner_says_so,
    one_page_tells_the_whole_story,
    a_payment_is_found_by_whatever_is_known_of_it,
    lists_are_turned_page_by_page,
    a_webhook_is_sent_again_and_the_log_says_by_whom,
    the_books_are_read_and_corrected_by_two_people,
);

pub const EMAIL: &str = "kim@example.com";
const PASSWORD: &str = "correct horse battery";

const PAGES: [&str; 11] = [
    "/console",
    "/console/payments",
    "/console/sellers",
    "/console/wallets",
    "/console/payouts",
    "/console/trial-balance",
    "/console/corrections",
    "/console/policies",
    "/console/deliveries",
    "/console/dead-letters",
    "/console/audit",
];

/// Somebody with a browser.
pub struct Visitor<'g> {
    gateway: &'g Gateway,
    cookie: Option<String>,
}

impl<'g> Visitor<'g> {
    fn stranger(gateway: &'g Gateway) -> Self {
        Self { gateway, cookie: None }
    }

    /// An operator, signed in.
    pub async fn operator(gateway: &'g Gateway) -> Self {
        Self::somebody(gateway, EMAIL).await
    }

    /// The operator with this e-mail, signed in.
    pub async fn somebody(gateway: &'g Gateway, email: &str) -> Self {
        let app = &gateway.app;
        match operators::create(&app.db, email, Some(Secret::new(PASSWORD.to_owned())), app.now()).await {
            Ok(_) | Err(operators::OperatorError::Exists) => {}
            Err(error) => panic!("{error}"),
        }
        let mut visitor = Self::stranger(gateway);
        let answer = visitor.sign_in(email, PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        visitor.cookie = Some(cookie_of(&answer));
        visitor
    }

    async fn sign_in(&self, email: &str, password: &str) -> Answer {
        let fields = [("email", email), ("password", password), ("next", "/console/payments?q=x")];
        self.post("/console/sign-in", &fields).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_from("none", path).await
    }

    async fn get_from(&self, site: &str, path: &str) -> Answer {
        let request = self.gateway.http.get(format!("{}{path}", self.gateway.url)).header("sec-fetch-site", site);
        Gateway::send(self.with_cookie(request)).await
    }

    /// A form of our own page.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(Some(&self.gateway.url), path, fields).await
    }

    async fn post_from(&self, origin: Option<&str>, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = self
            .gateway
            .http
            .post(format!("{}{path}", self.gateway.url))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body);
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        Gateway::send(self.with_cookie(request)).await
    }

    fn with_cookie(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        }
    }

    /// The page, which must be one.
    pub async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    /// The form token of this session.
    pub async fn csrf(&self) -> String {
        let page = self.page("/console/audit").await;
        between(&page, "name=\"csrf\" value=\"", "\"").to_owned()
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split(before)
        .nth(1)
        .and_then(|rest| rest.split(after).next())
        .unwrap_or_else(|| panic!("no {before} in {text}"))
}

pub fn header(answer: &Answer, name: impl reqwest::header::AsHeaderName) -> String {
    answer.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn cookie_of(answer: &Answer) -> String {
    header(answer, SET_COOKIE).split(';').next().unwrap().to_owned()
}

pub async fn actions(gateway: &Gateway) -> Vec<String> {
    let log = operators::entries(&gateway.app.db, &Page::newest(100)).await.unwrap();
    log.items.into_iter().map(|entry| entry.action).collect()
}

async fn strangers_are_sent_to_the_door(world: World) {
    let gateway = world.gateway().await;
    let stranger = Visitor::stranger(&gateway);
    for path in PAGES.iter().chain(&["/console/payments/pay_1?x=%22", "/console/deliveries/dlv_1"]) {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, 303, "{path}");
        let to = header(&answer, LOCATION);
        assert!(to.starts_with("/console/sign-in?next=%2Fconsole"), "{path}: {to}");
        // A click in a chat: the strict cookie is not sent with it, but with the next request, from our own page.
        let passing = stranger.get_from("cross-site", path).await;
        assert_eq!(passing.status, 200);
        assert!(passing.text.contains("http-equiv=\"refresh\" content=\"0\"") && !passing.text.contains("x=\""));
    }
    let door = stranger.get("/console/sign-in?next=//evil.example").await;
    assert!(door.text.contains("name=\"next\" value=\"/console\""), "{}", door.text);
    let policy = header(&door, "content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe") && header(&door, "cache-control") == "no-store");

    // A token of the same key that was made for something else, or by somebody else, opens nothing.
    let claims = json!({"iss": "tollgate", "aud": "page", "sub": "opr_01h455vb4pex5vsknk084sn02q", "sid": "x",
        "csrf": "x", "iat": 0, "exp": 4_000_000_000_i64});
    let sign = |claims: &Value, key: &[u8]| encode(&Header::default(), claims, &EncodingKey::from_secret(key)).unwrap();
    let mut console = claims.clone();
    console["aud"] = json!("console");
    for token in [
        sign(&claims, gateway.app.keyring.jwt()),
        sign(&console, gateway.app.keyring.jwt()),
        sign(&console, b"another key"),
        "nonsense".to_owned(),
    ] {
        let visitor = Visitor { gateway: &gateway, cookie: Some(format!("tollgate_console={token}")) };
        assert_eq!(visitor.get("/console/payments").await.status, 303);
    }
    gateway.stop().await;
}

async fn the_way_in_is_narrow(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    let visitor = Visitor::operator(&gateway).await;
    for path in PAGES {
        visitor.page(path).await;
    }
    assert_eq!(visitor.get("/console/nothing").await.status, 404);
    assert_eq!(visitor.get("/console/payments/pay_01h455vb4pex5vsknk084sn02q").await.status, 404);

    let stranger = Visitor::stranger(&gateway);
    let welcome = stranger.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(header(&welcome, LOCATION), "/console/payments?q=x");
    let cookie = header(&welcome, SET_COOKIE);
    assert!(cookie.contains("; HttpOnly") && cookie.contains("; SameSite=Strict") && cookie.contains("; Path=/"));
    assert_eq!(stranger.post_from(None, "/console/sign-in", &[]).await.status, 403);
    assert_eq!(stranger.post_from(Some("https://evil.example"), "/console/sign-in", &[]).await.status, 403);

    // Unknown e-mail and wrong password look the same.
    let nobody = stranger.sign_in("nobody@example.com", PASSWORD).await;
    let mut wrong = stranger.sign_in(EMAIL, "wrong wrong wrong").await;
    assert_eq!((nobody.status, wrong.status), (401, 401));
    assert_eq!(nobody.text.replace("nobody@", "kim@"), wrong.text);
    for _ in 0..4 {
        wrong = stranger.sign_in(EMAIL, "wrong wrong wrong").await;
    }
    assert_eq!(wrong.status, 401);
    let throttled = stranger.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(throttled.status, 429, "{}", throttled.text);
    assert!(throttled.text.contains("Try again in 2 seconds"), "{}", throttled.text);
    assert_eq!(header(&throttled, RETRY_AFTER), "2");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(stranger.sign_in(EMAIL, PASSWORD).await.status, 303);

    let odd = stranger.sign_in("kim\0@example.com<script>alert(1)</script>", "\0").await;
    assert_eq!(odd.status, 401);
    assert!(!odd.text.contains("<script>alert"), "{}", odd.text);
    assert_eq!(actions(&gateway).await.iter().filter(|action| *action == "sign_in.refused").count(), 7);

    // After eight hours everybody signs in again.
    world.clock.advance(Duration::from_hours(8));
    assert_eq!(visitor.get("/console").await.status, 303);
    gateway.stop().await;
}

/// Counted before the password is looked at: many tries at the same moment are no way around the waiting.
/// What a hidden field of a page's form holds.
pub fn hidden(page: &str, name: &str) -> String {
    between(page, &format!("name=\"{name}\" value=\""), "\"").to_owned()
}

async fn guessing_at_once_gains_nothing(world: World) {
    let gateway = world.gateway_on_test_clock().await;
    Visitor::operator(&gateway).await;
    let stranger = Visitor::stranger(&gateway);
    let tries = (0..20).map(|_| stranger.sign_in(EMAIL, "wrong wrong wrong"));
    let mut statuses: Vec<_> =
        futures_util::future::join_all(tries).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses[..5], [401; 5]);
    assert_eq!(statuses[5..], [429; 15]);
    gateway.stop().await;
}

async fn a_form_must_come_from_our_own_page(world: World) {
    let gateway = world.gateway().await;
    let kim = Visitor::operator(&gateway).await;
    let other = Visitor::operator(&gateway).await;
    let (own, foreign) = (kim.csrf().await, other.csrf().await);
    assert_ne!(own, foreign);
    let evil = Some("https://evil.example");
    let ours = Some(gateway.url.as_str());
    for (origin, fields) in [
        (ours, vec![]),
        (ours, vec![("csrf", "")]),
        (ours, vec![("csrf", foreign.as_str())]),
        (None, vec![("csrf", own.as_str())]),
        (Some("null"), vec![("csrf", own.as_str())]),
        (evil, vec![("csrf", own.as_str())]),
    ] {
        for path in ["/console/sign-out", "/console/deliveries/dlv_01h455vb4pex5vsknk084sn02q/resend"] {
            let answer = kim.post_from(origin, path, &fields).await;
            assert_eq!(answer.status, 403, "{origin:?} {fields:?} {path}");
        }
    }
    kim.page("/console").await;
    assert!(!actions(&gateway).await.iter().any(|action| action == "sign_out" || action == "delivery.resend"));
    gateway.stop().await;
}

async fn a_session_ends_when_its_owner_says_so(world: World) {
    let gateway = world.gateway().await;
    let (here, there) = (Visitor::operator(&gateway).await, Visitor::operator(&gateway).await);
    let answer = here.post("/console/sign-out", &[("csrf", &here.csrf().await)]).await;
    assert_eq!((answer.status, header(&answer, LOCATION).as_str()), (303, "/console/sign-in"));
    assert!(header(&answer, SET_COOKIE).contains("tollgate_console=; Path=/; Max-Age=0"));
    // A copy of the cookie is worth nothing any more; the other session goes on.
    assert_eq!(here.get("/console").await.status, 303);
    there.page("/console").await;
    operators::reset_password(&gateway.app.db, EMAIL, None, gateway.app.now()).await.unwrap();
    assert_eq!(there.get("/console").await.status, 303);
    assert_eq!(Visitor::stranger(&gateway).sign_in(EMAIL, PASSWORD).await.status, 401);
    gateway.stop().await;
}

/// A checkout of one line.
async fn checkout(gateway: &Gateway, amount: &str, currency: &str, reference: &str, email: &str) -> Value {
    let body = json!({
        "line_items": [{"name": "Tea <b>", "unit_amount": amount, "quantity": 1}],
        "currency": currency,
        "success_url": "https://shop.example/paid",
        "reference": reference,
        "customer_email": email,
    });
    gateway.post("/v1/checkout/sessions", body).await.ok()
}

fn payment_of(session: &Value) -> PaymentId {
    PaymentId::parse(session["payment"].as_str().unwrap()).unwrap()
}

/// Pays as a browser would, with the card that is always approved.
async fn pay(gateway: &Gateway, payment: &PaymentId) {
    let registered = payments::register(&gateway.app, payment).await.unwrap();
    let mut form = registered.form_url;
    form.set_query(None);
    let card = json!({"number": "4242424242424242", "exp_month": 12, "exp_year": 2090, "cvc": "123"});
    let told = Gateway::send(gateway.http.post(format!("{form}/token")).json(&card)).await.ok();
    payments::execute(&gateway.app, payment, told["token"].as_str().unwrap()).await.unwrap();
}

/// A merchant's endpoint that answers with this status; its address.
async fn receiver(status: StatusCode) -> String {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/hooks", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/hooks", axum::routing::post(move || async move { (status, "<b>said</b>") }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

async fn listen(gateway: &Gateway, url: &str) {
    gateway.post("/v1/webhook_endpoints", json!({"url": url, "events": ["checkout.session.completed"]})).await.ok();
}

async fn the_books_are_read_and_corrected_by_two_people(world: World) {
    let gateway = world.gateway().await;
    let session = checkout(&gateway, "12.50", "USD", "order-1042", "jiwoo@example.com").await;
    let payment = payment_of(&session);
    pay(&gateway, &payment).await;
    let kim = Visitor::operator(&gateway).await;
    let lee = Visitor::somebody(&gateway, "lee@example.com").await;

    let trial = kim.page("/console/trial-balance?mode=test").await;
    assert!(trial.contains("psp:simulator") && trial.contains(">12.50<") && trial.contains("balanced"), "{trial}");
    let wallets = kim.page("/console/wallets").await;
    let seller = between(&wallets, "href=\"/console/sellers/", "\"").to_owned();
    let statement = format!("{seller}/statement?currency=USD");
    assert!(wallets.contains(&format!("/console/sellers/{statement}")), "{wallets}");
    let page = kim.page(&format!("/console/sellers/{statement}")).await;
    assert!(page.contains("Opening") && page.contains("sale") && page.contains(">12.50<"), "{page}");
    let file = kim.page(&format!("/console/sellers/{seller}/statement.csv?currency=USD")).await;
    assert!(
        file.lines().any(|line| line.contains(",sale,") && line.ends_with(",12.50,0.00,0.00,0.00,12.50,USD,,,,,")),
        "{file}"
    );

    let tenant = gateway.tenant.clone();
    let csrf = kim.csrf().await;
    let pending = format!("seller:{seller}:pending");
    let fields = [
        ("csrf", csrf.as_str()),
        ("merchant", tenant.merchant.as_str()),
        ("mode", "test"),
        ("currency", "USD"),
        ("reason", "a fee that was never agreed"),
        ("debit1", pending.as_str()),
        ("credit1", "fees:platform"),
        ("amount1", "1.50"),
        ("once", "first"),
        ("payment", payment.as_str()),
    ];
    let said = |answer: &Answer| header(answer, LOCATION);
    assert_eq!(said(&kim.post("/console/corrections", &fields).await), "/console/corrections?said=asked");
    assert_eq!(said(&kim.post("/console/corrections", &fields).await), "/console/corrections?said=again");
    let mut wrong = fields;
    wrong[8] = ("once", "second");
    let nameless = &wrong[..fields.len() - 1];
    assert_eq!(said(&kim.post("/console/corrections", nameless).await), "/console/corrections?said=pending");
    wrong[7] = ("amount1", "1.5");
    assert_eq!(said(&kim.post("/console/corrections", &wrong).await), "/console/corrections?said=fields");
    let page = lee.page("/console/corrections").await;
    assert_eq!(page.matches("/agree\"").count(), 1, "{page}");
    assert!(page.contains("name=\"once\" value=\""), "{page}");
    let id = between(&page, "action=\"/console/corrections/", "/agree").to_owned();
    let agree = format!("/console/corrections/{id}/agree");
    assert!(!kim.page("/console/corrections").await.contains(&agree), "who asked cannot agree");
    assert_eq!(said(&kim.post(&agree, &[("csrf", &csrf)]).await), "/console/corrections?said=same");
    assert_eq!(lee.post(&agree, &[("csrf", &csrf)]).await.status, 403, "another session's form");
    let csrf = lee.csrf().await;
    assert_eq!(said(&lee.post(&agree, &[("csrf", &csrf)]).await), "/console/corrections?said=posted");
    assert_eq!(said(&lee.post(&agree, &[("csrf", &csrf)]).await), "/console/corrections?said=decided");
    let page = kim.page(&format!("/console/sellers/{statement}")).await;
    assert!(page.contains("correction") && page.contains(">11.00<"), "{page}");
    let done = actions(&gateway).await;
    assert!(done.contains(&"correction.ask".to_owned()) && done.contains(&"correction.agree".to_owned()), "{done:?}");
}

async fn one_page_tells_the_whole_story(world: World) {
    let gateway = world.gateway().await;
    let url = receiver(StatusCode::NO_CONTENT).await;
    listen(&gateway, &url).await;
    let session = checkout(&gateway, "12.50", "USD", "order-1042", "jiwoo@example.com").await;
    let payment = payment_of(&session);
    pay(&gateway, &payment).await;
    let kim = Visitor::operator(&gateway).await;
    let path = format!("/console/payments/{payment}");
    let story = eventually("the whole story", || async {
        let page = kim.page(&path).await;
        (page.contains("PSP webhook") && page.contains("1 of 1 told")).then_some(page)
    })
    .await;
    for part in [
        "12.50 <abbr>USD</abbr>",
        "Paid</span>",
        "Test payment",
        "order-1042",
        "jiwoo@example.com",
        "visa 4242",
        "Approved, attempt 1",
        "1 of 1 paid",
        "Posted, balanced",
        "Checkout session opened",
        ">register<",
        ">confirm<",
        "payment.succeeded",
        "checkout.session.completed",
        "SUCCESS",
        "Updated",
        "psp:simulator",
        ":pending",
        "<span class=\"ok\">balanced</span>",
        ">sale ",
        &url,
        "try 1",
        "Resend",
        session["id"].as_str().unwrap(),
    ] {
        assert!(story.contains(part), "the story lacks {part}:\n{story}");
    }
    assert!(!story.contains("Tea <b>"), "a name became markup");
    // Cause before effect: the confirm was sent before the money was booked, and that before the merchant heard.
    let places: Vec<_> =
        ["Checkout session opened", ">register<", ">confirm<", "class=\"lane-ledger\"", "class=\"lane-told\""]
            .map(|part| story.find(part).unwrap())
            .into();
    assert!(places.is_sorted(), "{places:?}");

    let wallets = kim.page("/console/wallets").await;
    assert!(wallets.contains("Test shop") && wallets.contains(">12.50<"), "{wallets}");
    a_refund_belongs_to_the_story(&gateway, &kim, &payment).await;
    assert!(kim.page("/console/wallets?q=test").await.contains(">10.00<"));
    assert!(!kim.page("/console/wallets?q=other").await.contains(">10.00<"));
    assert!(!kim.page("/console/wallets?mode=live").await.contains(">10.00<"));
    let home = eventually("the state of the books", || async {
        let page = kim.page("/console").await;
        page.contains("<strong>Hold</strong>").then_some(page)
    })
    .await;
    assert!(home.contains("1 paid, 0 failed") && home.contains("check-word\">Holds"), "{home}");
    gateway.stop().await;
}

async fn a_refund_belongs_to_the_story(gateway: &Gateway, kim: &Visitor<'_>, payment: &PaymentId) {
    assert!(!kim.page(&format!("/console/payments/{payment}")).await.contains(">Refunds<"));
    let asked = json!({"payment": payment.as_str(), "amount": "2.50", "reason": "one <b>cup</b> broke"});
    let refund = gateway.post("/v1/refunds", asked).await.ok();
    let id = refund["id"].as_str().unwrap();
    let story = eventually("the refund in the story", || async {
        let page = kim.page(&format!("/console/payments/{payment}")).await;
        page.contains("2.50 USD given back").then_some(page)
    })
    .await;
    for part in [">Refunds<", id, "Refund asked for", "Given back</span>", "refund.succeeded", ":reserved"] {
        assert!(story.contains(part), "the story lacks {part}:\n{story}");
    }
    assert!(!story.contains("<b>cup"), "a reason became markup");
    let found = kim.get(&format!("/console/payments?q={id}")).await;
    assert_eq!(header(&found, LOCATION), format!("/console/payments/{payment}"));
}

async fn a_payment_is_found_by_whatever_is_known_of_it(world: World) {
    let gateway = world.gateway().await;
    let evil = "<script>alert(1)</script>";
    let paid = checkout(&gateway, "12.50", "USD", "Order_100%-a", "Jiwoo@Example.com").await;
    let won = checkout(&gateway, "15000", "KRW", evil, "min@example.com").await;
    let dinar = checkout(&gateway, "12.500", "KWD", "order-3", "o'brien@example.com").await;
    let [paid_id, won_id, dinar_id] = [&paid, &won, &dinar].map(payment_of);
    pay(&gateway, &paid_id).await;
    let shown = gateway.get(&format!("/v1/payments/{paid_id}")).await.ok();
    let psp_reference =
        payments::attempts::latest(&gateway.app.db, &paid_id).await.unwrap().unwrap().psp_reference.unwrap();
    let psp_payment =
        payments::store::find(&gateway.app.db, &paid_id).await.unwrap().unwrap().registered.unwrap().psp_payment;

    let kim = Visitor::operator(&gateway).await;
    let all = [&paid_id, &won_id, &dinar_id];
    let found = async |filter: &[(&str, &str)]| {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(filter).finish();
        let answer = kim.get(&format!("/console/payments?{query}")).await;
        if answer.status == 303 {
            // A whole id leads straight to its payment.
            let to = header(&answer, LOCATION);
            return all.iter().map(|id| to == format!("/console/payments/{id}")).collect::<Vec<_>>();
        }
        let page = answer.text;
        assert!(page.contains("<h1>Payments</h1>") && !page.contains("<script>alert"), "{filter:?}:\n{page}");
        all.iter().map(|id| page.contains(&format!("/console/payments/{id}\""))).collect::<Vec<_>>()
    };
    let first = [true, false, false];
    assert_eq!(kim.get(&format!("/console/payments?q={paid_id}")).await.status, 303);
    assert_eq!(kim.get("/console/payments?q=pay_01h455vb4pex5vsknk084sn02q").await.status, 200);
    let order = shown["orders"][0]["id"].as_str().unwrap().to_owned();
    for q in [
        paid_id.as_str(),
        paid["id"].as_str().unwrap(),
        &order,
        "Order_100%-a",
        "order_1",
        "jiwoo@example.com",
        "JIWOO@",
        &psp_reference,
        &psp_payment,
        "12.50 USD",
    ] {
        assert_eq!(found(&[("q", q)]).await, first, "{q}");
    }
    assert_eq!(found(&[("q", "15,000")]).await, [false, true, false]);
    assert_eq!(found(&[("q", evil)]).await, [false, true, false]);
    assert_eq!(found(&[("q", "12.50")]).await, [true, false, true]);
    assert_eq!(found(&[("q", "12.5 kwd")]).await, [false, false, true]);
    assert_eq!(found(&[("q", "o'brien@")]).await, [false, false, true]);
    assert_eq!(found(&[("q", "")]).await, [true; 3]);
    for nothing in ["' or 1=1 --", "%", "%%%", "___", "order-3' --", "\\", "pay_", "1250"] {
        assert_eq!(found(&[("q", nothing)]).await, [false; 3], "{nothing}");
    }
    assert_eq!(found(&[("status", "succeeded")]).await, first);
    assert_eq!(found(&[("status", "unknown")]).await, [false; 3]);
    let refund =
        "insert into refunds (id, payment_id, merchant_id, livemode, currency, amount, status, psp, psp_key, metadata,
                      created_at, deadline_at)
                  select $2, id, merchant_id, livemode, currency, 1, 'pending', 'simulator', 'silent', '{}', 0, 0
                  from payments where id = $1";
    let mut tx = gateway.app.db.begin().await.unwrap();
    query(refund).bind(paid_id.as_str()).bind(RefundId::new()).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(found(&[("status", "unknown")]).await, first, "as the first page counts it");
    assert_eq!(found(&[("mode", "live")]).await, [false; 3]);
    assert_eq!(found(&[("mode", "test"), ("merchant", gateway.tenant.merchant.as_str())]).await, [true; 3]);
    assert_eq!(found(&[("merchant", "mrc_other' or 1=1")]).await, [false; 3]);
    let today = gateway.app.now().to_string()[..10].to_owned();
    assert_eq!(found(&[("from", &today)]).await, [true; 3]);
    assert_eq!(found(&[("to", "2020-01-01")]).await, [false; 3]);
    assert_eq!(found(&[("status", "succeeded"), ("q", "12.50")]).await, first);
    assert!(kim.page("/console/payments?from=2026-13-01").await.contains("is not a date"));

    let card = kim.get("/console/payments?q=4242+4242+4242+4242").await;
    assert_eq!(card.status, 400);
    assert!(card.text.contains("looks like a card number") && header(&card, CONTENT_TYPE).starts_with("text/html"));
    assert!(!card.text.contains("4242"));
    gateway.stop().await;
}

async fn lists_are_turned_page_by_page(world: World) {
    let gateway = world.gateway().await;
    let mut ids = Vec::new();
    for n in 0..52 {
        ids.push(payment_of(&checkout(&gateway, "1.00", "USD", &format!("turn-{n}"), "a@b.example").await).to_string());
    }
    ids.sort();
    ids.reverse();
    let kim = Visitor::operator(&gateway).await;
    let listed = |page: &str| -> Vec<String> {
        page.split("href=\"/console/payments/pay_")
            .skip(1)
            .map(|rest| format!("pay_{}", rest.split('"').next().unwrap()))
            .collect()
    };
    let link = |page: &str, rel: &str| {
        let before = page.split(&format!("\" rel=\"{rel}\"")).next().unwrap();
        before.rsplit("href=\"").next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
    };
    for q in ["", "turn-"] {
        let first = kim.page(&format!("/console/payments?q={q}&mode=test")).await;
        assert_eq!(listed(&first), ids[..50]);
        assert!(!first.contains("rel=\"prev\""));
        let second = kim.page(&link(&first, "next")).await;
        assert_eq!(listed(&second), ids[50..]);
        assert!(!second.contains("rel=\"next\""));
        let back = kim.page(&link(&second, "prev")).await;
        assert_eq!(listed(&back), ids[..50]);
    }
    gateway.stop().await;
}

async fn a_webhook_is_sent_again_and_the_log_says_by_whom(world: World) {
    let gateway = world.gateway().await;
    let url = receiver(StatusCode::INTERNAL_SERVER_ERROR).await;
    listen(&gateway, &url).await;
    let session = checkout(&gateway, "12.50", "USD", "order-7", "a@b.example").await;
    pay(&gateway, &payment_of(&session)).await;
    let kim = Visitor::operator(&gateway).await;
    let list = eventually("a failed try", || async {
        let page = kim.page("/console/deliveries?status=retrying").await;
        page.contains("checkout.session.completed").then_some(page)
    })
    .await;
    assert!(list.contains(&url) && list.contains("Retrying</span>") && list.contains(">500<"), "{list}");
    let id = format!("dlv_{}", between(&list, "href=\"/console/deliveries/dlv_", "\""));
    let path = format!("/console/deliveries/{id}");
    assert!(kim.page(&path).await.contains("&lt;b&gt;said") || kim.page(&path).await.contains("&#60;b&#62;said"));

    let stranger = Visitor::stranger(&gateway);
    assert_eq!(stranger.post(&format!("{path}/resend"), &[]).await.status, 303);
    assert!(!actions(&gateway).await.contains(&"delivery.resend".to_owned()));
    let answer = kim.post(&format!("{path}/resend"), &[("csrf", &kim.csrf().await)]).await;
    assert_eq!((answer.status, header(&answer, LOCATION)), (303, format!("{path}?resent=true")));
    assert!(kim.page(&format!("{path}?resent=true")).await.contains("It is sent again now"));
    eventually("a second try", || async { kim.page(&path).await.contains("<td class=\"num\">2</td>").then_some(()) })
        .await;
    let log = kim.page("/console/audit").await;
    let entry = log.split("<tr>").find(|row| row.contains("delivery.resend")).unwrap();
    assert!(entry.contains(EMAIL) && entry.contains(&id) && entry.contains("127.0.0.1"), "{entry}");
    let missing = format!("/console/deliveries/dlv_{}/resend", "0".repeat(26));
    assert_eq!(kim.post(&missing, &[("csrf", &kim.csrf().await)]).await.status, 404);
    assert_eq!(kim.get(&format!("/console/deliveries/{}", random_base62(2000))).await.status, 404);
    gateway.stop().await;
}
