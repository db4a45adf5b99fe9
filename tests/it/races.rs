//! Everything at the same moment: browser, PSP's webhook, recover and expiry; two cards; the last second; money that comes
//! too late. Whoever is first wins, the books are right, and each fact is told once.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;
use tollgate::db::query;
use tollgate::merchants::policies;
use tollgate::payments::{self, Opened, Payment, PaymentStatus, attempts, expire, store};
use tollgate::psp::{Finding, Outcome};
use tollgate::words::PspEventId;

use crate::support::door::Door;
use crate::support::scripted_psp::{approved, declined, unknown};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

const ROUNDS: usize = 8;

async fn wants_no_late_money(shop: &Shop) {
    let mut tx = shop.world.db.begin().await.unwrap();
    let wanted = [("late_success", json!("refund")), ("refund_fee", json!("keep"))];
    policies::change(&mut tx, &shop.tenant, &wanted, "test", shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
}

async fn payment(shop: &Shop, opened: &Opened) -> Payment {
    store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap()
}

/// The PSP's webhook with this id of its own, kept and not yet dealt with.
async fn notice(shop: &Shop, opened: &Opened, event: &str) -> PspEventId {
    let headers = HeaderMap::from_iter([("signature".parse().unwrap(), HeaderValue::from_static("yes"))]);
    let body = format!("{event} psp_{}", opened.payment.id);
    payments::receive(&shop.app, "scripted", &headers, body.as_bytes()).await.unwrap();
    let row = query("select id from psp_events where event_id = $1").bind(event).one(&shop.world.db).await.unwrap();
    row.get("id").unwrap()
}

/// Events of one payment, and of its session, by kind.
async fn told(shop: &Shop, opened: &Opened, kind: &str) -> i64 {
    let told = query("select count(*) as n from events where kind = $1 and object_id in ($2, $3)")
        .bind(kind)
        .bind(&opened.payment.id)
        .bind(&opened.session.id);
    told.one(&shop.world.db).await.unwrap().get("n").unwrap()
}

/// How often money went to the sellers of this payment, and for how much.
async fn sales(shop: &Shop, opened: &Opened) -> (i64, i64) {
    let sold = query(
        "select count(*) as n, cast(coalesce(sum(control_total), 0) as bigint) as total from journals
         where kind = 'sale' and payment_id = $1",
    );
    let row = sold.bind(&opened.payment.id).one(&shop.world.db).await.unwrap();
    (row.get("n").unwrap(), row.get("total").unwrap())
}

async fn assert_paid_once(shop: &Shop, opened: &Opened) {
    let paid = payment(shop, opened).await;
    assert_eq!((paid.status, paid.captured.minor()), (PaymentStatus::Succeeded, 1000));
    assert_eq!(sales(shop, opened).await, (1, 1000));
    assert_eq!(told(shop, opened, "payment.succeeded").await, 1);
    assert_eq!(told(shop, opened, "checkout.session.completed").await, 1);
    assert_eq!(told(shop, opened, "checkout.session.expired").await, 0);
    shop.assert_sound().await;
}

/// All the roads on which the outcome of an attempt is heard, and the end of its session, at one moment.
async fn all_roads_at_once(shop: &Shop, opened: &Opened, round: usize, outcome: Outcome) {
    shop.psp.will(unknown());
    shop.pay(opened).await;
    let attempt = attempts::latest(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    let (one, two) = (format!("ev_{round}_a"), format!("ev_{round}_b"));
    let (one, two) = (notice(shop, opened, &one).await, notice(shop, opened, &two).await);
    shop.world.clock.advance(Duration::from_hours(25));
    (0..8).for_each(|_| shop.psp.knows(Finding::Found(outcome.clone())));
    let app = &shop.app;
    let (browser, tab, webhook, repeat, recovered, swept, ended) = futures_util::join!(
        Box::pin(payments::look_again(app, &opened.payment.id)),
        Box::pin(payments::look_again(app, &opened.payment.id)),
        Box::pin(payments::read_notice(app, &one)),
        Box::pin(payments::read_notice(app, &two)),
        Box::pin(payments::recover(app, &attempt.id)),
        payments::sweep(app),
        expire(app, &shop.tenant, &opened.session.id),
    );
    browser.unwrap();
    tab.unwrap();
    webhook.unwrap();
    repeat.unwrap();
    recovered.unwrap();
    swept.unwrap();
    // Somebody is paying, or has paid, or the outcome was heard first: never a failure of ours.
    assert!(matches!(&ended, Ok(_) | Err(payments::PaymentError::NotExpirable(_))), "{ended:?}");
    shop.psp.look_ups.lock().unwrap().clear();
}

async fn browser_webhook_recover_and_expiry_at_once_pay_once(world: World) {
    let shop = Shop::open(world).await;
    for round in 0..ROUNDS {
        let opened = shop.checkout().await;
        Box::pin(all_roads_at_once(&shop, &opened, round, approved())).await;
        assert_paid_once(&shop, &opened).await;
    }
}

async fn a_decline_heard_on_all_roads_at_once_leaves_an_expired_session(world: World) {
    let shop = Shop::open(world).await;
    for round in 0..ROUNDS {
        let opened = shop.checkout().await;
        Box::pin(all_roads_at_once(&shop, &opened, round, declined())).await;
        shop.sweep_only().await;
        assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Expired);
        assert_eq!(told(&shop, &opened, "payment.attempt_declined").await, 1);
        assert_eq!(told(&shop, &opened, "checkout.session.expired").await, 1);
        assert_eq!(sales(&shop, &opened).await, (0, 0));
        shop.assert_sound().await;
    }
}

async fn of_two_tabs_with_two_cards_one_charges(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..ROUNDS {
        let opened = shop.checkout().await;
        shop.psp.confirmed.lock().unwrap().clear();
        shop.psp.confirms.lock().unwrap().clear();
        (0..2).for_each(|_| shop.psp.will(approved()));
        let id = &opened.payment.id;
        let (one, other) = futures_util::join!(
            payments::execute(&shop.app, id, "tok_card_a"),
            payments::execute(&shop.app, id, "tok_card_b"),
        );
        one.unwrap();
        other.unwrap();
        assert_eq!(shop.psp.confirmed().len(), 1, "one card was charged");
        assert_paid_once(&shop, &opened).await;
    }
}

/// The shopper presses pay, the merchant ends the session, the sweep comes by and the clock strikes, at once.
async fn paying_at_the_second_of_expiry_pays_or_expires(world: World) {
    let shop = Shop::open(world).await;
    let (mut paid, mut expired) = (0, 0);
    for round in 0..ROUNDS {
        let opened = shop.checkout().await;
        shop.psp.confirmed.lock().unwrap().clear();
        shop.psp.confirms.lock().unwrap().clear();
        shop.psp.will(approved());
        let left = opened.session.expires_at.since(shop.world.now());
        shop.world.clock.advance(left.saturating_sub(Duration::from_millis(1)));
        let paying = async { payments::execute(&shop.app, &opened.payment.id, "tok_1").await.unwrap() };
        let ending = async {
            // Now and then the clock strikes only when the shopper is on the way.
            for _ in 0..round % 4 {
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            shop.world.clock.advance(Duration::from_millis(1));
            payments::sweep(&shop.app).await.unwrap();
        };
        let merchant = async { expire(&shop.app, &shop.tenant, &opened.session.id).await.is_ok() };
        futures_util::join!(paying, ending, merchant);
        shop.sweep_only().await;
        match payment(&shop, &opened).await.status {
            PaymentStatus::Succeeded => {
                paid += 1;
                assert_eq!(shop.psp.confirmed().len(), 1);
                assert_paid_once(&shop, &opened).await;
            }
            PaymentStatus::Expired => {
                expired += 1;
                assert!(shop.psp.confirmed().is_empty(), "nobody is charged for what has expired");
                assert_eq!(told(&shop, &opened, "checkout.session.expired").await, 1);
                shop.assert_sound().await;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(paid + expired, ROUNDS);
}

/// A payment whose card was declined, whose session then expired, and of which the PSP now says that it was paid after all.
async fn expired_then_paid(shop: &Shop, opened: &Opened, round: usize) {
    shop.psp.will(declined());
    shop.pay(opened).await;
    shop.world.clock.advance(Duration::from_hours(25));
    shop.sweep_only().await;
    assert_eq!(payment(shop, opened).await.status, PaymentStatus::Expired);
    let mut notices = Vec::new();
    for copy in 0..4 {
        notices.push(notice(shop, opened, &format!("late_{round}_{copy}")).await);
    }
    (0..4).for_each(|_| shop.psp.knows(Finding::Found(approved())));
    let reading = notices.iter().map(|notice| payments::read_notice(&shop.app, notice));
    for read in futures_util::future::join_all(reading).await {
        read.unwrap();
    }
    shop.psp.look_ups.lock().unwrap().clear();
}

async fn late_money_is_taken_where_the_merchant_takes_it(world: World) {
    let shop = Shop::open(world).await;
    for round in 0..ROUNDS {
        let opened = shop.checkout().await;
        expired_then_paid(&shop, &opened, round).await;
        let paid = payment(&shop, &opened).await;
        assert_eq!((paid.status, paid.cancellation_reason), (PaymentStatus::Succeeded, None));
        assert_eq!(sales(&shop, &opened).await, (1, 1000));
        assert_eq!(told(&shop, &opened, "payment.succeeded").await, 1);
        assert_eq!(told(&shop, &opened, "checkout.session.completed").await, 1);
        assert_eq!(told(&shop, &opened, "payment.late_success_refunded").await, 0);
        shop.assert_sound().await;
    }
}

async fn the_shopper_of_money_that_goes_back_reads_so(world: World) {
    let shop = Shop::open(world).await;
    wants_no_late_money(&shop).await;
    let opened = shop.unregistered(None, None).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    expired_then_paid(&shop, &opened, 0).await;
    let (door, _) = Door::of_shop(&shop).await;
    for (language, title) in [("en", "Your payment is being returned"), ("ko", "결제하신 금액을 돌려드리고 있어요")]
    {
        let path = format!("{}/pay/{}", door.url, opened.session.page_token);
        let page =
            door.client.get(path).header("accept-language", language).send().await.unwrap().text().await.unwrap();
        assert!(page.contains("data-state=\"returned\"") && page.contains(title), "{page}");
        assert!(page.contains("data-panel=\"expired\" hidden") && !page.contains("data-panel=\"returned\" hidden"));
    }
}

async fn late_money_goes_back_where_the_merchant_wants_none(world: World) {
    let shop = Shop::open(world).await;
    wants_no_late_money(&shop).await;
    for round in 0..ROUNDS {
        let opened = shop.unregistered(None, Some("1.00")).await;
        payments::register(&shop.app, &opened.payment.id).await.unwrap();
        expired_then_paid(&shop, &opened, round).await;
        shop.assert_sound().await;
        let late = payment(&shop, &opened).await;
        assert_eq!(
            (late.status, late.refunded.minor()),
            (PaymentStatus::Succeeded, 1000),
            "taken, and held to go back"
        );
        assert_eq!(late.cancellation_reason.as_deref(), Some("late_success"));
        shop.run_jobs().await;
        let refunds = payments::refunds::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
        assert_eq!(refunds.len(), 1);
        assert_eq!((refunds[0].status.as_str(), refunds[0].reason.as_deref()), ("succeeded", Some("late_success")));
        assert_eq!(told(&shop, &opened, "payment.late_success_refunded").await, 1);
        assert_eq!(told(&shop, &opened, "payment.succeeded").await, 0, "nobody delivers for money that goes back");
        assert_eq!(told(&shop, &opened, "checkout.session.completed").await, 0);
        assert_eq!(shop.pay(&opened).await, payments::Standing::Returned);
        shop.assert_sound().await;
    }
    assert_eq!(shop.psp.refunds.lock().unwrap().len(), ROUNDS);
    assert_eq!(
        shop.count("select count(*) as n from wallets where pending <> 0 or available <> 0 or reserved <> 0").await,
        0
    );
    let fees = "select cast(coalesce(sum(case when credit_account = 'fees:platform' then amount else -amount end), 0) as bigint)
                as n from transfers where credit_account = 'fees:platform' or debit_account = 'fees:platform'";
    assert_eq!(shop.count(fees).await, 0, "the platform keeps no fee of what nobody wanted");
}

async fn a_late_hold_is_let_go_where_the_merchant_wants_none(world: World) {
    let shop = Shop::open(world).await;
    wants_no_late_money(&shop).await;
    let opened = shop.opened_by(None, None, |asked| asked.capture = Some("manual".to_owned())).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    expired_then_paid(&shop, &opened, 0).await;
    assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Authorized);
    shop.assert_sound().await;
    shop.run_jobs().await;
    let over = payment(&shop, &opened).await;
    assert_eq!((over.status, over.cancellation_reason.as_deref()), (PaymentStatus::Canceled, Some("late_success")));
    assert_eq!(told(&shop, &opened, "payment.late_success_refunded").await, 1);
    assert_eq!(told(&shop, &opened, "payment.canceled").await, 1);
    assert_eq!(told(&shop, &opened, "payment.authorized").await, 0);
    assert_eq!(sales(&shop, &opened).await, (0, 0));
    shop.assert_sound().await;
}

/// Money that comes when the merchant has called the payment off is late too.
async fn money_for_a_canceled_payment_goes_back(world: World) {
    let shop = Shop::open(world).await;
    wants_no_late_money(&shop).await;
    let opened = shop.checkout().await;
    shop.psp.will(declined());
    shop.pay(&opened).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::cancel(&shop.app, &mut tx, &shop.tenant, &opened.payment.id, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    let id = notice(&shop, &opened, "ev_after").await;
    shop.psp.knows(Finding::Found(approved()));
    payments::read_notice(&shop.app, &id).await.unwrap();
    shop.run_jobs().await;
    let late = payment(&shop, &opened).await;
    assert_eq!((late.status, late.refunded.minor()), (PaymentStatus::Succeeded, 1000));
    assert_eq!(shop.psp.refunds.lock().unwrap().len(), 1);
    shop.assert_sound().await;
}

both_databases!(
    browser_webhook_recover_and_expiry_at_once_pay_once,
    a_decline_heard_on_all_roads_at_once_leaves_an_expired_session,
    of_two_tabs_with_two_cards_one_charges,
    paying_at_the_second_of_expiry_pays_or_expires,
    late_money_is_taken_where_the_merchant_takes_it,
    late_money_goes_back_where_the_merchant_wants_none,
    the_shopper_of_money_that_goes_back_reads_so,
    a_late_hold_is_let_go_where_the_merchant_wants_none,
    money_for_a_canceled_payment_goes_back,
);
