//! What is known to come right when the other side is asked comes right: each repair from the line that tells it to the books that
//! agree afterwards.

use std::time::Duration;

use serde_json::json;
use tollgate::db::query;
use tollgate::payments::captures::{self, NewCapture};
use tollgate::payments::disputes;
use tollgate::payments::refunds::{self, NewRefund, Refund, RefundStatus};
use tollgate::payments::{self, Opened, PaymentStatus};
use tollgate::payouts::PayoutStatus;
use tollgate::psp::{DisputeStatus, Doubt, Finding, RefundOutcome};
use tollgate::reconciliation::breaks::{self, Break, Filter, ITSELF, Status};
use tollgate::reconciliation::words::Outcome;
use tollgate::words::Page;

use crate::payouts::{ask as ask_payout, earned, status as payout_status, verified_seller};
use crate::reconciliation::Books;
use crate::support::scripted_bank::{paid, processing, returned};
use crate::support::scripted_psp::{Ends, approved, declined};
use crate::support::{World, both_databases};

both_databases!(
    a_refund_that_the_psp_finished_is_settled,
    a_refund_that_came_back_puts_the_money_where_it_was,
    a_capture_that_the_psp_did_is_settled,
    a_dispute_that_was_won_gives_the_money_back,
    a_charge_after_the_payment_was_given_up_is_asked_for_and_settled_by_policy,
    a_sellers_payout_and_its_return_at_the_bank_are_asked_for,
    a_sellers_payout_that_the_bank_shows_twice_waits_in_suspense,
    what_was_changed_in_our_own_database_is_found,
);

async fn refund(books: &Books, opened: &Opened, amount: &str) -> Refund {
    let (payment, amount) = (opened.payment.id.clone(), Some(amount.to_owned()));
    let new = NewRefund { payment, amount, reason: None, metadata: json!({}) };
    let mut tx = books.shop.world.db.begin().await.unwrap();
    let refund = refunds::ask(&mut tx, &books.shop.tenant, new, books.shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    books.shop.run_jobs().await;
    refund
}

async fn refund_status(books: &Books, refund: &Refund) -> RefundStatus {
    refunds::find(&books.shop.world.db, &refund.id).await.unwrap().unwrap().status
}

/// The one difference that was found beside what is only waited for; it was closed without a person.
async fn repaired(books: &Books, cause: &str) -> Break {
    let all = breaks::list(&books.shop.world.db, None, &Filter::default(), &Page::newest(100)).await.unwrap().items;
    let mut found: Vec<Break> = all.into_iter().filter(|it| it.cause == cause).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let it = found.remove(0);
    assert_eq!((it.status, it.closed_by.as_deref()), (Status::Resolved, Some(ITSELF)), "{it:?}");
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!(books.account("suspense").await, 0);
    it
}

fn pass_a_minute(books: &Books) {
    // Who was just asked is not asked again at once.
    books.shop.world.clock.advance(Duration::from_mins(1));
}

async fn a_refund_that_the_psp_finished_is_settled(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let unheard = RefundOutcome::Unknown(Doubt::of("the connection was reset"));
    books.shop.psp.refund_answers.lock().unwrap().push_back(Ok(unheard));
    let asked = refund(&books, &opened, "4.00").await;
    assert_eq!(refund_status(&books, &asked).await, RefundStatus::Pending);
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "our_key": asked.id, "batch": "batch_1" });
    books.line("list", "refund", -400, 0, &more).await;
    pass_a_minute(&books);
    books.run(&books.list.clone()).await;
    assert_eq!(repaired(&books, "refund_finished").await.outcome, Outcome::StateDiffers);
    assert_eq!(refund_status(&books, &asked).await, RefundStatus::Succeeded);
    assert_eq!(books.shop.told("refund.succeeded").await, 1);
    assert_eq!(books.shop.psp.refunds.lock().unwrap().len(), 1, "nothing was given back twice");
    assert_eq!(books.account("psp:scripted").await, 570);
    books.assert_explained().await;
}

async fn a_refund_that_came_back_puts_the_money_where_it_was(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let asked = refund(&books, &opened, "4.00").await;
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "our_key": asked.id, "batch": "batch_1" });
    books.line("list", "refund", -400, 0, &more).await;
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    books.shop.psp.returned.lock().unwrap().push(asked.id.to_string());
    books.line("list", "refund_failure", 400, 0, &more).await;
    pass_a_minute(&books);
    books.run(&books.list.clone()).await;
    repaired(&books, "refund_came_back").await;
    assert_eq!(refund_status(&books, &asked).await, RefundStatus::Failed);
    assert_eq!(books.shop.told("refund.failed").await, 1);
    assert_eq!(books.account("psp:scripted").await, 970);
    books.assert_explained().await;
}

async fn a_capture_that_the_psp_did_is_settled(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.held().await;
    let new = NewCapture { payment: opened.payment.id.clone(), amount: None };
    let mut tx = books.shop.world.db.begin().await.unwrap();
    captures::capture(&mut tx, &books.shop.tenant, &new, books.shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    books.shop.psp.ends.lock().unwrap().push_back(Ends::Unheard);
    books.shop.run_jobs().await;
    let status = async |books: &Books| {
        payments::store::find(&books.shop.world.db, &opened.payment.id).await.unwrap().unwrap().status
    };
    assert_eq!(status(&books).await, PaymentStatus::Authorized, "nothing was heard");
    books.charge(&opened, 1_000, 30).await;
    pass_a_minute(&books);
    books.run(&books.list.clone()).await;
    repaired(&books, "lost_webhook").await;
    assert_eq!(status(&books).await, PaymentStatus::Succeeded);
    assert_eq!(books.shop.told("payment.succeeded").await, 1);
    assert_eq!(books.account("psp:scripted").await, 970);
    books.assert_explained().await;
}

async fn a_dispute_that_was_won_gives_the_money_back(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let psp_payment = books.psp_payment(&opened).await;
    books.shop.psp.contest(&psp_payment, "dp_1", 400, books.shop.world.now());
    let more = json!({ "psp_payment": psp_payment, "psp_movement": "dp_1", "batch": "batch_1" });
    books.line("list", "dispute", -400, 15, &more).await;
    books.run(&books.list.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    books.shop.psp.rule("dp_1", DisputeStatus::Won);
    books.line("list", "dispute_reversal", 400, 0, &more).await;
    pass_a_minute(&books);
    books.run(&books.list.clone()).await;
    repaired(&books, "dispute_moved_on").await;
    let found = disputes::of_payment(&books.shop.world.db, &opened.payment.id).await.unwrap();
    assert_eq!(found[0].status, DisputeStatus::Won);
    assert_eq!(books.shop.told("dispute.closed").await, 1);
    assert_eq!(books.account("disputes").await, 0);
    books.assert_explained().await;
}

async fn a_charge_after_the_payment_was_given_up_is_asked_for_and_settled_by_policy(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.checkout().await;
    books.shop.psp.will(declined());
    books.shop.pay(&opened).await;
    books.shop.world.clock.set(opened.session.expires_at);
    payments::expire(&books.shop.app, &books.shop.tenant, &opened.session.id).await.unwrap();
    books.charge(&opened, 1_000, 30).await;
    pass_a_minute(&books);
    books.shop.psp.knows(Finding::Found(approved()));
    books.run(&books.list.clone()).await;
    repaired(&books, "taken_after_it_was_given_up").await;
    let payment = payments::store::find(&books.shop.world.db, &opened.payment.id).await.unwrap().unwrap();
    assert_eq!(payment.status, PaymentStatus::Succeeded, "the merchant accepts late success");
    assert_eq!(books.shop.told("payment.succeeded").await, 1);
    assert_eq!(books.account("psp:scripted").await, 970);
    books.assert_explained().await;
}

async fn a_sellers_payout_and_its_return_at_the_bank_are_asked_for(world: World) {
    let mut books = Books::open(world).await;
    let seller = verified_seller(&books.shop).await;
    earned(&books.shop, &seller, "earned", 1_000, "USD").await;
    let payout = ask_payout(&books.shop, &seller, "4.00", "USD").await.unwrap();
    books.shop.bank.will(Ok(processing()));
    books.shop.run_payout_jobs().await;
    assert_eq!(payout_status(&books.shop, &payout).await, PayoutStatus::Processing);
    books.shop.bank.all_are(&paid());
    let named = json!({ "texts": [format!("PAYOUT {}", payout.id)] });
    books.line("bank", "bank_entry", -400, 0, &named).await;
    books.run(&books.bank.clone()).await;
    repaired(&books, "seller_payout_moved_on").await;
    assert_eq!(payout_status(&books.shop, &payout).await, PayoutStatus::Paid);
    assert_eq!((books.account("bank").await, books.shop.told("payout.paid").await), (-400, 1));

    books.shop.bank.all_are(&returned());
    // The bank names what came back as the provider does.
    books.line("bank", "bank_entry", 400, 0, &json!({ "texts": ["RETURN tr_1"] })).await;
    books.run(&books.bank.clone()).await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!(payout_status(&books.shop, &payout).await, PayoutStatus::Returned);
    assert_eq!((books.account("bank").await, books.account("suspense").await), (0, 0));
    assert_eq!(books.broken().await, Vec::<&str>::new());
}

async fn a_sellers_payout_that_the_bank_shows_twice_waits_in_suspense(world: World) {
    let mut books = Books::open(world).await;
    let seller = verified_seller(&books.shop).await;
    earned(&books.shop, &seller, "earned", 1_000, "USD").await;
    let payout = ask_payout(&books.shop, &seller, "4.00", "USD").await.unwrap();
    books.shop.bank.will(Ok(paid()));
    books.shop.run_payout_jobs().await;
    assert_eq!(payout_status(&books.shop, &payout).await, PayoutStatus::Paid);
    let named = json!({ "texts": [payout.id] });
    books.line("bank", "bank_entry", -400, 0, &named).await;
    let second = books.line("bank", "bank_entry", -400, 0, &named).await;
    books.run(&books.bank.clone()).await;
    let it = books.only_break().await;
    assert_eq!((it.outcome, it.line.as_ref()), (Outcome::Duplicate, Some(&second)));
    assert_eq!((books.account("bank").await, books.account("suspense").await), (-800, 400));
    assert_eq!(books.broken().await, Vec::<&str>::new());
}

/// Somebody with full access changes our rows and not the books: the other side's list shows it.
async fn what_was_changed_in_our_own_database_is_found(world: World) {
    let mut books = Books::open(world).await;
    let (less, renamed, failed) = (books.shop.paid().await, books.shop.paid().await, books.shop.paid().await);
    let sound = books.shop.paid().await;
    let asked = refund(&books, &failed, "4.00").await;
    for opened in [&less, &renamed, &failed, &sound] {
        books.charge(opened, 1_000, 30).await;
    }
    let more = json!({ "psp_payment": books.psp_payment(&failed).await, "our_key": asked.id, "batch": "batch_1" });
    let given_back = books.line("list", "refund", -400, 0, &more).await;
    let mut tx = books.shop.world.db.begin().await.unwrap();
    for (sql, id) in [
        ("update payments set captured = captured - 100 where id = $1", less.payment.id.as_str()),
        ("update payments set psp_payment = 'another' where id = $1", renamed.payment.id.as_str()),
        (
            "update refunds set status = 'failed', failure_code = 'never', psp_reference = null, succeeded_at = null
             where id = $1",
            asked.id.as_str(),
        ),
    ] {
        assert_eq!(query(sql).bind(id).execute(&mut tx).await.unwrap(), 1, "{sql}");
    }
    tx.commit().await.unwrap();
    let run = books.run(&books.list.clone()).await;
    let found = books.open_breaks().await;
    let of = |outcome: Outcome| -> Vec<&Break> { found.iter().filter(|it| it.outcome == outcome).collect() };
    let object = |it: &Break| it.object.as_ref().map(|(_, id)| id.clone());
    let amount = of(Outcome::AmountDiffers);
    assert_eq!(
        amount.iter().map(|it| (object(it), it.expected)).collect::<Vec<_>>(),
        [(Some(less.payment.id.to_string()), Some(900))]
    );
    let state = of(Outcome::StateDiffers);
    assert_eq!(state.iter().map(|it| it.line.clone()).collect::<Vec<_>>(), [Some(given_back)]);
    assert_eq!(state[0].cause, "refund_failed_here_only");
    assert_eq!(of(Outcome::MissingHere).len(), 1, "nobody here is called so any more");
    let late = of(Outcome::Late);
    assert_eq!(late.iter().map(|it| object(it)).collect::<Vec<_>>(), [Some(renamed.payment.id.to_string())]);
    assert_eq!(found.len(), 4, "no false alarm: {found:?} {}", run.totals);
}
