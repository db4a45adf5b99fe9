//! Disputes: heard once whatever the order, contested money held apart, never given back and lost as well.

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tollgate::db::query;
use tollgate::integrity::Scope;
use tollgate::ledger::{Account, Posting, Transfer};
use tollgate::payments::captures::{self, NewCapture};
use tollgate::payments::disputes::{self, Answered, Dispute, Filter, Texts};
use tollgate::payments::refunds::{self, NewRefund, RefundError, RefundStatus};
use tollgate::payments::{self, Opened, PaymentError};
use tollgate::psp::{DisputeStatus, Doubt, EvidenceOutcome, NotDone, RefundOutcome};
use tollgate::queue::Verdict;
use tollgate::words::{Page, SellerId};
use tollgate::{merchants, queue, wallets};

use crate::support::scripted_psp::{Ends, approved};
use crate::support::shop::Shop;
use crate::support::{Gateway, World, both_databases};

both_databases!(
    contested_money_is_held_apart_and_then_lost,
    what_is_won_is_as_it_was_before,
    what_is_delivered_while_contested_is_available_when_won,
    sellers_bear_their_shares_and_the_platform_keeps_its_fee,
    whatever_is_heard_twice_or_in_the_wrong_order_is_settled_once,
    at_once_heard_by_many_it_is_in_the_books_once,
    one_that_is_closed_before_we_hear_of_it_is_opened_and_closed,
    a_dispute_whose_webhook_was_lost_is_found_by_the_watch,
    what_is_contested_is_not_given_back_as_well,
    a_dispute_and_a_refund_at_once_do_not_take_more_than_there_is,
    a_refund_that_a_dispute_overtakes_is_not_ordered_and_the_money_held_once,
    a_refund_that_was_lost_on_its_way_is_not_ordered_again_once_contested,
    money_that_was_paid_out_is_owed,
    a_seller_whose_only_sale_was_all_fee_owes_what_is_contested,
    what_cannot_be_is_a_persons,
    one_whose_capture_is_not_known_yet_waits_for_it,
    what_was_never_captured_is_a_persons_after_a_day,
    evidence_reaches_the_psp_once_although_the_answer_is_lost,
    evidence_is_refused_after_the_deadline_the_end_and_the_first,
    evidence_the_psp_does_not_want_may_be_written_anew,
    a_dispute_that_is_accepted_is_lost_once_although_the_answer_is_lost,
    what_was_accepted_is_not_answered_and_what_was_answered_not_accepted,
    an_acceptance_the_psp_does_not_want_is_told_and_may_be_said_anew,
    a_fee_that_is_told_at_the_end_is_booked_then_and_once,
    by_api_a_disputed_card_is_accepted_and_lost,
    merchants_are_warned_once_before_evidence_is_due,
    books_that_do_not_tell_what_a_dispute_is_are_named,
    by_api_a_disputed_card_is_answered_and_won,
);

fn contest(shop: &Shop, opened: &Opened, reference: &str, minor: i64) {
    shop.psp.contest(&format!("psp_{}", opened.payment.id), reference, minor, shop.world.now());
}

async fn look(shop: &Shop, opened: &Opened) {
    disputes::look(&shop.app, &opened.payment.id).await.unwrap();
}

async fn only(shop: &Shop, opened: &Opened) -> Dispute {
    let all = disputes::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    assert_eq!(all.len(), 1);
    all.into_iter().next().unwrap()
}

async fn own(shop: &Shop) -> SellerId {
    merchants::sellers::self_seller(&shop.world.db, &shop.tenant).await.unwrap().id
}

/// Minor units that are pending, available and reserved for a seller.
async fn wallet(shop: &Shop, seller: &SellerId) -> (i64, i64, i64) {
    let wallet = wallets::of_seller(&shop.world.db, &shop.tenant, seller).await.unwrap();
    (wallet[0].pending, wallet[0].available, wallet[0].reserved)
}

/// What an account has been debited more than credited, in minor units.
async fn balance(shop: &Shop, account: &'static str) -> i64 {
    query(
        "select cast(coalesce(sum(case when debit_account = $1 then amount else -amount end), 0) as bigint) as n
         from transfers where debit_account = $1 or credit_account = $1",
    )
    .bind(account)
    .one(&shop.world.db)
    .await
    .unwrap()
    .get("n")
    .unwrap()
}

async fn refund(shop: &Shop, opened: &Opened, amount: Option<&str>) -> Result<refunds::Refund, RefundError> {
    let new = NewRefund {
        payment: opened.payment.id.clone(),
        amount: amount.map(str::to_owned),
        reason: None,
        metadata: json!({}),
    };
    let mut tx = shop.world.db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &shop.tenant, new, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(refund)
}

async fn answer(shop: &Shop, dispute: &Dispute) -> Result<(), Answered> {
    let texts = Texts(vec![("explanation", "It was delivered.".to_owned())]);
    let mut tx = shop.world.db.begin().await.unwrap();
    disputes::answer(&mut tx, &shop.tenant, &dispute.id, texts, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn told(shop: &Shop, kind: &'static str) -> i64 {
    query("select count(*) as n from events where kind = $1")
        .bind(kind)
        .one(&shop.world.db)
        .await
        .unwrap()
        .get("n")
        .unwrap()
}

async fn contested_money_is_held_apart_and_then_lost(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let seller = own(&shop).await;
    contest(&shop, &opened, "dp_at_psp", 400);
    look(&shop, &opened).await;
    let dispute = only(&shop, &opened).await;
    assert_eq!((dispute.status, dispute.amount.minor(), dispute.fee.minor()), (DisputeStatus::NeedsResponse, 400, 15));
    assert_eq!(wallet(&shop, &seller).await, (600, 0, 400), "neither to be spent nor lost");
    let at = async |account| balance(&shop, account).await;
    assert_eq!((at("disputes").await, at("psp:scripted").await, at("fees:psp").await), (400, 1000 - 400 - 15, 15));
    let payment = payments::store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(payment.disputed.minor(), 400);
    shop.assert_sound().await;

    shop.psp.rule("dp_at_psp", DisputeStatus::Lost);
    look(&shop, &opened).await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::Lost);
    assert_eq!(wallet(&shop, &seller).await, (600, 0, 0));
    assert_eq!((at("disputes").await, at("psp:scripted").await), (0, 585));
    assert_eq!((told(&shop, "dispute.opened").await, told(&shop, "dispute.closed").await), (1, 1));
    assert_eq!(shop.count("select count(*) as n from psp_calls where operation = 'look_up_dispute'").await, 2);
    shop.assert_sound().await;
    assert!(
        matches!(refund(&shop, &opened, Some("6.01")).await, Err(RefundError::Contested { .. })),
        "lost stays gone"
    );
    assert!(refund(&shop, &opened, None).await.is_ok());
    assert_eq!(wallet(&shop, &seller).await, (0, 0, 600));
}

async fn what_is_won_is_as_it_was_before(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let seller = own(&shop).await;
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    shop.psp.rule("d", DisputeStatus::UnderReview);
    look(&shop, &opened).await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::UnderReview);
    shop.psp.rule("d", DisputeStatus::Won);
    look(&shop, &opened).await;
    assert_eq!(wallet(&shop, &seller).await, (1000, 0, 0));
    assert_eq!((balance(&shop, "disputes").await, balance(&shop, "psp:scripted").await), (0, 985), "but for the fee");
    assert!(refund(&shop, &opened, None).await.is_ok(), "all of it may be given back again");
    shop.assert_sound().await;
}

async fn what_is_delivered_while_contested_is_available_when_won(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let seller = own(&shop).await;
    contest(&shop, &opened, "d", 400);
    look(&shop, &opened).await;
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::fulfill(&mut tx, &shop.tenant, &opened.orders[0].id, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(wallet(&shop, &seller).await, (0, 600, 400), "what is contested is not delivered to the seller");
    shop.assert_sound().await;
    shop.psp.rule("d", DisputeStatus::Won);
    look(&shop, &opened).await;
    assert_eq!(wallet(&shop, &seller).await, (0, 1000, 0));
    shop.assert_sound().await;
}

async fn sellers_bear_their_shares_and_the_platform_keeps_its_fee(world: World) {
    let shop = Shop::open(world).await;
    let second = shop.second_seller().await;
    let opened = shop.unregistered(Some(&second), Some("1.00")).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    shop.pay(&opened).await;
    contest(&shop, &opened, "one", 501);
    look(&shop, &opened).await;
    let parts: Vec<i64> = only(&shop, &opened).await.parts.iter().map(|part| part.amount.minor()).collect();
    assert_eq!(parts, [251, 250], "largest remainder, the first order owns the odd unit");
    contest(&shop, &opened, "rest", 1499);
    look(&shop, &opened).await;
    let sellers = [opened.orders[0].seller.clone(), second];
    for (seller, fee) in sellers.iter().zip([50, 50]) {
        assert_eq!(wallet(&shop, seller).await, (0, -fee, 1000), "the fee was earned with the sale");
    }
    shop.assert_sound().await;
    shop.psp.rule("one", DisputeStatus::Won);
    shop.psp.rule("rest", DisputeStatus::Lost);
    look(&shop, &opened).await;
    let (first, other) = (wallet(&shop, &sellers[0]).await, wallet(&shop, &sellers[1]).await);
    assert_eq!(first.0 + first.1 + other.0 + other.1, 501 - 100);
    assert_eq!((first.2, other.2), (0, 0));
    assert_eq!(balance(&shop, "fees:platform").await, -100);
    shop.assert_sound().await;
}

fn signed() -> HeaderMap {
    HeaderMap::from_iter([("signature".parse().unwrap(), "yes".parse().unwrap())])
}

/// The worker deals with every webhook that came in.
async fn read_notices(shop: &Shop) {
    let mut tx = shop.world.db.begin().await.unwrap();
    let jobs = queue::claim(&mut tx, "payments", 100, shop.world.now(), Duration::from_mins(1)).await.unwrap();
    tx.commit().await.unwrap();
    for job in jobs.iter().filter(|job| job.kind == payments::jobs::NOTICE) {
        payments::read_notice(&shop.app, &job.key.parse().unwrap()).await.unwrap();
        let mut tx = shop.world.db.begin().await.unwrap();
        queue::done(&mut tx, job).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn whatever_is_heard_twice_or_in_the_wrong_order_is_settled_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let hear = async |event: &str| {
        let body = format!("{event} psp_{}", opened.payment.id);
        payments::receive(&shop.app, "scripted", &signed(), body.as_bytes()).await.unwrap();
        read_notices(&shop).await;
    };
    contest(&shop, &opened, "d", 400);
    shop.psp.rule("d", DisputeStatus::Lost);
    hear("dispute_closed").await;
    hear("dispute_closed").await;
    hear("dispute_opened").await;
    // An answer that is older than what we know changes nothing.
    shop.psp.rule("d", DisputeStatus::NeedsResponse);
    hear("dispute_again").await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::Lost);
    assert_eq!((told(&shop, "dispute.opened").await, told(&shop, "dispute.closed").await), (1, 1));
    let journals = "select count(*) as n from journals where kind in ('dispute_opened', 'dispute_lost')";
    assert_eq!(shop.count(journals).await, 2);
    shop.assert_sound().await;
}

async fn at_once_heard_by_many_it_is_in_the_books_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 700);
    futures_util::future::join_all((0..8).map(|_| look(&shop, &opened))).await;
    shop.psp.rule("d", DisputeStatus::Won);
    futures_util::future::join_all((0..8).map(|_| look(&shop, &opened))).await;
    assert_eq!(wallet(&shop, &own(&shop).await).await, (1000, 0, 0));
    assert_eq!((told(&shop, "dispute.opened").await, told(&shop, "dispute.closed").await), (1, 1));
    shop.assert_sound().await;
}

async fn one_that_is_closed_before_we_hear_of_it_is_opened_and_closed(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 1000);
    shop.psp.rule("d", DisputeStatus::Won);
    look(&shop, &opened).await;
    let dispute = only(&shop, &opened).await;
    assert!(dispute.closed_at.is_some());
    let events = tollgate::events::of_object(&shop.world.db, &shop.tenant, dispute.id.as_str()).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| (event.kind.as_str(), event.object["status"].as_str())).collect();
    assert_eq!(kinds, [("dispute.opened", Some("needs_response")), ("dispute.closed", Some("won"))]);
    assert_eq!(wallet(&shop, &own(&shop).await).await, (1000, 0, 0));
    shop.assert_sound().await;
}

async fn a_dispute_whose_webhook_was_lost_is_found_by_the_watch(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    shop.sweep().await;
    shop.world.clock.advance(Duration::from_mins(3));
    contest(&shop, &opened, "d", 400);
    shop.sweep().await;
    assert!(disputes::of_payment(&shop.world.db, &opened.payment.id).await.unwrap().is_empty(), "not asked yet");
    shop.world.clock.advance(Duration::from_mins(10));
    shop.sweep().await;
    // The list leaves a look at the payment.
    shop.run_jobs().await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::NeedsResponse);
    // And so is its end.
    shop.psp.rule("d", DisputeStatus::Lost);
    shop.world.clock.advance(Duration::from_mins(61));
    shop.sweep().await;
    shop.run_jobs().await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::Lost);
    shop.assert_sound().await;
}

async fn what_is_contested_is_not_given_back_as_well(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    refund(&shop, &opened, Some("1.00")).await.unwrap();
    contest(&shop, &opened, "d", 400);
    look(&shop, &opened).await;
    match refund(&shop, &opened, Some("5.01")).await {
        Err(error @ RefundError::Contested { .. }) => {
            assert_eq!(
                error.to_string(),
                "4.00 of the payment is contested by the shopper's bank; at most 5.00 is left to refund"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(refund(&shop, &opened, None).await.unwrap().amount.minor(), 500, "the rest may be given back");
    assert!(matches!(refund(&shop, &opened, None).await, Err(RefundError::Contested { .. })));
    shop.assert_sound().await;
}

async fn a_dispute_and_a_refund_at_once_do_not_take_more_than_there_is(world: World) {
    let shop = Shop::open(world).await;
    for round in 0..6 {
        let opened = shop.paid().await;
        let reference = format!("d{round}");
        contest(&shop, &opened, &reference, 700);
        let (asked, ()) = futures_util::future::join(refund(&shop, &opened, Some("5.00")), look(&shop, &opened)).await;
        let payment = payments::store::find(&shop.world.db, &opened.payment.id).await.unwrap().unwrap();
        assert_eq!(payment.disputed.minor(), 700, "the PSP has taken it: nobody is asked");
        match asked {
            // Held before the dispute was heard of: the PSP, which has only so much of it, decides.
            Ok(refund) => assert_eq!((refund.amount.minor(), payment.refunded.minor()), (500, 500)),
            Err(RefundError::Contested { .. } | RefundError::TooMuch(_)) => assert!(payment.refunded.is_zero()),
            Err(other) => panic!("{other}"),
        }
        shop.assert_sound().await;
    }
}

async fn a_refund_that_a_dispute_overtakes_is_not_ordered_and_the_money_held_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    refund(&shop, &opened, None).await.unwrap();
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    let seller = own(&shop).await;
    assert_eq!(wallet(&shop, &seller).await, (0, -1000, 2000), "both want it, until one of them gives way");
    shop.assert_sound().await;
    shop.run_jobs().await;
    assert!(shop.psp.refunds.lock().unwrap().is_empty(), "given back as well, it would be lost twice");
    let (pending, available, reserved) = wallet(&shop, &seller).await;
    assert_eq!((pending + available, reserved), (0, 1000), "held once");
    shop.psp.rule("d", DisputeStatus::Lost);
    look(&shop, &opened).await;
    let (pending, available, reserved) = wallet(&shop, &seller).await;
    assert_eq!((pending + available, reserved), (0, 0));
    shop.assert_sound().await;
}

async fn a_refund_that_was_lost_on_its_way_is_not_ordered_again_once_contested(world: World) {
    let shop = Shop::open(world).await;
    for arrives in [false, true] {
        let opened = shop.paid().await;
        let asked = refund(&shop, &opened, None).await.unwrap();
        let lost = Ok(RefundOutcome::Unknown(Doubt::of("reset")));
        shop.psp.refund_answers.lock().unwrap().push_back(lost);
        shop.run_jobs().await;
        let order = shop.psp.refunds.lock().unwrap().pop().unwrap();
        contest(&shop, &opened, &format!("d{arrives}"), 1000);
        look(&shop, &opened).await;
        let known = async || refunds::find(&shop.world.db, &asked.id).await.unwrap().unwrap();
        shop.world.clock.advance(Duration::from_secs(10));
        shop.run_jobs().await;
        assert_eq!(known().await.status, RefundStatus::Pending, "the order may still arrive");
        if arrives {
            shop.psp.refunds.lock().unwrap().push(order);
        }
        shop.world.clock.advance(Duration::from_mins(2));
        shop.run_jobs().await;
        if arrives {
            assert_eq!(known().await.status, RefundStatus::Succeeded);
        } else {
            assert_eq!(known().await.failure_code.as_deref(), Some("payment_disputed"));
            assert!(shop.psp.refunds.lock().unwrap().is_empty(), "given back as well, it would be lost twice");
        }
        shop.assert_sound().await;
    }
}

async fn money_that_was_paid_out_is_owed(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let seller = own(&shop).await;
    let (tenant, now) = (shop.tenant.clone(), shop.world.now());
    let mut tx = shop.world.db.begin().await.unwrap();
    payments::fulfill(&mut tx, &tenant, &opened.orders[0].id, now).await.unwrap();
    let gone = Posting {
        kind: "correction",
        source_id: "paid-out".to_owned(),
        tenant,
        payment: None,
        transfers: vec![Transfer {
            debit: Account::Available(seller.clone()),
            credit: Account::Bank,
            amount: opened.payment.amount,
        }],
        now,
    };
    wallets::post(&mut tx, &[gone]).await.unwrap();
    tx.commit().await.unwrap();
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    assert_eq!(wallet(&shop, &seller).await, (0, -1000, 1000));
    shop.psp.rule("d", DisputeStatus::Lost);
    look(&shop, &opened).await;
    assert_eq!(wallet(&shop, &seller).await, (0, -1000, 0), "the seller owes it");
    shop.assert_sound().await;
    // Later sales pay for it.
    shop.paid().await;
    assert_eq!(wallet(&shop, &seller).await, (1000, -1000, 0));
    shop.assert_sound().await;
}

async fn a_seller_whose_only_sale_was_all_fee_owes_what_is_contested(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.unregistered(None, Some("10.00")).await;
    payments::register(&shop.app, &opened.payment.id).await.unwrap();
    shop.psp.will(approved());
    shop.pay(&opened).await;
    assert_eq!(shop.count("select count(*) as n from wallets").await, 0);
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    assert_eq!(told(&shop, "dispute.opened").await, 1);
    assert_eq!(wallet(&shop, &own(&shop).await).await, (0, -1000, 1000));
    shop.assert_sound().await;
}

async fn what_cannot_be_is_a_persons(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    let refused = async || disputes::look(&shop.app, &opened.payment.id).await;
    contest(&shop, &opened, "too_much", 1001);
    assert!(matches!(refused().await, Err(PaymentError::DisputeContradiction { .. })), "more than was captured");
    contest(&shop, &opened, "d", 1000);
    assert!(refused().await.is_err());
    assert_eq!(only(&shop, &opened).await.psp_reference, "d", "the other one is in the books all the same");
    shop.psp.disputes.lock().unwrap().remove(0);
    shop.psp.rule("d", DisputeStatus::Won);
    look(&shop, &opened).await;
    shop.psp.rule("d", DisputeStatus::Lost);
    let error = refused().await.unwrap_err();
    assert!(error.to_string().contains("as lost of 10.00 USD"), "{error}");
    assert_eq!(wallet(&shop, &own(&shop).await).await, (1000, 0, 0), "nothing was half done");
    shop.assert_sound().await;
}

/// The answer to the capture is lost, and the bank is quicker than our next look.
async fn one_whose_capture_is_not_known_yet_waits_for_it(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    shop.psp.ends.lock().unwrap().push_back(Ends::Unheard);
    let mut tx = shop.world.db.begin().await.unwrap();
    let new = NewCapture { payment: opened.payment.id.clone(), amount: None };
    captures::capture(&mut tx, &shop.tenant, &new, shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    shop.run_jobs().await;
    contest(&shop, &opened, "d", 1000);

    // By its webhook, and by the list that is asked for what no webhook told.
    let body = format!("dispute_opened psp_{}", opened.payment.id);
    payments::receive(&shop.app, "scripted", &signed(), body.as_bytes()).await.unwrap();
    let notice = query("select id from psp_events").one(&shop.world.db).await.unwrap().get::<String>("id").unwrap();
    let heard = payments::read_notice(&shop.app, &notice.parse().unwrap()).await.unwrap();
    assert!(matches!(heard, Verdict::Again { .. }), "{heard:?}");
    let looked = disputes::look_again(&shop.app, &opened.payment.id).await.unwrap();
    assert!(matches!(looked, Verdict::Again { .. }), "{looked:?}");

    shop.world.clock.advance(Duration::from_secs(30));
    shop.run_jobs().await;
    look(&shop, &opened).await;
    assert_eq!(only(&shop, &opened).await.amount.minor(), 1000);
    shop.assert_sound().await;
}

/// Nothing that was ever taken is contested: past a day that is no matter of waiting.
async fn what_was_never_captured_is_a_persons_after_a_day(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.held().await;
    contest(&shop, &opened, "d", 1000);
    shop.world.clock.advance(Duration::from_hours(25));
    let refused = disputes::look(&shop.app, &opened.payment.id).await;
    assert!(matches!(refused, Err(PaymentError::DisputeContradiction { .. })), "{refused:?}");
}

async fn evidence_reaches_the_psp_once_although_the_answer_is_lost(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    let dispute = only(&shop, &opened).await;
    answer(&shop, &dispute).await.unwrap();
    let lost = Ok(EvidenceOutcome::Unknown(Doubt::of("reset")));
    shop.psp.evidence_answers.lock().unwrap().push_back(lost);
    shop.run_jobs().await;
    shop.world.clock.advance(Duration::from_secs(30));
    shop.run_jobs().await;
    let evidence = disputes::evidence_of(&shop.world.db, &dispute.id).await.unwrap().unwrap();
    assert_eq!(evidence.status.as_str(), "taken");
    assert_eq!(*shop.psp.evidence.lock().unwrap(), [evidence.id.to_string()], "found, not sent again");
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::UnderReview);
    assert_eq!(told(&shop, "dispute.evidence_submitted").await, 1);
    assert_eq!(shop.count("select count(*) as n from psp_calls where operation = 'dispute_evidence'").await, 1);
    shop.assert_sound().await;
}

async fn evidence_is_refused_after_the_deadline_the_end_and_the_first(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "one", 300);
    contest(&shop, &opened, "two", 300);
    look(&shop, &opened).await;
    let all = disputes::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    let (one, other) = futures_util::future::join(answer(&shop, &all[0]), answer(&shop, &all[0])).await;
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    shop.run_jobs().await;
    assert!(matches!(answer(&shop, &all[0]).await, Err(Answered::Already)));
    shop.world.clock.advance(Duration::from_hours(7 * 24));
    assert!(matches!(answer(&shop, &all[1]).await, Err(Answered::TooLate(_))));
    shop.psp.rule("two", DisputeStatus::Lost);
    look(&shop, &opened).await;
    assert!(matches!(answer(&shop, &all[1]).await, Err(Answered::Closed("lost"))));
    assert_eq!(shop.psp.evidence.lock().unwrap().len(), 1);
    let lost = Filter { status: Some(DisputeStatus::Lost), ..Filter::default() };
    let listed = disputes::list(&shop.world.db, Some(&shop.tenant), &lost, &Page::newest(10)).await.unwrap();
    assert_eq!(listed.items.len(), 1);
}

async fn evidence_the_psp_does_not_want_may_be_written_anew(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    let dispute = only(&shop, &opened).await;
    for not_taken in [
        Ok(EvidenceOutcome::Refused { psp_code: "too_short".to_owned() }),
        Err(NotDone::Refused { code: "field_unknown".to_owned(), reason: "no".to_owned() }),
    ] {
        answer(&shop, &dispute).await.unwrap();
        shop.psp.evidence_answers.lock().unwrap().push_back(not_taken);
        shop.run_jobs().await;
    }
    let away = Err(NotDone::Unreachable { reason: "429".to_owned(), after: Some(Duration::from_secs(90)) });
    answer(&shop, &dispute).await.unwrap();
    shop.psp.evidence_answers.lock().unwrap().push_back(away);
    shop.run_jobs().await;
    shop.world.clock.advance(Duration::from_secs(91));
    shop.run_jobs().await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::UnderReview);
    assert_eq!(
        (told(&shop, "dispute.evidence_refused").await, told(&shop, "dispute.evidence_submitted").await),
        (2, 1)
    );
    shop.assert_sound().await;
}

async fn accept(shop: &Shop, dispute: &Dispute) -> Result<(), Answered> {
    let mut tx = shop.world.db.begin().await.unwrap();
    disputes::accept(&mut tx, &shop.tenant, &dispute.id, shop.world.now()).await?;
    tx.commit().await.unwrap();
    Ok(())
}

async fn a_dispute_that_is_accepted_is_lost_once_although_the_answer_is_lost(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    let dispute = only(&shop, &opened).await;
    // Giving in is not too late when the time for evidence is over.
    shop.world.clock.advance(Duration::from_hours(7 * 24));
    accept(&shop, &dispute).await.unwrap();
    let lost = Ok(EvidenceOutcome::Unknown(Doubt::of("reset")));
    shop.psp.evidence_answers.lock().unwrap().push_back(lost);
    shop.run_jobs().await;
    shop.world.clock.advance(Duration::from_secs(30));
    shop.run_jobs().await;
    let acceptance = disputes::evidence_of(&shop.world.db, &dispute.id).await.unwrap().unwrap();
    assert_eq!((acceptance.gives_in, acceptance.status.as_str()), (true, "taken"));
    assert_eq!(*shop.psp.evidence.lock().unwrap(), [acceptance.id.to_string()], "found, not sent again");
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::Lost);
    assert_eq!(wallet(&shop, &own(&shop).await).await, (0, 0, 0));
    assert_eq!((told(&shop, "dispute.closed").await, told(&shop, "dispute.evidence_submitted").await), (1, 0));
    assert_eq!(shop.count("select count(*) as n from psp_calls where operation = 'dispute_evidence'").await, 1);
    shop.assert_sound().await;
}

async fn what_was_accepted_is_not_answered_and_what_was_answered_not_accepted(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "one", 300);
    contest(&shop, &opened, "two", 300);
    look(&shop, &opened).await;
    let all = disputes::of_payment(&shop.world.db, &opened.payment.id).await.unwrap();
    let (one, other) = futures_util::future::join(accept(&shop, &all[0]), answer(&shop, &all[0])).await;
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    answer(&shop, &all[1]).await.unwrap();
    assert!(matches!(accept(&shop, &all[1]).await, Err(Answered::Already)));
    shop.run_jobs().await;
    assert!(matches!(accept(&shop, &all[1]).await, Err(Answered::Already)));
    shop.psp.rule("two", DisputeStatus::Won);
    look(&shop, &opened).await;
    assert!(matches!(accept(&shop, &all[1]).await, Err(Answered::Closed("won"))));
    shop.assert_sound().await;
}

async fn an_acceptance_the_psp_does_not_want_is_told_and_may_be_said_anew(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    let dispute = only(&shop, &opened).await;
    accept(&shop, &dispute).await.unwrap();
    assert!(matches!(accept(&shop, &dispute).await, Err(Answered::GivenIn)));
    assert!(matches!(answer(&shop, &dispute).await, Err(Answered::GivenIn)));
    let refused = Ok(EvidenceOutcome::Refused { psp_code: "not_now".to_owned() });
    shop.psp.evidence_answers.lock().unwrap().push_back(refused);
    shop.run_jobs().await;
    assert_eq!(told(&shop, "dispute.acceptance_refused").await, 1);
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::NeedsResponse);
    accept(&shop, &dispute).await.unwrap();
    shop.run_jobs().await;
    // Taken: the PSP is asked at once how it ended.
    shop.run_jobs().await;
    assert_eq!(only(&shop, &opened).await.status, DisputeStatus::Lost);
    shop.assert_sound().await;
}

async fn a_fee_that_is_told_at_the_end_is_booked_then_and_once(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 400);
    shop.psp.charge("d", None);
    look(&shop, &opened).await;
    assert_eq!((only(&shop, &opened).await.fee.minor(), balance(&shop, "fees:psp").await), (0, 0));
    shop.psp.charge("d", Some(1500));
    shop.psp.rule("d", DisputeStatus::Lost);
    for _ in 0..2 {
        look(&shop, &opened).await;
        assert_eq!((only(&shop, &opened).await.fee.minor(), balance(&shop, "fees:psp").await), (1500, 1500));
    }
    let dispute = only(&shop, &opened).await.id;
    let events = tollgate::events::of_object(&shop.world.db, &shop.tenant, dispute.as_str());
    assert_eq!(events.await.unwrap().last().unwrap().object["fee"], "15.00");
    shop.assert_sound().await;

    // A fee that the books do not hold is named.
    let mut tx = shop.world.db.begin().await.unwrap();
    query("update disputes set fee = 1400").execute(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    let report = tollgate::integrity::check(&shop.world.db, Scope::Tenant(&shop.tenant)).await.unwrap();
    let law = report.checks.iter().find(|check| check.name == "disputes_are_held").unwrap();
    assert_eq!(law.findings[0].detail, "what the PSP charges for it is not what the books say");
}

async fn merchants_are_warned_once_before_evidence_is_due(world: World) {
    let shop = Shop::open(world).await;
    let opened = shop.paid().await;
    contest(&shop, &opened, "d", 1000);
    look(&shop, &opened).await;
    shop.world.clock.advance(Duration::from_hours(4 * 24));
    shop.sweep().await;
    assert_eq!(told(&shop, "dispute.evidence_due").await, 0);
    shop.world.clock.advance(Duration::from_hours(25));
    shop.sweep().await;
    shop.sweep().await;
    assert_eq!(told(&shop, "dispute.evidence_due").await, 1);
}

async fn books_that_do_not_tell_what_a_dispute_is_are_named(world: World) {
    for (tampered, detail) in [
        ("update payments set disputed = 0", "what it says is contested is not the sum of its disputes"),
        ("update dispute_parts set amount = amount - 1, from_pending = 0", "its parts are not the whole"),
        (
            "update disputes set status = 'lost', closed_at = 1, next_look_at = null",
            "the account of disputes is not the sum of the open ones in USD",
        ),
    ] {
        let shop = Shop::open(world.clone()).await;
        let opened = shop.paid().await;
        contest(&shop, &opened, &format!("d{}", tampered.len()), 400);
        look(&shop, &opened).await;
        let mut tx = shop.world.db.begin().await.unwrap();
        query(tampered).execute(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        let report = tollgate::integrity::check(&shop.world.db, Scope::Tenant(&shop.tenant)).await.unwrap();
        let check = report.checks.iter().find(|check| check.name == "disputes_are_held").unwrap();
        assert!(check.findings.iter().any(|finding| finding.detail == detail), "{tampered}: {check:?}");
    }
}

/// Asks until a field of an object has this value.
async fn until(gateway: &Gateway, path: &str, field: &str, wanted: &str) -> Value {
    for _ in 0..300 {
        let object = gateway.get(path).await.ok();
        if object[field] == wanted {
            return object;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path} never had {field} {wanted}");
}

/// The one dispute that a card's owner opens a moment after the payment.
async fn opened_by_its_owner(gateway: &Gateway, payment: &str) -> Value {
    let list = format!("/v1/disputes?payment={payment}&status=needs_response");
    for _ in 0..200 {
        let found = gateway.get(&list).await.ok()["data"][0].clone();
        if !found.is_null() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{list} stayed empty")
}

async fn by_api_a_disputed_card_is_accepted_and_lost(world: World) {
    let gateway = world.gateway().await;
    let payment = gateway.payment_by("disputed").await;
    let found = opened_by_its_owner(&gateway, &payment).await;
    assert_eq!(found["acceptance"], Value::Null);
    let dispute = format!("/v1/disputes/{}", found["id"].as_str().unwrap());
    let path = format!("{dispute}/accept");
    let first = gateway.post_once(&path, "accept-1", &json!({})).await.ok();
    assert_eq!((&first["acceptance"]["status"], &first["evidence"]), (&json!("sending"), &Value::Null));
    let again = gateway.post_once(&path, "accept-1", &json!({})).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &first));
    let lost = until(&gateway, &dispute, "status", "lost").await;
    assert_eq!(lost["acceptance"]["status"], "taken");
    gateway.post(&path, json!({})).await.problem(409, "dispute_closed");
    gateway.post(&format!("{dispute}/evidence"), json!({"explanation": "x"})).await.problem(409, "dispute_closed");
    let record = format!("{}/admin/record/disputes", gateway.simulator.base_url());
    let record = Gateway::send(gateway.http.get(record).bearer_auth(&gateway.simulator_admin_key)).await.ok();
    assert_eq!((&record["data"][0]["status"], &record["data"][0]["evidence"]), (&json!("lost"), &json!("")));
    gateway.stop().await;
}

async fn by_api_a_disputed_card_is_answered_and_won(world: World) {
    let gateway = world.gateway().await;
    let payment = gateway.payment_by("disputed").await;
    let found = opened_by_its_owner(&gateway, &payment).await;
    assert_eq!((&found["amount"], &found["reason"]), (&json!("15000"), &json!("fraudulent")));
    let dispute = format!("/v1/disputes/{}", found["id"].as_str().unwrap());
    let refused = gateway.post("/v1/refunds", json!({ "payment": payment })).await;
    assert_eq!(refused.problem(409, "payment_disputed")["param"], "amount");
    assert_eq!(gateway.get(&format!("/v1/payments/{payment}")).await.ok()["disputed"], "15000");

    let path = format!("{dispute}/evidence");
    gateway.post(&path, json!({})).await.problem(400, "parameter_invalid");
    gateway.post(&path, json!({ "alibi": "x" })).await.problem(400, "parameter_unknown");
    let body = json!({ "shipping_tracking_number": "KR-1042", "explanation": "Delivered.\nwinning_evidence" });
    let first = gateway.post_once(&path, "evidence-1", &body).await.ok();
    assert_eq!(first["evidence"]["status"], "sending");
    let again = gateway.post_once(&path, "evidence-1", &body).await;
    assert_eq!((again.header("idempotent-replayed"), &again.json), ("true", &first));
    gateway.post(&path, body).await.problem(409, "evidence_already_submitted");
    let won = until(&gateway, &dispute, "status", "won").await;
    assert_eq!(won["evidence"]["status"], "taken");
    assert_eq!(gateway.get(&format!("/v1/payments/{payment}")).await.ok()["disputed"], "0");
    gateway.post(&path, json!({ "explanation": "more" })).await.problem(409, "dispute_closed");

    let record = format!("{}/admin/record/disputes", gateway.simulator.base_url());
    let record = Gateway::send(gateway.http.get(record).bearer_auth(&gateway.simulator_admin_key)).await.ok();
    assert_eq!(record["data"].as_array().unwrap().len(), 1);
    gateway.stop().await;
}
