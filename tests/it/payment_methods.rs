//! Saved cards: kept with a payment, shown without their token, charged once per key without the shopper.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::payments::{self, Standing};
use tollgate::psp::{Card, Finding, NotDone, Outcome};
use tollgate::simulator::cards;
use tollgate::words::{PaymentId, Secret};

use crate::support::door::Door;
use crate::support::scripted_psp::{Answer as Says, approved, declined, unknown};
use crate::support::shop::Shop;
use crate::support::{Answer, Gateway, World, both_databases, eventually};

both_databases!(
    a_card_is_kept_when_it_has_paid_and_never_shown,
    a_saved_card_is_charged_and_declined_without_the_shopper,
    a_charge_is_made_once_per_key_whatever_is_heard_of_it,
    a_charge_whose_caller_died_is_finished_by_the_next,
    a_charge_the_psp_never_got_ends,
    a_psp_that_wants_minutes_gets_them_before_a_charge_fails,
    a_charge_that_was_lost_ends_when_its_card_is_detached,
    a_detached_card_is_charged_no_more,
    what_is_wrong_with_a_charge_is_said_and_changes_nothing,
);

const CHARGES: &str = "/v1/payments";

/// A checkout that was paid with the magic card `name` at the stand-in and keeps it; gives the payment and the saved card.
async fn saved(gateway: &Gateway, name: &str) -> (Value, String) {
    let session = json!({
        "line_items": [{ "name": "Tea", "unit_amount": "15000", "quantity": 1 }],
        "currency": "KRW", "success_url": "https://shop.example/paid",
        "customer_email": "kim@example.com", "save_payment_method": true,
    });
    let session = gateway.post("/v1/checkout/sessions", session).await.ok();
    assert_eq!(session["save_payment_method"], true);
    let payment: PaymentId = session["payment"].as_str().unwrap().parse().unwrap();
    payments::register(&gateway.app, &payment).await.unwrap();
    let token = cards::by_name(name).unwrap().test_token();
    let standing = payments::execute(&gateway.app, &payment, &token).await.unwrap();
    if let Standing::ActionRequired { url } = standing {
        let verdict = gateway.http.post(url).json(&json!({ "outcome": "approve" }));
        assert_eq!(Gateway::send(verdict).await.status, 200);
        payments::look_again(&gateway.app, &payment).await.unwrap();
    }
    let paid = eventually("it is paid", async || {
        let told = gateway.get(&format!("{CHARGES}/{payment}")).await.ok();
        (told["status"] == "succeeded").then_some(told)
    })
    .await;
    let method = paid["payment_method"].as_str().unwrap().to_owned();
    (paid, method)
}

fn charge(method: &str) -> Value {
    json!({ "amount": "5000", "currency": "KRW", "payment_method": method, "reference": "may", "description": "Box" })
}

async fn a_card_is_kept_when_it_has_paid_and_never_shown(world: World) {
    let gateway = world.gateway().await;
    let (paid, method) = saved(&gateway, "approve").await;
    let shown = gateway.get(&format!("/v1/payment_methods/{method}")).await.ok();
    assert_eq!(shown["card"], json!({ "brand": "visa", "last4": "4242" }));
    assert_eq!((&shown["payment"], &shown["customer_email"]), (&paid["id"], &json!("kim@example.com")));
    let listed = gateway.get("/v1/payment_methods?customer_email=kim@example.com").await.ok();
    assert_eq!(listed["data"], json!([shown]));
    assert_eq!(gateway.get("/v1/payment_methods?customer_email=lee@example.com").await.ok()["data"], json!([]));

    let row = query("select token from payment_methods").one(&gateway.app.db).await.unwrap();
    let sealed: Vec<u8> = row.get("token").unwrap();
    assert!(!sealed.windows(4).any(|part| part == b"card"), "it is sealed");
    let plain = gateway.app.keyring.open(&sealed).unwrap();
    let token = std::str::from_utf8(plain.expose()).unwrap();
    assert!(token.starts_with("card_sim_"), "it is the PSP's");
    let events = gateway.get("/v1/events?limit=100").await;
    assert!(events.text.contains("payment_method.attached") && !events.text.contains(token));

    // The shopper is asked on the page, and only when something is kept.
    let page = async |save: bool, locale: &str| {
        let session = json!({
            "line_items": [{ "name": "Tea", "unit_amount": "15000", "quantity": 1 }],
            "currency": "KRW", "success_url": "https://shop.example/paid", "save_payment_method": save,
        });
        let url = gateway.post("/v1/checkout/sessions", session).await.ok()["url"].as_str().unwrap().to_owned();
        gateway.http.get(format!("{url}?locale={locale}")).send().await.unwrap().text().await.unwrap()
    };
    assert!(page(true, "en").await.contains("you let Test shop keep this card"));
    assert!(page(true, "ko").await.contains("저장하는 데 동의"));
    assert!(!page(false, "en").await.contains("id=\"consent\""));

    // Without the wish nothing is kept.
    let payment = gateway.paid_payment().await;
    let plain = gateway.get(&format!("{CHARGES}/{payment}")).await.ok();
    assert_eq!((&plain["save_payment_method"], &plain["payment_method"]), (&json!(false), &Value::Null));
}

async fn a_saved_card_is_charged_and_declined_without_the_shopper(world: World) {
    let gateway = world.gateway().await;
    let (_, method) = saved(&gateway, "approve").await;
    let charged = gateway.post_once(CHARGES, "k", &charge(&method)).await;
    assert_eq!(charged.status, 201, "{}", charged.text);
    assert_eq!((&charged.json["status"], &charged.json["captured"]), (&json!("succeeded"), &json!("5000")));
    assert_eq!((&charged.json["payment_method"], &charged.json["checkout_session"]), (&json!(method), &Value::Null));
    assert_eq!(charged.json["orders"][0]["status"], "SUCCESS");
    let again = gateway.post_once(CHARGES, "k", &charge(&method)).await;
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&charged.text, "true"));
    let refund = json!({ "payment": charged.json["id"], "amount": "1000" });
    assert_eq!(gateway.post("/v1/refunds", refund).await.ok()["status"], "succeeded");

    let mut held = charge(&method);
    held["capture"] = json!("manual");
    assert_eq!(gateway.post(CHARGES, held).await.ok()["status"], "authorized");

    // What the bank wants proven, and what it refuses when the shopper is away.
    for (card, code) in [("challenge", "authentication_required"), ("decline_off_session", "insufficient_funds")] {
        let (_, method) = saved(&gateway, card).await;
        let declined = gateway.post(CHARGES, charge(&method)).await.ok();
        assert_eq!((&declined["status"], &declined["captured"]), (&json!("failed"), &json!("0")), "{card}");
        assert_eq!(declined["attempts"][0]["decline_code"], code);
        assert_eq!(declined["orders"][0]["status"], "FAILED");
    }
    let integrity = gateway.get("/v1/integrity").await.ok();
    assert_eq!(integrity["state"], "holds", "{integrity}");
}

/// A shop with a saved card, behind a door; the PSP is on a string.
pub struct Club {
    pub shop: Shop,
    pub door: Door,
    pub key: String,
    pub body: Value,
}

impl Club {
    pub async fn open(world: World) -> Self {
        let shop = Shop::open(world).await;
        let (door, key) = Door::of_shop(&shop).await;
        let session = json!({
            "line_items": [{ "name": "Tea", "unit_amount": "10.00", "quantity": 1 }], "currency": "USD",
            "success_url": "https://shop.example/paid", "save_payment_method": true,
        });
        let session = door.post("/v1/checkout/sessions", &key, &session).await.ok();
        let payment: PaymentId = session["payment"].as_str().unwrap().parse().unwrap();
        payments::register(&shop.app, &payment).await.unwrap();
        let Outcome::Approved(mut approval) = approved() else { panic!("approved") };
        approval.card = Some(Card { brand: "visa".to_owned(), last4: "4242".to_owned() });
        approval.saved = Some(Secret::new("reusable".to_owned()));
        shop.psp.will(Outcome::Approved(approval));
        assert_eq!(payments::execute(&shop.app, &payment, "tok_1").await.unwrap(), Standing::Succeeded);
        let paid = door.get(&format!("{CHARGES}/{payment}"), &key).await.ok();
        let body = json!({ "amount": "5.00", "currency": "USD", "payment_method": paid["payment_method"] });
        Self { shop, door, key, body }
    }

    async fn charge(&self, key: &str) -> Answer {
        self.door.post_once(CHARGES, &self.key, key, &self.body).await
    }

    async fn status(&self, charged: &Answer) -> Value {
        let id = charged.json["id"].as_str().unwrap();
        self.door.get(&format!("{CHARGES}/{id}"), &self.key).await.ok()["status"].clone()
    }

    /// So many keys were confirmed at the PSP since the card was saved.
    fn charged(&self) -> usize {
        let keys = self.shop.psp.confirmed();
        keys[1..].iter().collect::<std::collections::BTreeSet<_>>().len()
    }
}

async fn a_charge_is_made_once_per_key_whatever_is_heard_of_it(world: World) {
    let club = Club::open(world).await;
    club.shop.psp.will(approved());
    let answers = futures_util::future::join_all((0..200).map(|_| club.charge("k"))).await;
    let fresh = answers.iter().filter(|a| a.status == 201 && a.header("idempotent-replayed").is_empty()).count();
    assert_eq!((fresh, club.charged()), (1, 1));
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)));

    // An unknown outcome is `processing`, for ever under this key, while the payment itself goes on.
    club.shop.psp.will(unknown());
    let lost = club.charge("lost").await;
    assert_eq!((lost.status, &lost.json["status"]), (201, &json!("processing")), "{}", lost.text);
    assert_eq!(club.charge("lost").await.text, lost.text);
    club.shop.world.clock.advance(Duration::from_secs(31));
    club.shop.psp.knows(Finding::Found(approved()));
    club.shop.sweep().await;
    assert_eq!(club.status(&lost).await, "succeeded");
    let replay = club.charge("lost").await;
    assert_eq!((&replay.text, replay.header("idempotent-replayed")), (&lost.text, "true"));
    assert_eq!(club.charged(), 2);

    club.shop.psp.will(declined());
    let no = club.charge("no").await;
    assert_eq!((no.status, &no.json["status"]), (201, &json!("failed")), "{}", no.text);
    assert_eq!(club.charge("no").await.text, no.text);
    assert_eq!(club.charged(), 3);
    assert_eq!(club.shop.count("select count(*) as n from events where kind = 'payment.failed'").await, 1);
    assert_eq!(club.shop.count("select count(*) as n from jobs where kind = 'payments.charge'").await, 0);
    club.shop.assert_sound().await;
}

async fn a_charge_whose_caller_died_is_finished_by_the_next(world: World) {
    let club = Club::open(world).await;
    club.shop.psp.will_say(Says::Dies);
    assert_eq!(club.charge("k").await.status, 500);
    club.shop.world.clock.advance(Duration::from_secs(3));
    club.shop.psp.knows(Finding::Found(approved()));
    let second = club.charge("k").await;
    assert_eq!((second.status, &second.json["status"]), (201, &json!("succeeded")), "{}", second.text);
    assert_eq!(club.charge("k").await.text, second.text);
    assert_eq!(club.charged(), 1);
    assert_eq!(club.shop.count("select count(*) as n from attempts").await, 2, "the saving one and this");
    club.shop.run_jobs().await;
    assert_eq!(club.charged(), 1);
    club.shop.assert_sound().await;
}

async fn a_charge_the_psp_never_got_ends(world: World) {
    let club = Club::open(world).await;
    // It cannot even be made known to the PSP: nothing was ordered, and it is tried again.
    *club.shop.psp.unregistered.lock().unwrap() = 3;
    let later = club.charge("later").await;
    assert_eq!((later.status, &later.json["status"]), (201, &json!("processing")), "{}", later.text);
    assert_eq!(club.charged(), 0);
    club.shop.psp.will(approved());
    club.shop.world.clock.advance(Duration::from_secs(30));
    club.shop.run_jobs().await;
    assert_eq!((club.status(&later).await, club.charged()), (json!("succeeded"), 1));

    *club.shop.psp.unregistered.lock().unwrap() = 1_000;
    let never = club.charge("never").await;
    club.shop.world.clock.advance(Duration::from_mins(16));
    club.shop.run_jobs().await;
    assert_eq!((club.status(&never).await, club.charged()), (json!("failed"), 1));
    assert_eq!(club.shop.count("select count(*) as n from events where kind = 'payment.failed'").await, 1);
    *club.shop.psp.unregistered.lock().unwrap() = 0;

    let refused = NotDone::Refused { code: "no".to_owned(), reason: "no".to_owned() };
    club.shop.psp.will_say(Says::Says(Err(refused)));
    assert_eq!(club.charge("refused").await.json["status"], "failed");
    club.shop.assert_sound().await;
}

/// The PSP knows nothing of the charge that was ordered; it is looked for by whoever finds it silent.
async fn not_found(club: &Club) {
    club.shop.world.clock.advance(Duration::from_secs(61));
    club.shop.psp.knows(Finding::NotFound);
    club.shop.psp.knows(Finding::NotFound);
    club.shop.sweep().await;
}

async fn a_psp_that_wants_minutes_gets_them_before_a_charge_fails(world: World) {
    let club = Club::open(world).await;
    let busy =
        || Says::Says(Err(NotDone::Unreachable { reason: "429".to_owned(), after: Some(Duration::from_mins(1)) }));
    club.shop.psp.will_say(busy());
    let charged = club.charge("k").await;
    assert_eq!((charged.status, &charged.json["status"]), (201, &json!("processing")), "{}", charged.text);
    club.shop.psp.will(approved());
    not_found(&club).await;
    assert_eq!((club.status(&charged).await, club.charged()), (json!("succeeded"), 1));

    // Not for ever: fifteen minutes after it was asked for it has failed.
    club.shop.psp.will_say(busy());
    let charged = club.charge("never").await;
    club.shop.world.clock.advance(Duration::from_mins(15));
    not_found(&club).await;
    assert_eq!((club.status(&charged).await, club.charged()), (json!("failed"), 2));
    club.shop.assert_sound().await;
}

async fn a_charge_that_was_lost_ends_when_its_card_is_detached(world: World) {
    let club = Club::open(world).await;
    club.shop.psp.will(unknown());
    let charged = club.charge("k").await;
    assert_eq!(charged.json["status"], "processing", "{}", charged.text);
    let path = format!("/v1/payment_methods/{}", club.body["payment_method"].as_str().unwrap());
    Answer::read(club.door.request(Method::DELETE, &path, &club.key).send().await.unwrap()).await.ok();
    not_found(&club).await;
    assert_eq!((club.status(&charged).await, club.charged()), (json!("failed"), 1));
    club.shop.assert_sound().await;
}

async fn a_detached_card_is_charged_no_more(world: World) {
    let club = Club::open(world).await;
    let id = club.body["payment_method"].as_str().unwrap();
    let path = format!("/v1/payment_methods/{id}");
    let other = club.door.merchant("Other").await;
    club.door.get(&path, &other.key).await.problem(404, "resource_not_found");
    let foreign = club.door.request(Method::DELETE, &path, &other.key).send().await.unwrap();
    Answer::read(foreign).await.problem(404, "resource_not_found");
    let foreign = club.door.post(CHARGES, &other.key, &club.body).await;
    assert_eq!(foreign.problem(404, "resource_not_found")["param"], "payment_method");
    // Nor may a shopper name it on a page.
    let opened = club.shop.checkout().await;
    assert!(payments::execute(&club.shop.app, &opened.payment.id, id).await.is_err());

    for _ in 0..2 {
        let gone = club.door.request(Method::DELETE, &path, &club.key).send().await.unwrap();
        assert_eq!(Answer::read(gone).await.ok(), json!({ "id": id, "object": "payment_method", "deleted": true }));
    }
    assert_eq!(club.shop.count("select count(*) as n from payment_methods where token is not null").await, 0);
    assert_eq!(club.shop.count("select count(*) as n from events where kind = 'payment_method.detached'").await, 1);
    assert_ne!(club.door.get(&path, &club.key).await.ok()["detached_at"], Value::Null);
    assert_eq!(club.door.get("/v1/payment_methods", &club.key).await.ok()["data"], json!([]));
    assert_eq!(club.charge("k").await.problem(409, "payment_method_detached")["param"], "payment_method");
    assert_eq!(club.charged(), 0);
}

async fn what_is_wrong_with_a_charge_is_said_and_changes_nothing(world: World) {
    let club = Club::open(world).await;
    for (field, value, param) in [
        ("amount", json!("0.00"), "amount"),
        ("amount", json!("5"), "amount"),
        ("amount", json!("100000000.00"), "amount"),
        ("currency", json!("usd"), "currency"),
        ("payment_method", json!("tok_1"), "payment_method"),
        ("seller", json!("sel_x"), "seller"),
        ("seller", json!("sel_00000000000000000000000000"), "seller"),
        ("capture", json!("later"), "capture"),
        ("reference", json!(""), "reference"),
        ("metadata", json!({ "a": "x".repeat(501) }), "metadata.a"),
    ] {
        let mut body = club.body.clone();
        body[field] = value;
        let answer = club.door.post(CHARGES, &club.key, &body).await;
        assert_eq!(answer.problem(400, "parameter_invalid")["param"], param, "{body}");
    }
    assert_eq!(club.shop.count("select count(*) as n from payments").await, 1);
    assert_eq!(club.charged(), 0);
}
