//! Manual capture: the money is held, then taken once, all or in part, or let go; and the books say so at every moment.

use std::time::Duration;

use serde_json::json;
use tollgate::payments::captures::{self, Capture, CaptureError, CaptureStatus, NewCapture};
use tollgate::payments::refunds::{self, NewRefund, RefundError};
use tollgate::payments::{self, CancelError, Opened, OrderStatus, Payment, PaymentStatus, Standing, store};
use tollgate::psp::{Hold, NotDone};
use tollgate::queue;
use tollgate::{merchants, wallets};

use crate::support::scripted_psp::Ends;
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

const DAY: Duration = Duration::from_hours(24);

async fn capture(shop: &Shop, opened: &Opened, amount: Option<&str>) -> Result<Capture, CaptureError> {
    let new = NewCapture { payment: opened.payment.id.clone(), amount: amount.map(str::to_owned) };
    let mut tx = shop.world.db.begin().await.unwrap();
    let capture = captures::capture(&mut tx, &shop.tenant, &new, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(capture)
}

async fn cancel(shop: &Shop, opened: &Opened) -> Result<(), CancelError> {
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::cancel(&shop.app, &mut tx, &shop.tenant, &opened.payment.id, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn refund(shop: &Shop, opened: &Opened, amount: Option<&str>) -> Result<refunds::Refund, RefundError> {
    let (payment, amount) = (opened.payment.id.clone(), amount.map(str::to_owned));
    let new = NewRefund { payment, amount, reason: None, metadata: json!({}) };
    let mut tx = shop.world.db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &shop.tenant, new, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(refund)
}

async fn payment(shop: &Shop, opened: &Opened) -> Payment {
    store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap()
}

/// What the merchant itself has pending, in minor units.
async fn pending(shop: &Shop) -> i64 {
    let own = merchants::sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap();
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, &own.id).await.unwrap();
    wallet.first().map_or(0, |wallet| wallet.pending)
}

async fn approval_holds_the_money_and_nothing_is_posted(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    assert_eq!(shop.psp.held.lock().unwrap().len(), 1, "the PSP was told not to take the money");
    let held = payment(&shop, &opened).await;
    assert_eq!((held.status, held.captured.minor()), (PaymentStatus::Authorized, 0));
    assert_eq!(held.authorization_expires_at, Some(shop.world.now().plus(DAY * 7)));
    let orders = store::orders(&shop.world.db, &held.id).await.unwrap();
    assert_eq!(orders[0].status, OrderStatus::Executing);
    assert_eq!(pending(&shop).await, 0);
    assert_eq!(shop.count("select count(*) as n from journals").await, 0);
    assert_eq!(shop.count("select count(*) as n from checkout_sessions where status = 'complete'").await, 1);
    assert_eq!(shop.told("payment.authorized").await, 1);
    assert!(matches!(refund(&shop, &opened, None).await, Err(RefundError::NotPaid("authorized"))));
    assert_eq!(shop.pay(&opened).await, Standing::Succeeded, "whoever pays again is told that it is paid");
    shop.assert_sound().await;
}

async fn a_capture_takes_all_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    let asked = capture(&shop, &opened, None).await.unwrap();
    assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Authorized, "until the PSP says so");
    assert!(matches!(capture(&shop, &opened, None).await, Err(CaptureError::UnderWay("capture"))));
    shop.run_jobs().await;
    let paid = payment(&shop, &opened).await;
    assert_eq!((paid.status, paid.captured.minor(), paid.pending_operation), (PaymentStatus::Succeeded, 1000, None));
    assert_eq!(pending(&shop).await, 1000);
    assert_eq!(shop.psp.ordered.lock().unwrap().as_slice(), [asked.id.to_string()]);
    assert_eq!(shop.told("payment.succeeded").await, 1);
    assert!(matches!(capture(&shop, &opened, None).await, Err(CaptureError::NotAuthorized("succeeded"))));
    assert!(matches!(cancel(&shop, &opened).await, Err(CancelError::Over("succeeded"))));
    shop.assert_sound().await;
}

async fn a_part_is_shared_by_the_sellers_and_bounds_refunds(world: World) {
    let shop = Shop::open(world).await;
    let second = shop.second_seller().await;
    let opened = shop.held_of(Some(&second), Some("1.01")).await;
    capture(&shop, &opened, Some("9.99")).await.unwrap();
    shop.run_jobs().await;
    let orders = store::orders(&shop.world.db, &opened.payment.id).await.unwrap();
    let taken: Vec<(i64, i64)> =
        orders.iter().map(|order| (order.captured.minor(), order.captured_fee.minor())).collect();
    assert_eq!(taken, [(500, 25), (499, 24)], "half each and the odd unit to the first; of fees of 51 and 50");
    assert_eq!(pending(&shop).await, 475);
    shop.assert_sound().await;

    assert!(
        matches!(refund(&shop, &opened, Some("10.00")).await, Err(RefundError::TooMuch(left)) if left.minor() == 999)
    );
    refund(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(pending(&shop).await, 0);
    assert_eq!(shop.psp.refunds.lock().unwrap().iter().map(|(_, minor)| minor).sum::<i64>(), 999);
    shop.assert_sound().await;
}

async fn an_order_the_capture_does_not_reach_is_not_paid(world: World) {
    let shop = Shop::open(world).await;
    let second = shop.second_seller().await;
    let opened = shop.held_of(Some(&second), None).await;
    capture(&shop, &opened, Some("0.01")).await.unwrap();
    shop.run_jobs().await;
    let orders = store::orders(&shop.world.db, &opened.payment.id).await.unwrap();
    let states: Vec<_> = orders.iter().map(|order| (order.status, order.captured.minor())).collect();
    assert_eq!(states, [(OrderStatus::Success, 1), (OrderStatus::Failed, 0)]);
    refund(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    shop.assert_sound().await;
}

async fn what_is_canceled_is_let_go(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    cancel(&shop, &opened).await.unwrap();
    assert!(matches!(capture(&shop, &opened, None).await, Err(CaptureError::UnderWay("void"))));
    shop.run_jobs().await;
    let over = payment(&shop, &opened).await;
    assert_eq!(over.status, PaymentStatus::Canceled);
    assert_eq!(over.cancellation_reason.as_deref(), Some("requested_by_merchant"));
    assert_eq!(store::orders(&shop.world.db, &over.id).await.unwrap()[0].status, OrderStatus::Failed);
    assert_eq!(shop.told("payment.canceled").await, 1);
    assert!(matches!(capture(&shop, &opened, None).await, Err(CaptureError::NotAuthorized("canceled"))));
    shop.assert_sound().await;
}

async fn an_open_payment_is_called_off_with_its_session(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.checkout().await;
    cancel(&shop, &opened).await.unwrap();
    assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Canceled);
    assert_eq!(shop.told("payment.canceled").await, 1);
    assert_eq!(shop.told("checkout.session.expired").await, 1);
    assert_eq!(shop.pay(&opened).await, Standing::Canceled);
    assert!(shop.psp.confirmed().is_empty(), "nobody is charged for what was called off");
    assert!(matches!(cancel(&shop, &opened).await, Err(CancelError::Over("canceled"))));
    shop.assert_sound().await;
}

/// Of many at once one wins, whichever it is, and the PSP hears of that one alone.
async fn of_many_captures_and_voids_at_once_one_wins(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..5 {
        shop.psp.ordered.lock().unwrap().clear();
        let opened = shop.held().await;
        let captures = (0..20).map(|_| async { capture(&shop, &opened, Some("4.00")).await.is_ok() });
        let voids = (0..20).map(|_| async { cancel(&shop, &opened).await.is_ok() });
        let (captured, voided) =
            futures_util::future::join(futures_util::future::join_all(captures), futures_util::future::join_all(voids))
                .await;
        let (captured, voided) =
            (captured.iter().filter(|won| **won).count(), voided.iter().filter(|won| **won).count());
        assert_eq!(captured + voided, 1, "{captured} captures and {voided} voids were taken on");
        shop.run_jobs().await;
        let after = payment(&shop, &opened).await;
        let wanted = if captured == 1 { (PaymentStatus::Succeeded, 400) } else { (PaymentStatus::Canceled, 0) };
        assert_eq!((after.status, after.captured.minor()), wanted);
        assert_eq!(shop.psp.ordered.lock().unwrap().len(), 1);
        assert_eq!(shop.count("select count(*) as n from captures where status = 'pending'").await, 0);
        shop.assert_sound().await;
    }
}

async fn an_answer_that_is_lost_is_asked_for_and_nothing_is_taken_twice(world: World) {
    let shop = Shop::open(world).await;
    for (lost, orders) in [(Ends::Unheard, 1), (Ends::Lost, 2)] {
        shop.psp.ordered.lock().unwrap().clear();
        let opened = shop.held().await;
        shop.psp.ends.lock().unwrap().push_back(lost);
        let asked = capture(&shop, &opened, Some("7.00")).await.unwrap();
        shop.run_jobs().await;
        let unknown = payment(&shop, &opened).await;
        assert_eq!((unknown.status, unknown.captured.minor()), (PaymentStatus::Authorized, 0));
        assert!(unknown.capturable().is_zero(), "nothing else may be captured while it is not known");
        assert!(matches!(cancel(&shop, &opened).await, Err(CancelError::UnderWay("capture"))));
        shop.world.clock.advance(Duration::from_secs(10));
        shop.run_jobs().await;
        assert_eq!(payment(&shop, &opened).await.captured.minor(), 700);
        let ordered = shop.psp.ordered.lock().unwrap().clone();
        assert_eq!(ordered, vec![asked.id.to_string(); orders], "looked before it ordered again, under the same key");
        shop.assert_sound().await;
    }
}

async fn a_void_whose_outcome_is_not_known_lets_nothing_be_captured(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    shop.psp.ends.lock().unwrap().push_back(Ends::Unheard);
    cancel(&shop, &opened).await.unwrap();
    shop.run_jobs().await;
    assert!(matches!(capture(&shop, &opened, None).await, Err(CaptureError::UnderWay("void"))));
    shop.world.clock.advance(Duration::from_secs(10));
    shop.run_jobs().await;
    assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Canceled);
    assert_eq!(shop.psp.ordered.lock().unwrap().len(), 1);
    shop.assert_sound().await;
}

async fn a_capture_that_is_refused_leaves_the_money_held(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    let refused = NotDone::Refused { code: "not_today".to_owned(), reason: String::new() };
    shop.psp.ends.lock().unwrap().push_back(Ends::Not(refused));
    let asked = capture(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    let failed = captures::find(&shop.world.db, &asked.id).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.failure_code.as_deref()), (CaptureStatus::Failed, Some("not_today")));
    assert_eq!(shop.told("payment.capture_failed").await, 1);
    assert_eq!(payment(&shop, &opened).await.capturable().minor(), 1000);
    capture(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Succeeded);
    shop.assert_sound().await;
}

/// The first call may still be on its way when the second is refused.
async fn a_refusal_of_a_repeat_is_not_believed_too_soon(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    let refused = || Ends::Not(NotDone::Refused { code: "in_use".to_owned(), reason: String::new() });
    shop.psp.ends.lock().unwrap().extend([Ends::Lost, refused()]);
    let asked = capture(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    shop.world.clock.advance(Duration::from_secs(10));
    shop.run_jobs().await;
    let standing = async || captures::find(&shop.world.db, &asked.id).await.unwrap().unwrap().status;
    assert_eq!(standing().await, CaptureStatus::Pending);
    shop.world.clock.advance(Duration::from_mins(2));
    shop.psp.ends.lock().unwrap().push_back(refused());
    shop.run_jobs().await;
    assert_eq!(standing().await, CaptureStatus::Failed);
}

async fn a_hold_the_psp_has_let_go_ends_the_payment(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    shop.psp.holds.lock().unwrap().insert(format!("psp_{}", opened.payment.id), Hold::Released);
    capture(&shop, &opened, None).await.unwrap();
    shop.run_jobs().await;
    let over = payment(&shop, &opened).await;
    assert_eq!((over.status, over.cancellation_reason.as_deref()), (PaymentStatus::Canceled, Some("released_by_psp")));
    assert_eq!((shop.told("payment.capture_failed").await, shop.told("payment.canceled").await), (1, 1));
    shop.assert_sound().await;
}

async fn what_nobody_asked_for_and_what_stays_unknown_is_a_persons(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    let amount = opened.payment.amount;
    let taken = Hold::Captured { amount, reference: "ch_other".to_owned() };
    shop.psp.holds.lock().unwrap().insert(format!("psp_{}", opened.payment.id), taken);
    cancel(&shop, &opened).await.unwrap();
    shop.run_jobs().await;
    let dead = queue::dead(&shop.world.db, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].kind.as_str()), (1, "payments.void"));
    assert!(dead[0].last_error.as_deref().unwrap().contains("nobody here asked for"));

    let opened = shop.held().await;
    shop.psp.ends.lock().unwrap().extend((0..500).map(|_| Ends::Lost));
    capture(&shop, &opened, None).await.unwrap();
    for _ in 0..60 {
        shop.run_jobs().await;
        shop.world.clock.advance(Duration::from_mins(40));
    }
    assert_eq!(queue::dead(&shop.world.db, 10).await.unwrap().len(), 2);
    assert!(matches!(cancel(&shop, &opened).await, Err(CancelError::UnderWay("capture"))));
}

async fn merchants_are_told_before_a_hold_ends_and_when_it_has(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    shop.world.clock.advance((DAY * 6).saturating_sub(Duration::from_secs(1)));
    shop.sweep().await;
    assert_eq!(shop.told("payment.authorization_expiring").await, 0);
    shop.world.clock.advance(Duration::from_secs(1));
    shop.sweep().await;
    shop.sweep().await;
    assert_eq!(shop.told("payment.authorization_expiring").await, 1);
    shop.world.clock.advance(DAY);
    assert!(matches!(capture(&shop, &opened, None).await, Err(CaptureError::TimeIsOver(_))));
    let refused = NotDone::Refused { code: "not_today".to_owned(), reason: String::new() };
    shop.psp.ends.lock().unwrap().push_back(Ends::Not(refused));
    shop.sweep().await;
    assert_eq!(payment(&shop, &opened).await.status, PaymentStatus::Authorized, "the PSP still holds it");
    shop.world.clock.advance(Duration::from_mins(1));
    shop.sweep().await;
    let over = payment(&shop, &opened).await;
    assert_eq!(over.status, PaymentStatus::Canceled);
    assert_eq!(over.cancellation_reason.as_deref(), Some("authorization_expired"));
    assert_eq!(shop.told("payment.canceled").await, 1);
    shop.assert_sound().await;
}

/// At the moment the time is over a capture, a void and the sweep come together.
async fn capture_void_and_end_of_time_at_once_have_one_winner(world: World) {
    let shop = Shop::open(world).await;
    for _ in 0..5 {
        let opened = shop.held().await;
        shop.psp.ordered.lock().unwrap().clear();
        shop.world.clock.advance((DAY * 7).saturating_sub(Duration::from_millis(1)));
        let (one, two, swept, ()) = futures_util::join!(
            async { capture(&shop, &opened, None).await.is_ok() },
            async { cancel(&shop, &opened).await.is_ok() },
            payments::sweep(&shop.app),
            async { shop.world.clock.advance(Duration::from_millis(1)) },
        );
        swept.unwrap();
        assert!(!(one && two));
        shop.sweep().await;
        shop.sweep().await;
        assert_eq!(shop.psp.ordered.lock().unwrap().len(), 1);
        let after = payment(&shop, &opened).await;
        assert_eq!(after.status == PaymentStatus::Succeeded, one, "{after:?}");
        shop.assert_sound().await;
    }
}

async fn by_api_with_the_stand_in(world: World) {
    let gateway = world.gateway().await;
    let held = gateway.held_payment().await;
    let path = |what: &str| format!("/v1/payments/{held}{what}");
    let shown = gateway.get(&path("")).await.ok();
    assert_eq!((shown["status"].as_str(), shown["capturable"].as_str()), (Some("authorized"), Some("12000")));
    assert!(shown["authorization_expires_at"].is_string() && shown["captured"] == "0");
    for (body, code, param) in [
        (json!({ "amount": "0" }), "parameter_invalid", Some("amount")),
        (json!({ "amount": "1.5" }), "parameter_invalid", Some("amount")),
        (json!({ "amount": "12001" }), "capture_too_large", Some("amount")),
        (json!({ "sum": "1" }), "parameter_unknown", Some("sum")),
    ] {
        let answer = gateway.post(&path("/capture"), body.clone()).await;
        let problem = answer.any_problem();
        assert_eq!((problem["code"].as_str(), problem["param"].as_str()), (Some(code), param), "{body}");
    }
    let first = gateway.post_once(&path("/capture"), "capture-1", &json!({ "amount": "5000" })).await.ok();
    assert_eq!((first["status"].as_str(), first["captures"][0]["amount"].as_str()), (Some("succeeded"), Some("5000")));
    let again = gateway.post_once(&path("/capture"), "capture-1", &json!({ "amount": "5000" })).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &first));
    let paid = gateway.until(&path(""), |payment| payment["status"] == "succeeded").await;
    assert_eq!((paid["captured"].as_str(), paid["capturable"].as_str()), (Some("5000"), Some("0")));
    assert_eq!(paid["captures"][0]["status"], "succeeded");
    assert!(paid["captures"][0]["psp_reference"].as_str().unwrap().starts_with("scap_"));
    let late = gateway.post_once(&path("/cancel"), "cancel-1", &json!({})).await;
    assert_eq!(late.any_problem()["code"], "payment_not_cancelable");

    let held = gateway.held_payment().await;
    let path = |what: &str| format!("/v1/payments/{held}{what}");
    let gone = gateway.post_once(&path("/cancel"), "cancel-2", &json!({})).await.ok();
    assert_eq!(
        (gone["status"].as_str(), gone["cancellation_reason"].as_str()),
        (Some("canceled"), Some("requested_by_merchant"))
    );
    let nothing = gateway.post_once(&path("/capture"), "capture-2", &json!({})).await;
    assert_eq!(nothing.any_problem()["code"], "payment_not_authorized");
}

both_databases!(
    approval_holds_the_money_and_nothing_is_posted,
    a_capture_takes_all_once,
    a_part_is_shared_by_the_sellers_and_bounds_refunds,
    an_order_the_capture_does_not_reach_is_not_paid,
    what_is_canceled_is_let_go,
    an_open_payment_is_called_off_with_its_session,
    of_many_captures_and_voids_at_once_one_wins,
    an_answer_that_is_lost_is_asked_for_and_nothing_is_taken_twice,
    a_void_whose_outcome_is_not_known_lets_nothing_be_captured,
    a_capture_that_is_refused_leaves_the_money_held,
    a_refusal_of_a_repeat_is_not_believed_too_soon,
    a_hold_the_psp_has_let_go_ends_the_payment,
    what_nobody_asked_for_and_what_stays_unknown_is_a_persons,
    merchants_are_told_before_a_hold_ends_and_when_it_has,
    capture_void_and_end_of_time_at_once_have_one_winner,
    by_api_with_the_stand_in,
);
