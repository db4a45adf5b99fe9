//! Delivery: what is pending of an order becomes available, once, whoever says so, and exactly what refunds left of it.

use std::time::Duration;

use serde_json::{Value, json};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::merchants::{policies, sellers};
use tollgate::payments::refunds::{self, NewRefund, Refund, RefundError, RefundStatus};
use tollgate::payments::{self, FulfillError, Opened};
use tollgate::psp::RefundOutcome;
use tollgate::wallets::{self, WalletError};
use tollgate::words::{Currency, Mode, Money, PaymentOrderId, Tenant, random_bytes};

use crate::support::scripted_psp::approved;
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

both_databases!(
    a_delivered_order_is_available_once,
    what_is_not_paid_or_not_ours_cannot_be_delivered,
    days_over_deliver_by_themselves_once_whoever_sweeps,
    refunds_and_deliveries_at_once_neither_make_nor_lose_money,
    a_refund_after_delivery_takes_what_is_available,
    a_refund_that_fails_after_delivery_gives_back_what_is_available,
    a_refund_may_make_a_seller_owe_or_is_refused_as_decided,
    a_fee_that_is_kept_is_borne_by_the_seller,
    one_seller_alone_gives_back,
    a_refund_that_comes_back_weeks_later_puts_the_money_where_it_was,
    a_refund_that_the_psps_list_says_failed_puts_the_money_back_once,
    by_api_a_delivery_is_done_once_per_key,
);

async fn fulfill(shop: &Shop, order: &PaymentOrderId) -> Result<(), FulfillError> {
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::fulfill(&mut tx, &shop.tenant, order, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn ask(shop: &Shop, opened: &Opened, amount: Option<&str>) -> Result<Refund, RefundError> {
    let mut tx = shop.world.db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &shop.tenant, new(opened, amount), shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(refund)
}

fn new(opened: &Opened, amount: Option<&str>) -> NewRefund {
    let (payment, amount) = (opened.payment.id.clone(), amount.map(str::to_owned));
    NewRefund { payment, amount, reason: None, metadata: json!({}) }
}

async fn decide(shop: &Shop, name: &'static str, value: Value) {
    let mut tx = shop.world.db.begin().await.unwrap();
    policies::change(&mut tx, &shop.tenant, &[(name, value)], "test", shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

/// Pending, available and reserved of the merchant itself, in minor units.
async fn wallet(shop: &Shop) -> (i64, i64, i64) {
    let own = sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap();
    let wallet = &wallets::of_seller(&shop.world.db, &shop.tenant, &own.id).await.unwrap()[0];
    (wallet.pending, wallet.available, wallet.reserved)
}

async fn a_delivered_order_is_available_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let order = &opened.orders[0].id;
    let together = (0..8).map(|_| fulfill(&shop, order));
    for done in futures_util::future::join_all(together).await {
        done.unwrap();
    }
    assert_eq!(wallet(&shop).await, (0, 1000, 0));
    assert_eq!(shop.count("select count(*) as n from journals where kind = 'fulfillment'").await, 1);
    assert_eq!(shop.count("select count(*) as n from events where kind = 'payment_order.fulfilled'").await, 1);
    let order = payments::store::order(&shop.world.db, &shop.tenant, order).await.unwrap().unwrap();
    assert_eq!((order.fulfilled_at, order.pending.minor()), (Some(shop.world.now()), 0));
    shop.assert_sound().await;
}

async fn what_is_not_paid_or_not_ours_cannot_be_delivered(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    let refused = fulfill(&shop, &opened.orders[0].id).await;
    assert!(matches!(refused, Err(FulfillError::NotPaid("NOT_STARTED"))), "{refused:?}");
    let stranger = Shop::open(shop.world.clone()).await;
    assert!(matches!(fulfill(&stranger, &opened.orders[0].id).await, Err(FulfillError::NoOrder)));
    assert_eq!(shop.count("select count(*) as n from events where kind = 'payment_order.fulfilled'").await, 0);
}

async fn days_over_deliver_by_themselves_once_whoever_sweeps(world: World) {
    let shop = Shop::open(world).await;
    let first = shop.paid().await;
    shop.paid().await;
    assert_eq!(payments::fulfill_due(&shop.app).await.unwrap(), 0, "nobody decided so");
    decide(&shop, "fulfill_after_days", json!(3)).await;
    shop.world.clock.advance(Duration::from_secs(3 * 86_400 - 1));
    shop.paid().await;
    assert_eq!(payments::fulfill_due(&shop.app).await.unwrap(), 0, "a second is missing");
    ask(&shop, &first, Some("4.00")).await.unwrap();
    shop.world.clock.advance(Duration::from_secs(1));
    let sweeps = (0..6).map(|_| payments::fulfill_due(&shop.app));
    for swept in futures_util::future::join_all(sweeps).await {
        swept.unwrap();
    }
    assert_eq!(wallet(&shop).await, (1000, 1600, 400), "the youngest still waits");
    assert_eq!(shop.count("select count(*) as n from journals where kind = 'fulfillment'").await, 2);
    assert_eq!(shop.count("select count(*) as n from events where kind = 'payment_order.fulfilled'").await, 2);
    shop.assert_sound().await;
}

async fn refunds_and_deliveries_at_once_neither_make_nor_lose_money(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..6 {
        let before = wallet_or_nothing(&shop).await;
        let opened = shop.paid().await;
        let order = &opened.orders[0].id;
        let amounts: Vec<String> = (0..12).map(|_| format!("0.{:02}", 10 + random_bytes::<1>()[0] % 80)).collect();
        let asking = futures_util::future::join_all(amounts.iter().map(|amount| ask(&shop, &opened, Some(amount))));
        let delivering = futures_util::future::join_all((0..3).map(|_| fulfill(&shop, order)));
        let (asked, delivered) = futures_util::future::join(asking, delivering).await;
        for done in delivered {
            done.unwrap();
        }
        let held: i64 = asked.into_iter().map(|refund| refund.unwrap().amount.minor()).sum();
        let after = wallet(&shop).await;
        assert_eq!((after.0, after.1 - before.1, after.2 - before.2), (0, 1000 - held, held));
        shop.assert_sound().await;
    }
}

async fn wallet_or_nothing(shop: &Shop) -> (i64, i64, i64) {
    let own = sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap();
    let wallets = wallets::of_seller(&shop.world.db, &shop.tenant, &own.id).await.unwrap();
    wallets.first().map_or((0, 0, 0), |wallet| (wallet.pending, wallet.available, wallet.reserved))
}

async fn a_refund_after_delivery_takes_what_is_available(world: World) {
    let shop = Shop::open(world).await;
    let waiting = shop.paid().await;
    let delivered = shop.paid().await;
    fulfill(&shop, &delivered.orders[0].id).await.unwrap();
    let refund = ask(&shop, &delivered, Some("4.00")).await.unwrap();
    assert_eq!(refund.parts[0].from_pending.minor(), 0);
    assert_eq!(wallet(&shop).await, (1000, 600, 400), "what another order has pending is not touched");
    shop.run_jobs().await;
    assert_eq!(wallet(&shop).await, (1000, 600, 0));
    ask(&shop, &waiting, None).await.unwrap();
    assert_eq!(wallet(&shop).await, (0, 600, 1000));
    shop.assert_sound().await;
}

async fn a_refund_that_fails_after_delivery_gives_back_what_is_available(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    ask(&shop, &opened, Some("2.50")).await.unwrap();
    fulfill(&shop, &opened.orders[0].id).await.unwrap();
    assert_eq!(wallet(&shop).await, (0, 750, 250));
    let failed = Ok(RefundOutcome::Failed { psp_code: "not_allowed".to_owned() });
    shop.psp.refund_answers.lock().unwrap().push_back(failed);
    shop.run_jobs().await;
    assert_eq!(wallet(&shop).await, (0, 1000, 0), "nothing would ever deliver it if it were pending");
    shop.assert_sound().await;
}

async fn a_refund_may_make_a_seller_owe_or_is_refused_as_decided(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    fulfill(&shop, &opened.orders[0].id).await.unwrap();
    send_out(&shop, 900).await;
    decide(&shop, "negative_balance", json!("refuse")).await;
    let refused = ask(&shop, &opened, Some("1.01")).await;
    assert!(matches!(refused, Err(RefundError::Books(WalletError::NotEnough { .. }))), "{refused:?}");
    assert_eq!(wallet(&shop).await, (0, 100, 0));
    ask(&shop, &opened, Some("1.00")).await.unwrap();
    decide(&shop, "negative_balance", json!("allow")).await;
    ask(&shop, &opened, None).await.unwrap();
    assert_eq!(wallet(&shop).await, (0, -900, 1000));
    shop.assert_sound().await;
    shop.run_jobs().await;
    // A later sale pays it back when it is delivered.
    let later = shop.paid().await;
    fulfill(&shop, &later.orders[0].id).await.unwrap();
    assert_eq!(wallet(&shop).await, (0, 100, 0));
    shop.assert_sound().await;
}

/// As a payout would.
async fn send_out(shop: &Shop, minor: i64) {
    let own = sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap().id;
    let amount = Money::of(minor, Currency::parse("USD").unwrap()).unwrap();
    let posting = Posting {
        kind: "correction",
        source_id: "sent out by hand".to_owned(),
        tenant: shop.tenant.clone(),
        payment: None,
        transfers: vec![Transfer { debit: Account::Available(own), credit: Account::Bank, amount }],
        now: shop.world.now(),
    };
    let mut tx = shop.world.db.begin().await.unwrap();
    wallets::post(&mut tx, &[posting]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn two_sellers(shop: &Shop, fee: &str) -> Opened {
    let second = shop.second_seller().await;
    let opened = shop.unregistered(Some(&second), Some(fee)).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    shop.pay(&opened).await;
    opened
}

const FEES: &str =
    "select cast(coalesce(sum(case when credit_account = 'fees:platform' then amount else -amount end), 0)
    as bigint) as n from transfers where credit_account = 'fees:platform' or debit_account = 'fees:platform'";

async fn a_fee_that_is_kept_is_borne_by_the_seller(world: World) {
    let shop = Shop::open(world).await;
    decide(&shop, "refund_fee", json!("keep")).await;
    let opened = two_sellers(&shop, "2.00").await;
    assert_eq!(wallet(&shop).await, (900, 0, 0));
    let refund = ask(&shop, &opened, Some("10.00")).await.unwrap();
    assert_eq!((refund.parts[0].fee.minor(), refund.parts[0].fee_kept.minor()), (0, 50));
    ask(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(wallet(&shop).await, (0, -100, 0), "the seller owes what the platform keeps");
    assert_eq!(shop.count(FEES).await, 200);
    shop.assert_sound().await;
}

async fn one_seller_alone_gives_back(world: World) {
    let shop = Shop::open(world).await;
    let opened = two_sellers(&shop, "1.00").await;
    let of = async |orders: &[(&PaymentOrderId, Option<&str>)], amount: Option<&str>| {
        let orders: Vec<_> = orders.iter().map(|(id, text)| ((*id).clone(), text.map(str::to_owned))).collect();
        let mut tx = shop.world.db.begin().await.unwrap();
        let refund =
            refunds::ask_of_orders(&mut tx, &shop.tenant, new(&opened, amount), &orders, shop.world.now()).await?;
        tx.commit().await.unwrap();
        Ok::<_, RefundError>(refund)
    };
    let (first, second) = (&opened.orders[0].id, &opened.orders[1].id);
    let refund = of(&[(second, Some("4.00"))], None).await.unwrap();
    assert_eq!((refund.parts.len(), &refund.parts[0].order, refund.amount.to_string().as_str()), (1, second, "4.00"));
    assert_eq!(wallet(&shop).await, (950, 0, 0), "the other seller has all of theirs");
    assert!(
        matches!(of(&[(second, Some("6.01"))], None).await, Err(RefundError::TooMuchOfOrder { at: 0, left }) if left.to_string() == "6.00")
    );
    assert!(matches!(of(&[(first, Some("1.00")), (first, None)], None).await, Err(RefundError::NoOrder(1))));
    assert!(matches!(of(&[(first, Some("1"))], None).await, Err(RefundError::BadPart { at: 0, .. })));
    assert!(matches!(of(&[(first, None)], Some("9.99")).await, Err(RefundError::BadAmount(_))));
    let stranger = PaymentOrderId::new();
    assert!(matches!(of(&[(&stranger, None)], None).await, Err(RefundError::NoOrder(0))));
    let rest = of(&[(first, None), (second, None)], Some("16.00")).await.unwrap();
    assert_eq!(rest.amount.to_string(), "16.00");
    shop.run_jobs().await;
    assert_eq!((wallet(&shop).await, shop.count(FEES).await), ((0, 0, 0), 0));
    shop.assert_sound().await;
}

async fn a_refund_that_comes_back_weeks_later_puts_the_money_where_it_was(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let (early, late) =
        (ask(&shop, &opened, Some("3.00")).await.unwrap(), ask(&shop, &opened, Some("2.00")).await.unwrap());
    shop.run_jobs().await;
    let back = async |refund: &Refund| {
        shop.psp.returned.lock().unwrap().push(refund.id.to_string());
        refunds::look_for_returned(&shop.app, &opened.payment.id).await.unwrap()
    };
    assert_eq!(refunds::look_for_returned(&shop.app, &opened.payment.id).await.unwrap(), 0);
    shop.world.clock.advance(Duration::from_hours(24 * 30));
    assert_eq!(back(&early).await, 1);
    assert_eq!(wallet(&shop).await, (800, 0, 0), "pending again: it is not delivered");
    let failed = refunds::find(&shop.world.db, &early.id).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.failure_code.as_deref()), (RefundStatus::Failed, Some("account_closed")));
    assert!(failed.succeeded_at.is_some() && failed.psp_reference.is_some(), "that it had succeeded stays on record");
    let payment = payments::store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(payment.refunded.to_string(), "2.00");
    shop.assert_sound().await;

    fulfill(&shop, &opened.orders[0].id).await.unwrap();
    let several = (0..4).map(|_| back(&late));
    let returned: usize = futures_util::future::join_all(several).await.into_iter().sum();
    assert_eq!(returned, 1, "however often it is heard");
    assert_eq!(wallet(&shop).await, (0, 1000, 0), "available: it was delivered meanwhile");
    assert_eq!(shop.count("select count(*) as n from events where kind = 'refund.failed'").await, 2);
    assert_eq!(shop.count("select count(*) as n from psp_calls where answered_at is null").await, 0);
    shop.assert_sound().await;
    ask(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(wallet(&shop).await, (0, 0, 0), "all of it may be refunded again");
    shop.assert_sound().await;
}

/// As reconciliation does it, from the PSP's list: the webhook was lost and the PSP need not be asked again.
async fn a_refund_that_the_psps_list_says_failed_puts_the_money_back_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refund = ask(&shop, &opened, Some("3.00")).await.unwrap();
    let back =
        async |tenant: &Tenant| refunds::come_back(&shop.app, tenant, &refund.id, "account_closed").await.unwrap();
    assert!(!back(&shop.tenant).await, "it is not even done");
    shop.run_jobs().await;
    let stranger = Tenant::new(shop.tenant.merchant.clone(), Mode::Live);
    assert!(!back(&stranger).await, "another's refund");
    let several = futures_util::future::join_all((0..4).map(|_| back(&shop.tenant))).await;
    assert_eq!(several.into_iter().filter(|done| *done).count(), 1, "once, however many say so");
    assert_eq!(wallet(&shop).await, (1000, 0, 0));
    let failed = refunds::find(&shop.world.db, &refund.id).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.failure_code.as_deref()), (RefundStatus::Failed, Some("account_closed")));
    assert_eq!(shop.count("select count(*) as n from events where kind = 'refund.failed'").await, 1);
    shop.assert_sound().await;
}

async fn by_api_a_delivery_is_done_once_per_key(world: World) {
    let gateway = world.gateway().await;
    let payment = gateway.paid_payment().await;
    let shown = gateway.get(&format!("/v1/payments/{payment}")).await.ok();
    let order = shown["orders"][0].clone();
    assert_eq!((order["pending"].is_string(), &order["fulfilled_at"]), (true, &Value::Null));
    let path = format!("/v1/payment_orders/{}", order["id"].as_str().unwrap());
    let deliver = format!("{path}/fulfill");
    let done = gateway.post_once(&deliver, "d-1", &json!({})).await.ok();
    assert!(done["fulfilled_at"].is_string(), "{done}");
    let again = gateway.post_once(&deliver, "d-1", &json!({})).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &done));
    let later = gateway.post_once(&deliver, "d-2", &json!({})).await.ok();
    assert_eq!(later, done);
    assert_eq!(gateway.get(&path).await.ok(), done);
    let body = json!({"line_items": [{"name": "Tea", "unit_amount": "12.50", "quantity": 1}], "currency": "USD",
        "success_url": "https://shop.example/paid"});
    let session = gateway.post("/v1/checkout/sessions", body).await.ok();
    let unpaid = session["payment_orders"][0]["id"].as_str().unwrap();
    let refused = gateway.post(&format!("/v1/payment_orders/{unpaid}/fulfill"), json!({})).await;
    assert_eq!(refused.refused(409), "payment_order_not_paid");
    let nobody = format!("/v1/payment_orders/{}", PaymentOrderId::new());
    assert_eq!(gateway.get(&nobody).await.refused(404), "resource_not_found");
    assert_eq!(gateway.get("/v1/payment_orders/x").await.refused(404), "resource_not_found");
}
