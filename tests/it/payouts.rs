//! Payouts: never more than is available, never twice to the bank, never to a seller nobody verified, and the books say so
//! at every moment.

use std::time::Duration;

use serde_json::json;
use tollgate::db::query;
use tollgate::integrity::{self, Scope, State};
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::merchants::policies;
use tollgate::merchants::sellers::{self, Change, NewDestination, Verification};
use tollgate::payments;
use tollgate::payments::refunds::{self, NewRefund};
use tollgate::payouts::{self, AskError, Closed, DecideError, NewPayout, Payout, PayoutStatus};
use tollgate::psp::{NotDone, PayoutOutcome};
use tollgate::queue;
use tollgate::wallets::{self, WalletError};
use tollgate::words::{Currency, Money, OperatorId, SellerId};

use crate::support::scripted_bank::{failed, lost, paid, processing, returned};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

pub fn destination(token: &str) -> NewDestination {
    NewDestination {
        token: token.to_owned(),
        bank_name: Some("Hangang Bank".to_owned()),
        last4: Some("6789".to_owned()),
    }
}

/// A seller who may be paid out.
pub async fn verified_seller(shop: &Shop) -> SellerId {
    let seller = shop.second_seller().await;
    change_destination(shop, &seller, "dest_1").await;
    verify(shop, &seller, Verification::Verified).await;
    seller
}

pub async fn change_destination(shop: &Shop, seller: &SellerId, token: &str) {
    let change = Change { payout_destination: Some(Some(destination(token))), ..Change::default() };
    let mut tx = shop.world.db.begin().await.unwrap();
    let cooling = shop.app.config.payouts.cooling();
    payouts::change_seller(&mut tx, &shop.tenant, seller, &change, cooling, shop.world.now()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

pub async fn verify(shop: &Shop, seller: &SellerId, state: Verification) {
    let mut tx = shop.world.db.begin().await.unwrap();
    assert!(sellers::set_verification(&mut tx, &shop.tenant, seller, state, None, shop.world.now()).await.unwrap());
    tx.commit().await.unwrap();
}

/// Money that may be paid out, as fulfillment leaves it.
pub async fn earned(shop: &Shop, seller: &SellerId, source: &str, minor: i64, code: &str) {
    let posting = Posting {
        kind: "correction",
        source_id: source.to_owned(),
        tenant: shop.tenant.clone(),
        payment: None,
        transfers: vec![Transfer {
            debit: Account::Psp("scripted".to_owned()),
            credit: Account::Available(seller.clone()),
            amount: Money::of(minor, currency(code)).unwrap(),
        }],
        now: shop.world.now(),
    };
    let mut tx = shop.world.db.begin().await.unwrap();
    wallets::post(&mut tx, &[posting]).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn ask(shop: &Shop, seller: &SellerId, amount: &str, code: &str) -> Result<Payout, AskError> {
    let new = NewPayout {
        seller: seller.clone(),
        amount: amount.to_owned(),
        currency: currency(code),
        metadata: json!({}),
        period: None,
        asked_by: "key_test".to_owned(),
    };
    let mut tx = shop.world.db.begin().await.unwrap();
    let payout = payouts::ask(&shop.app, &mut tx, &shop.tenant, new, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(payout)
}

pub async fn status(shop: &Shop, payout: &Payout) -> PayoutStatus {
    payouts::find(&shop.world.db, &payout.id).await.unwrap().unwrap().status
}

/// Minor units that are available and on their way.
pub async fn wallet(shop: &Shop, seller: &SellerId) -> (i64, i64) {
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, seller).await.unwrap();
    (wallet[0].available, wallet[0].paying_out)
}

/// A seller who may be paid out, with so many cents available.
pub async fn seller_with(world: World, cents: i64) -> (Shop, SellerId) {
    let shop = Shop::open(world).await;
    let seller = verified_seller(&shop).await;
    earned(&shop, &seller, "1", cents, "USD").await;
    (shop, seller)
}

async fn told(shop: &Shop, payout: &Payout) -> Vec<String> {
    let events = tollgate::events::of_object(&shop.world.db, &shop.tenant, payout.id.as_str()).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

async fn journals(shop: &Shop, payout: &Payout) -> Vec<String> {
    let rows = query("select kind from journals where source_id = $1 order by id")
        .bind(payout.id.as_str())
        .all(&shop.world.db)
        .await
        .unwrap();
    // Two of one instant are in no order.
    let mut kinds: Vec<String> = rows.iter().map(|row| row.get("kind").unwrap()).collect();
    kinds.sort();
    kinds
}

pub async fn pass(shop: &Shop, span: Duration) {
    shop.world.clock.advance(span);
    shop.run_payout_jobs().await;
}

async fn the_money_is_held_before_the_bank_is_asked_and_gone_after(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    let payout = ask(&shop, &seller, "4.00", "USD").await.unwrap();
    assert_eq!((payout.status, wallet(&shop, &seller).await), (PayoutStatus::Pending, (600, 400)));
    assert!(shop.bank.orders.lock().unwrap().is_empty());
    shop.assert_sound().await;
    shop.run_payout_jobs().await;
    assert_eq!((status(&shop, &payout).await, wallet(&shop, &seller).await), (PayoutStatus::Processing, (600, 400)));
    shop.bank.all_are(&paid());
    pass(&shop, Duration::from_secs(6)).await;
    assert_eq!((status(&shop, &payout).await, wallet(&shop, &seller).await), (PayoutStatus::Paid, (600, 0)));
    assert_eq!(told(&shop, &payout).await, ["payout.created", "payout.paid"]);
    assert_eq!(journals(&shop, &payout).await, ["payout_asked", "payout_paid"]);
    assert_eq!(shop.bank.sent(), (1, 400));
    let calls = payouts::calls::of_payout(&shop.world.db, &payout.id).await.unwrap();
    let seen: Vec<_> = calls.iter().map(|call| (call.operation.as_str(), call.result.as_deref().unwrap())).collect();
    assert_eq!(seen, [("payout", "processing"), ("look_up_payout", "paid")]);
    shop.assert_sound().await;
}

async fn of_two_hundred_payouts_at_once_no_more_pass_than_is_available(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    let amounts: Vec<String> = (0..200_i64).map(|n| format!("0.{:02}", 7 + (n * 37) % 41)).collect();
    let asking = amounts.iter().map(|amount| ask(&shop, &seller, amount, "USD"));
    let mut held = 0;
    for payout in futures_util::future::join_all(asking).await {
        match payout {
            Ok(payout) => held += payout.amount.minor(),
            Err(AskError::Books(WalletError::NotEnough { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!((953..=1000).contains(&held), "all but the last crumbs are held: {held}");
    assert_eq!(wallet(&shop, &seller).await, (1000 - held, held));
    shop.run_payout_jobs().await;
    shop.bank.all_are(&paid());
    pass(&shop, Duration::from_secs(6)).await;
    assert_eq!(wallet(&shop, &seller).await, (1000 - held, 0));
    assert_eq!(shop.bank.sent().1, held);
    shop.assert_sound().await;
}

async fn a_lost_answer_is_looked_up_and_sends_nothing_twice(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(lost()));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!((status(&shop, &payout).await, wallet(&shop, &seller).await), (PayoutStatus::Processing, (0, 1000)));
    *shop.bank.away.lock().unwrap() = 1;
    pass(&shop, Duration::from_secs(10)).await;
    assert_eq!(wallet(&shop, &seller).await, (0, 1000), "unknown money stays held");
    shop.bank.all_are(&paid());
    pass(&shop, Duration::from_mins(1)).await;
    assert_eq!(status(&shop, &payout).await, PayoutStatus::Paid);
    assert_eq!((shop.bank.sent(), shop.bank.orders.lock().unwrap().len()), ((1, 1000), 1));
    shop.assert_sound().await;
}

async fn an_order_that_never_arrived_is_sent_again_under_its_key_and_its_refusal_proves_nothing(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    let away = || Err(NotDone::Unreachable { reason: "refused".to_owned(), after: None });
    shop.bank.will(away());
    shop.bank.will(Err(NotDone::Refused { code: "unauthorized".to_owned(), reason: "key".to_owned() }));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    pass(&shop, Duration::from_secs(10)).await;
    assert_eq!(status(&shop, &payout).await, PayoutStatus::Processing, "the first order may still be on its way");
    pass(&shop, Duration::from_secs(10)).await;
    shop.bank.all_are(&paid());
    pass(&shop, Duration::from_mins(1)).await;
    assert_eq!(status(&shop, &payout).await, PayoutStatus::Paid);
    let keys: Vec<String> = shop.bank.orders.lock().unwrap().iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys, vec![payout.id.to_string(); 3]);
    assert_eq!(shop.bank.sent(), (1, 1000));
}

async fn a_forgotten_key_is_not_sent_again_and_silence_ends_with_a_person(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    *shop.bank.key_lifetime.lock().unwrap() = Some(Duration::from_hours(1));
    shop.bank.will(Err(NotDone::Unreachable { reason: "refused".to_owned(), after: Some(Duration::from_hours(2)) }));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    pass(&shop, Duration::from_hours(2)).await;
    assert_eq!(shop.bank.orders.lock().unwrap().len(), 1, "its key may be forgotten");
    pass(&shop, Duration::from_hours(23)).await;
    let dead = queue::dead(&shop.world.db, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].key.as_str()), (1, payout.id.as_str()));
    assert!(dead[0].last_error.as_deref().unwrap().contains("past its deadline"), "{dead:?}");
    assert_eq!(wallet(&shop, &seller).await, (0, 1000), "the money stays held");
    shop.assert_sound().await;
}

async fn a_rejected_destination_gives_the_money_back(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(failed()));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!((status(&shop, &payout).await, wallet(&shop, &seller).await), (PayoutStatus::Failed, (1000, 0)));
    assert_eq!(told(&shop, &payout).await, ["payout.created", "payout.failed"]);
    assert_eq!(journals(&shop, &payout).await, ["payout_asked", "payout_failed"]);
    assert_eq!(shop.bank.sent(), (0, 0));
    shop.assert_sound().await;
}

async fn a_dead_account_is_paid_no_more_until_it_is_another_one_or_verified_again(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    let pays = async || match ask(&shop, &seller, "1.00", "USD").await {
        Ok(payout) => {
            shop.run_payout_jobs().await;
            Ok(payouts::find(&shop.world.db, &payout.id).await.unwrap().unwrap().status)
        }
        Err(AskError::Closed(closed)) => Err(closed.code()),
        Err(other) => panic!("{other}"),
    };
    let news = async || {
        let told = tollgate::events::of_object(&shop.world.db, &shop.tenant, seller.as_str()).await.unwrap();
        told.iter().filter(|event| event.kind == "seller.payout_destination_failed").count()
    };
    // What is not the account's fault shuts nothing.
    let fault = PayoutOutcome::Failed { code: "bank_is_closed".to_owned(), of_destination: false };
    shop.bank.will(Ok(fault));
    assert_eq!((pays().await, news().await), (Ok(PayoutStatus::Failed), 0));
    // Another one is under way when the first is refused: it does not leave either.
    let waiting = ask(&shop, &seller, "1.00", "USD").await.unwrap();
    let mut tx = shop.world.db.begin().await.unwrap();
    query("update payouts set status = 'processing', sent_at = 1 where id = $1")
        .bind(&waiting.id)
        .execute(&mut tx)
        .await
        .unwrap();
    let ordered = payouts::find(&mut tx, &waiting.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let second = ask(&shop, &seller, "1.00", "USD").await.unwrap();
    let mut tx = shop.world.db.begin().await.unwrap();
    payouts::settle_heard(&mut tx, ordered, &failed(), shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.run_payout_jobs().await;
    let unsent = payouts::find(&shop.world.db, &second.id).await.unwrap().unwrap();
    assert_eq!(unsent.failure_code.as_deref(), Some("payout_destination_failed"));
    assert_eq!((pays().await, news().await), (Err("payout_destination_failed"), 1));
    let shown = sellers::get(&shop.world.db, &shop.tenant, &seller).await.unwrap().unwrap();
    assert_eq!(shown.destination.unwrap().failure.unwrap().code, "invalid_destination");

    verify(&shop, &seller, Verification::Verified).await;
    shop.bank.will(Ok(returned()));
    assert_eq!(pays().await, Ok(PayoutStatus::Returned), "verified again it is tried");
    assert_eq!((pays().await, news().await), (Err("payout_destination_failed"), 2));
    change_destination(&shop, &seller, "dest_2").await;
    verify(&shop, &seller, Verification::Verified).await;
    shop.world.clock.advance(Duration::from_hours(24));
    shop.bank.will(Ok(paid()));
    assert_eq!(pays().await, Ok(PayoutStatus::Paid), "another account");
    assert_eq!(wallet(&shop, &seller).await, (900, 0));
    shop.assert_sound().await;
}

async fn money_that_comes_back_days_later_is_the_sellers_again_once(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(paid()));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!(status(&shop, &payout).await, PayoutStatus::Paid);
    shop.bank.all_are(&returned());
    // No webhook came: the daily look finds it.
    shop.world.clock.advance(Duration::from_hours(25));
    payouts::sweep(&shop.app).await.unwrap();
    payouts::sweep(&shop.app).await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!((status(&shop, &payout).await, wallet(&shop, &seller).await), (PayoutStatus::Returned, (1000, 0)));
    payouts::look(&shop.app, &payout.id).await.unwrap();
    assert_eq!(told(&shop, &payout).await, ["payout.created", "payout.paid", "payout.returned"]);
    assert_eq!(journals(&shop, &payout).await, ["payout_asked", "payout_paid", "payout_returned"]);
    shop.assert_sound().await;
}

async fn paid_and_returned_heard_at_once_are_both_in_the_books(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(returned()));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!(told(&shop, &payout).await, ["payout.created", "payout.paid", "payout.returned"]);
    assert_eq!(journals(&shop, &payout).await, ["payout_asked", "payout_paid", "payout_returned"]);
    assert_eq!(wallet(&shop, &seller).await, (1000, 0));
    shop.assert_sound().await;
}

async fn only_a_verified_seller_with_a_settled_destination_is_paid_out(world: World) {
    let shop = Shop::open(world).await;
    let seller = shop.second_seller().await;
    let closed = async || match ask(&shop, &seller, "1.00", "USD").await {
        Err(AskError::Closed(closed)) => closed,
        other => panic!("{other:?}"),
    };
    assert_eq!(closed().await, Closed::NoDestination);
    change_destination(&shop, &seller, "dest_1").await;
    earned(&shop, &seller, "1", 1000, "USD").await;
    for state in [Verification::Unverified, Verification::Pending, Verification::Rejected] {
        verify(&shop, &seller, state).await;
        assert_eq!(closed().await, Closed::NotVerified(state.as_str()));
    }
    verify(&shop, &seller, Verification::Verified).await;
    assert!(ask(&shop, &seller, "1.00", "USD").await.is_ok(), "the first destination needs no time to cool");
    // The same once more changes nothing; another one takes the verification away and waits.
    change_destination(&shop, &seller, "dest_1").await;
    assert!(ask(&shop, &seller, "1.00", "USD").await.is_ok());
    change_destination(&shop, &seller, "dest_of_a_thief").await;
    assert_eq!(closed().await, Closed::NotVerified("unverified"));
    verify(&shop, &seller, Verification::Verified).await;
    assert!(matches!(closed().await, Closed::Cooling(_)));
    shop.world.clock.advance(Duration::from_hours(24));
    assert!(ask(&shop, &seller, "1.00", "USD").await.is_ok());
    shop.assert_sound().await;
}

async fn what_was_asked_before_a_change_does_not_go_to_the_old_or_the_new_destination(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    change_destination(&shop, &seller, "dest_2").await;
    shop.run_payout_jobs().await;
    assert_eq!((status(&shop, &payout).await, wallet(&shop, &seller).await), (PayoutStatus::Failed, (1000, 0)));
    assert!(shop.bank.orders.lock().unwrap().is_empty());
    shop.assert_sound().await;
}

async fn a_payout_is_taken_back_only_before_it_is_ordered(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    let cancel = async |payout: &Payout| {
        let mut tx = shop.world.db.begin().await.unwrap();
        let canceled = payouts::cancel(&mut tx, &shop.tenant, &payout.id, shop.world.now()).await?;
        tx.commit().await.unwrap();
        Ok::<_, DecideError>(canceled)
    };
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    assert_eq!(cancel(&payout).await.unwrap().status, PayoutStatus::Canceled);
    assert_eq!(wallet(&shop, &seller).await, (1000, 0));
    shop.run_payout_jobs().await;
    assert!(shop.bank.orders.lock().unwrap().is_empty());
    assert!(matches!(cancel(&payout).await, Err(DecideError::TooLate("canceled"))));
    assert_eq!(told(&shop, &payout).await, ["payout.created", "payout.canceled"]);

    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    let (carried, canceled) = futures_util::future::join(shop.run_payout_jobs(), cancel(&payout)).await;
    let () = carried;
    let ordered = shop.bank.orders.lock().unwrap().len();
    assert_eq!(ordered == 1, canceled.is_err(), "either it is ordered or it is taken back");
    shop.assert_sound().await;
}

async fn above_the_limit_a_second_person_decides(world: World) {
    let (shop, seller) = seller_with(world, 5000).await;
    shop.limit_payouts("10.00", "USD").await;
    let small = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    assert_eq!(small.status, PayoutStatus::Pending);
    let large = ask(&shop, &seller, "10.01", "USD").await.unwrap();
    let refused = ask(&shop, &seller, "20.00", "USD").await.unwrap();
    assert_eq!(large.status, PayoutStatus::NeedsApproval);
    assert_eq!(wallet(&shop, &seller).await, (5000 - 4001, 4001), "the money is held while it waits");
    shop.run_payout_jobs().await;
    assert_eq!(shop.bank.sent(), (1, 1000));
    let (first, second) = (shop.operator("first@example.com").await, shop.operator("second@example.com").await);
    let own = ask_as(&shop, &seller, "30.00", &first).await;
    assert!(matches!(own, Err(AskError::Books(_))), "held money cannot be asked for twice");
    let own = ask_as(&shop, &seller, "9.99", &first).await.unwrap();
    assert_eq!(own.status, PayoutStatus::Pending);

    let mut tx = shop.world.db.begin().await.unwrap();
    payouts::approve(&mut tx, &large.id, &second, shop.world.now()).await.unwrap();
    payouts::reject(&mut tx, &refused.id, &second, shop.world.now()).await.unwrap();
    assert!(matches!(
        payouts::approve(&mut tx, &refused.id, &first, shop.world.now()).await,
        Err(DecideError::TooLate("canceled"))
    ));
    tx.commit().await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!(shop.bank.sent().1, 1000 + 1001 + 999);
    assert_eq!(status(&shop, &refused).await, PayoutStatus::Canceled);
    shop.assert_sound().await;
}

async fn what_waited_while_its_seller_came_to_owe_is_not_sent(world: World) {
    let (shop, seller) = seller_with(world, 10_000).await;
    shop.limit_payouts("50.00", "USD").await;
    let payout = ask(&shop, &seller, "100.00", "USD").await.unwrap();
    shop.owes(&seller, 10_000).await;
    let second = shop.operator("second@example.com").await;
    let mut tx = shop.world.db.begin().await.unwrap();
    payouts::approve(&mut tx, &payout.id, &second, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.run_payout_jobs().await;
    let known = payouts::find(&shop.world.db, &payout.id).await.unwrap().unwrap();
    assert_eq!((known.status, known.failure_code.as_deref()), (PayoutStatus::Failed, Some("seller_owes")));
    assert_eq!(shop.bank.sent(), (0, 0));
    assert_eq!(wallet(&shop, &seller).await, (0, 0), "what was held has paid it back");
    shop.assert_sound().await;
}

async fn whoever_asked_may_not_approve(world: World) {
    let (shop, seller) = seller_with(world, 5000).await;
    shop.limit_payouts("10.00", "USD").await;
    let first = shop.operator("first@example.com").await;
    let payout = ask_as(&shop, &seller, "20.00", &first).await.unwrap();
    let mut tx = shop.world.db.begin().await.unwrap();
    let approved = payouts::approve(&mut tx, &payout.id, &first, shop.world.now()).await;
    assert!(matches!(approved, Err(DecideError::SamePerson)));
}

async fn ask_as(shop: &Shop, seller: &SellerId, amount: &str, by: &OperatorId) -> Result<Payout, AskError> {
    let new = NewPayout {
        seller: seller.clone(),
        amount: amount.to_owned(),
        currency: currency("USD"),
        metadata: json!({}),
        period: None,
        asked_by: by.to_string(),
    };
    let mut tx = shop.world.db.begin().await.unwrap();
    let payout = payouts::ask(&shop.app, &mut tx, &shop.tenant, new, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(payout)
}

async fn a_seller_who_owes_is_not_paid_until_later_sales_have_paid_it_back(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(paid()));
    ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    shop.owes(&seller, 300).await;
    let none = async |amount: &str| {
        let refused = ask(&shop, &seller, amount, "USD").await;
        assert!(matches!(refused, Err(AskError::Books(WalletError::NotEnough { .. }))), "{refused:?}");
    };
    assert_eq!(wallet(&shop, &seller).await, (-300, 0));
    none("0.01").await;
    earned(&shop, &seller, "2", 300, "USD").await;
    none("0.01").await;
    earned(&shop, &seller, "3", 100, "USD").await;
    none("1.01").await;
    assert!(ask(&shop, &seller, "1.00", "USD").await.is_ok());
    shop.assert_sound().await;
}

async fn a_refund_after_the_payout_is_paid_back_by_the_next_sale(world: World) {
    let shop = Shop::open(world).await;
    let own = sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap().id;
    change_destination(&shop, &own, "dest_1").await;
    verify(&shop, &own, Verification::Verified).await;
    let sold = async || {
        let opened = shop.paid().await;
        let mut tx = shop.world.db.begin().await.unwrap();
        payments::fulfill(&mut tx, &shop.tenant, &opened.orders[0].id, shop.world.now()).await.unwrap();
        tx.commit().await.unwrap();
        opened
    };
    let opened = sold().await;
    shop.bank.will(Ok(paid()));
    ask(&shop, &own, "9.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    let allow = [("negative_balance", json!("allow"))];
    let refund = NewRefund { payment: opened.payment.id.clone(), amount: None, reason: None, metadata: json!({}) };
    let mut tx = shop.world.db.begin().await.unwrap();
    policies::change(&mut tx, &shop.tenant, &allow, "test", shop.world.now()).await.unwrap();
    refunds::ask(&mut tx, &shop.tenant, refund, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.run_jobs().await;
    assert_eq!(wallet(&shop, &own).await, (-900, 0));
    assert!(matches!(ask(&shop, &own, "0.01", "USD").await, Err(AskError::Books(WalletError::NotEnough { .. }))));
    sold().await;
    assert_eq!(wallet(&shop, &own).await, (100, 0), "nine of ten are paid back");
    assert!(matches!(ask(&shop, &own, "1.01", "USD").await, Err(AskError::Books(WalletError::NotEnough { .. }))));
    assert!(ask(&shop, &own, "1.00", "USD").await.is_ok());
    shop.assert_sound().await;
}

async fn each_currency_is_paid_out_in_its_own_units(world: World) {
    let shop = Shop::open(world).await;
    let seller = verified_seller(&shop).await;
    for (code, minor, amount, senseless) in [
        ("JPY", 1500, "1500", "15.00"),
        ("KRW", 20_000, "20000", "20000.0"),
        ("KWD", 1234, "1.234", "1.23"),
        ("USD", 1050, "10.50", "10.5"),
    ] {
        earned(&shop, &seller, code, minor, code).await;
        assert!(matches!(ask(&shop, &seller, senseless, code).await, Err(AskError::BadAmount(_))), "{senseless}");
        shop.bank.will(Ok(paid()));
        let payout = ask(&shop, &seller, amount, code).await.unwrap();
        shop.run_payout_jobs().await;
        assert_eq!(status(&shop, &payout).await, PayoutStatus::Paid);
        let view = payouts::view(&payouts::find(&shop.world.db, &payout.id).await.unwrap().unwrap());
        assert_eq!((view["amount"].as_str(), view["currency"].as_str()), (Some(amount), Some(code)));
        assert!(ask(&shop, &seller, amount, code).await.is_err(), "no other currency pays for it");
    }
    let wallets = wallets::of_seller(&shop.world.db, &shop.tenant, &seller).await.unwrap();
    assert!(wallets.iter().all(|wallet| (wallet.available, wallet.paying_out) == (0, 0)), "{wallets:?}");
    shop.assert_sound().await;
}

async fn a_provider_that_pays_what_failed_here_is_a_persons(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(failed()));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    let transfer = ("dest_1".to_owned(), 1000, processing());
    shop.bank.sent.lock().unwrap().insert(payout.id.to_string(), transfer);
    let looked = payouts::look(&shop.app, &payout.id).await;
    assert!(matches!(looked, Err(payouts::PayoutError::Contradiction { .. })), "{looked:?}");
    assert_eq!(wallet(&shop, &seller).await, (1000, 0));
}

async fn a_refusal_is_believed_once_no_order_before_it_can_still_arrive(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Err(NotDone::Unreachable { reason: "no route".to_owned(), after: None }));
    shop.bank.will(Err(NotDone::Refused { code: "unauthorized".to_owned(), reason: "key".to_owned() }));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    assert_eq!(status(&shop, &payout).await, PayoutStatus::Processing);
    pass(&shop, Duration::from_mins(2)).await;
    let failed = payouts::find(&shop.world.db, &payout.id).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.failure_code.as_deref()), (PayoutStatus::Failed, Some("unauthorized")));
    assert_eq!((wallet(&shop, &seller).await, shop.bank.sent().0), ((1000, 0), 0));
    shop.assert_sound().await;
}

async fn a_retry_does_not_end_what_a_provider_contradicts(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(lost()));
    let payout = ask(&shop, &seller, "10.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    // Somebody settles it as not done while its job still asks; then the bank says that it is paid.
    let mut tx = shop.world.db.begin().await.unwrap();
    let ordered = payouts::find(&mut tx, &payout.id).await.unwrap().unwrap();
    payouts::settle_heard(&mut tx, ordered, &failed(), shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.bank.all_are(&paid());
    for tried in ["first", "again"] {
        let asked = payouts::carry_out(&shop.app, &payout.id).await;
        assert!(matches!(asked, Err(payouts::PayoutError::Contradiction { .. })), "{tried}: {asked:?}");
    }
    assert_eq!(wallet(&shop, &seller).await, (1000, 0));
}

/// The laws of payouts can fail: each is broken by hand and must be named.
async fn what_somebody_with_the_database_does_to_a_payout_is_found(world: World) {
    let (shop, seller) = seller_with(world, 1000).await;
    shop.bank.will(Ok(paid()));
    ask(&shop, &seller, "4.00", "USD").await.unwrap();
    shop.run_payout_jobs().await;
    ask(&shop, &seller, "1.00", "USD").await.unwrap();
    shop.assert_sound().await;
    for (attack, law, repair) in [
        (
            "update payouts set amount = 401 where status = 'paid'",
            "payouts_are_posted",
            "update payouts set amount = 400 where status = 'paid'",
        ),
        (
            "update payouts set status = 'returned', failure_code = 'x', returned_at = 1 where status = 'paid'",
            "payouts_are_posted",
            "update payouts set status = 'paid', failure_code = null, returned_at = null where status = 'returned'",
        ),
        (
            "update payouts set amount = 99 where status = 'pending'",
            "payouts_are_held",
            "update payouts set amount = 100 where status = 'pending'",
        ),
        (
            "update payouts set amount = 5000 where status = 'paid'",
            "payouts_are_held",
            "update payouts set amount = 400 where status = 'paid'",
        ),
        (
            "update events set kind = 'payout.created' where kind = 'payout.paid'",
            "final_states_are_told",
            "update events set kind = 'payout.paid' where kind = 'payout.created' and sequence = 2",
        ),
    ] {
        alter(&shop, attack).await;
        let report = integrity::check(&shop.world.db, Scope::Everything).await.unwrap();
        let broken = report.checks.iter().any(|check| check.name == law && check.state == State::Broken);
        assert!(broken, "{attack}: {report:#?}");
        alter(&shop, repair).await;
        shop.assert_sound().await;
    }
}

async fn alter(shop: &Shop, statement: &'static str) {
    let mut tx = shop.world.db.begin().await.unwrap();
    query(statement).execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

both_databases!(
    what_somebody_with_the_database_does_to_a_payout_is_found,
    the_money_is_held_before_the_bank_is_asked_and_gone_after,
    of_two_hundred_payouts_at_once_no_more_pass_than_is_available,
    a_lost_answer_is_looked_up_and_sends_nothing_twice,
    an_order_that_never_arrived_is_sent_again_under_its_key_and_its_refusal_proves_nothing,
    a_forgotten_key_is_not_sent_again_and_silence_ends_with_a_person,
    a_rejected_destination_gives_the_money_back,
    a_dead_account_is_paid_no_more_until_it_is_another_one_or_verified_again,
    money_that_comes_back_days_later_is_the_sellers_again_once,
    paid_and_returned_heard_at_once_are_both_in_the_books,
    only_a_verified_seller_with_a_settled_destination_is_paid_out,
    what_was_asked_before_a_change_does_not_go_to_the_old_or_the_new_destination,
    a_payout_is_taken_back_only_before_it_is_ordered,
    above_the_limit_a_second_person_decides,
    what_waited_while_its_seller_came_to_owe_is_not_sent,
    whoever_asked_may_not_approve,
    a_seller_who_owes_is_not_paid_until_later_sales_have_paid_it_back,
    a_refund_after_the_payout_is_paid_back_by_the_next_sale,
    each_currency_is_paid_out_in_its_own_units,
    a_provider_that_pays_what_failed_here_is_a_persons,
    a_refusal_is_believed_once_no_order_before_it_can_still_arrive,
    a_retry_does_not_end_what_a_provider_contradicts,
);
