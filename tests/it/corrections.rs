//! Corrections by API: a key asks, a person agrees, and what waits for delivery is right afterwards.

use serde_json::{Value, json};
use tollgate::corrections::{self, CorrectionError};
use tollgate::payments::{self, Opened};
use tollgate::words::{CorrectionId, PaymentOrderId};

use crate::support::door::Door;
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

struct Desk {
    shop: Shop,
    door: Door,
    key: String,
}

impl Desk {
    async fn open(world: World) -> Self {
        let shop = Shop::open(world.clone()).await;
        let (door, key) = Door::of_shop(&shop).await;
        Self { shop, door, key }
    }

    async fn asked(&self, body: &Value) -> CorrectionId {
        let answer = self.door.post("/v1/corrections", &self.key, body).await;
        assert_eq!((answer.status, &answer.json["status"]), (201, &json!("asked")), "{}", answer.text);
        CorrectionId::parse(answer.json["id"].as_str().unwrap()).unwrap()
    }

    async fn agreed(&self, id: &CorrectionId) -> Result<(), CorrectionError> {
        let mut tx = self.shop.world.db.begin().await.unwrap();
        let correction = corrections::find(&mut tx, id).await.unwrap().unwrap();
        corrections::agree(&mut tx, &correction, "lee@example.com", self.shop.world.now()).await?;
        tx.commit().await.unwrap();
        Ok(())
    }

    async fn fulfill(&self, order: &PaymentOrderId) {
        let mut tx = self.shop.world.db.begin().await.unwrap();
        payments::fulfill(&mut tx, &self.shop.tenant, order, self.shop.world.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn wallet(&self, opened: &Opened) -> (Value, Value) {
        let path = format!("/v1/wallets/{}", opened.orders[0].seller);
        let balances = self.door.get(&path, &self.key).await.json["balances"][0].clone();
        (balances["pending"].clone(), balances["available"].clone())
    }
}

/// Moves USD from what the seller has in one pocket to the platform's fees.
fn taken(opened: &Opened, pocket: &str, amount: &str) -> Value {
    let seller = &opened.orders[0].seller;
    json!({
        "reason": "the platform's fee was forgotten",
        "payment": opened.payment.id,
        "transfers": [{
            "debit": format!("seller:{seller}:{pocket}"), "credit": "fees:platform", "amount": amount, "currency": "USD",
        }],
    })
}

async fn pending_money_that_is_corrected_is_not_delivered_as_well(world: World) {
    let desk = Desk::open(world).await;
    let opened = desk.shop.paid().await;
    let id = desk.asked(&taken(&opened, "pending", "3.00")).await;
    assert_eq!(desk.wallet(&opened).await.0, "10.00", "nobody has agreed yet");
    desk.agreed(&id).await.unwrap();
    assert_eq!(desk.wallet(&opened).await.0, "7.00");
    let shown = desk.door.get(&format!("/v1/corrections/{id}"), &desk.key).await.json;
    assert_eq!((&shown["status"], &shown["decided_by"]), (&json!("posted"), &json!("lee@example.com")));
    assert!(shown["asked_by"].as_str().unwrap().starts_with("key_"), "{shown}");
    let entries = tollgate::db::query("select action, note from audit_entries where object_id = $1")
        .bind(id.as_str())
        .all(&desk.shop.world.db)
        .await
        .unwrap();
    assert_eq!(entries.len(), 1, "who asked stands in the audit log");
    assert_eq!(entries[0].get::<String>("action").unwrap(), "correction.ask");
    assert_eq!(entries[0].get::<String>("note").unwrap(), "the platform's fee was forgotten");
    desk.shop.assert_sound().await;
    desk.fulfill(&opened.orders[0].id).await;
    assert_eq!(desk.wallet(&opened).await, (json!("0.00"), json!("7.00")), "what was left of it");
    desk.shop.assert_sound().await;
}

async fn pending_money_of_no_order_or_more_than_there_is_is_refused(world: World) {
    let desk = Desk::open(world).await;
    let opened = desk.shop.paid().await;
    let mut nameless = taken(&opened, "pending", "3.00");
    nameless["payment"] = Value::Null;
    let refused = desk.door.post("/v1/corrections", &desk.key, &nameless).await;
    let problem = refused.problem(400, "parameter_invalid");
    assert_eq!(problem["param"], "payment");
    assert!(problem["detail"].as_str().unwrap().contains("name its payment"), "{problem}");

    // Less pending is left than at the time it was asked for: nothing of it is posted.
    let (much, some) = (taken(&opened, "pending", "6.00"), taken(&opened, "pending", "5.00"));
    let (much, some) = (desk.asked(&much).await, desk.asked(&some).await);
    desk.agreed(&some).await.unwrap();
    assert!(matches!(desk.agreed(&much).await, Err(CorrectionError::NothingPending(_))));
    assert_eq!(desk.wallet(&opened).await.0, "5.00");

    desk.fulfill(&opened.orders[0].id).await;
    assert!(matches!(desk.agreed(&much).await, Err(CorrectionError::NothingPending(_))));
    let late = desk.door.post("/v1/corrections", &desk.key, &taken(&opened, "pending", "1.00")).await;
    assert_eq!(late.problem(409, "nothing_pending")["param"], "transfers");
    let available = desk.asked(&taken(&opened, "available", "1.00")).await;
    desk.agreed(&available).await.unwrap();
    assert_eq!(desk.wallet(&opened).await.1, "4.00");
    desk.shop.assert_sound().await;
}

async fn what_puts_a_journal_right_is_among_those_of_its_payment(world: World) {
    let desk = Desk::open(world).await;
    let opened = desk.shop.paid().await;
    let of_payment = format!("/v1/ledger/journals?payment={}", opened.payment.id);
    let sale = desk.door.get(&of_payment, &desk.key).await.json["data"][0]["id"].clone();
    let mut body = taken(&opened, "pending", "1.00");
    body["payment"] = Value::Null;
    body["corrects"] = sale;
    let id = desk.asked(&body).await;
    desk.agreed(&id).await.unwrap();
    let journals = desk.door.get(&of_payment, &desk.key).await.json["data"].clone();
    assert_eq!((&journals[0]["kind"], &journals[0]["source"]), (&json!("correction"), &json!(id)), "{journals}");
    desk.shop.assert_sound().await;
}

async fn what_cannot_be_corrected_by_hand_is_refused_by_its_field(world: World) {
    let desk = Desk::open(world.clone()).await;
    let opened = desk.shop.paid().await;
    let stranger = Shop::open(world).await;
    let foreign = stranger.paid().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = taken(&opened, "available", "1.00");
        change(&mut body);
        body
    };
    for (body, param) in [
        (with(&|body| body["reason"] = json!(" ")), "reason"),
        (with(&|body| body["transfers"] = json!([])), "transfers"),
        (with(&|body| body["transfers"][0]["debit"] = json!("pocket")), "transfers[0].debit"),
        (with(&|body| body["transfers"][0]["credit"] = body["transfers"][0]["debit"].clone()), "transfers[0].credit"),
        (with(&|body| body["transfers"][0]["amount"] = json!("1")), "transfers[0].amount"),
        (with(&|body| body["transfers"][0]["amount"] = json!("0.00")), "transfers[0].amount"),
        (with(&|body| body["transfers"][0]["currency"] = json!("usd")), "transfers[0].currency"),
        (with(&|body| body["payment"] = json!(foreign.payment.id)), "payment"),
        (with(&|body| body["corrects"] = json!("jrn_00000000000000000000000000")), "corrects"),
        (taken(&foreign, "available", "1.00"), "payment"),
        (taken(&opened, "reserved", "1.00"), "transfers"),
        (taken(&opened, "paying_out", "1.00"), "transfers"),
        (with(&|body| body["transfers"][0]["credit"] = json!("disputes")), "transfers"),
    ] {
        let answer = desk.door.post("/v1/corrections", &desk.key, &body).await;
        assert_eq!(answer.problem(400, "parameter_invalid")["param"], param, "{body}");
    }
    assert_eq!(desk.door.get("/v1/corrections", &desk.key).await.json["data"], json!([]));
    let id = desk.asked(&taken(&opened, "available", "1.00")).await;
    let (_, theirs) = Door::of_shop(&stranger).await;
    assert_eq!(desk.door.get(&format!("/v1/corrections/{id}"), &theirs).await.status, 404);
}

both_databases!(
    pending_money_that_is_corrected_is_not_delivered_as_well,
    pending_money_of_no_order_or_more_than_there_is_is_refused,
    what_puts_a_journal_right_is_among_those_of_its_payment,
    what_cannot_be_corrected_by_hand_is_refused_by_its_field,
);
