//! What lines stand for, however often and in whatever pieces a movement is told: afterwards the PSP's account says what its files
//! say, and what nobody can explain stands in suspense, no more and no less.

use serde_json::json;
use tollgate::db::query;
use tollgate::ledger::{Account, Transfer};
use tollgate::payments;
use tollgate::payments::captures::{self, NewCapture};
use tollgate::psp::Finding;
use tollgate::reconciliation::ReconcileError;
use tollgate::reconciliation::breaks::{self, ActError, Break, Status};
use tollgate::reconciliation::landing;
use tollgate::reconciliation::matching::{self, Context};
use tollgate::reconciliation::progress::Progress;
use tollgate::reconciliation::runs::{self, Trigger};
use tollgate::reconciliation::words::{Class, Outcome};
use tollgate::words::LineId;

use crate::payouts::{ask, earned, pass, verified_seller};
use crate::reconciliation::{Books, count, usd};
use crate::second_charges::{of_payment, taken_twice};
use crate::support::scripted_bank::paid;
use crate::support::scripted_psp::{approved, approved_as, unknown};
use crate::support::{World, both_databases};

both_databases!(
    too_much_and_then_the_right_amount_are_parked_as_they_are_told,
    pieces_of_a_charge_agree_once_they_come_to_it,
    a_charge_and_what_was_not_taken_of_it_agree_over_two_files,
    what_is_taken_back_after_a_difference_was_closed_is_another_difference,
    what_is_told_after_its_lack_was_written_off_is_another_difference,
    a_rounded_charge_told_again_is_a_duplicate,
    a_charge_told_twice_and_taken_back_agrees,
    what_stands_for_a_payment_is_counted_in_the_payments_currency,
    rows_of_two_currencies_in_one_batch_are_taken_apart,
    a_lost_webhook_told_twice_is_settled_once,
    a_lost_webhook_of_another_amount_has_its_fee_in_suspense_too,
    a_wrong_fee_is_told_also_where_the_psp_had_to_be_asked,
    what_is_to_be_asked_is_not_closed_before,
    what_was_written_off_and_is_told_after_all_is_not_matched,
    a_run_taken_for_dead_writes_nothing,
    a_line_that_names_a_batch_is_never_matched_by_its_amount,
    three_entries_of_one_payout_are_one_payout_and_two_repetitions,
    a_text_with_a_character_that_is_none_stops_nobody,
    two_payouts_of_one_batch_are_its_sum_together,
    a_refund_made_elsewhere_is_suggested_against_its_seller,
    a_journal_by_hand_keeps_off_what_is_held,
    what_a_bank_takes_back_has_not_landed,
    an_entry_that_nobody_could_place_lands_when_two_people_say_so,
    what_is_left_over_of_a_landing_by_hand_stays_in_suspense,
    a_landing_by_hand_is_refused_where_it_means_nothing,
    a_payout_in_several_entries_of_one_statement_lands_once,
    a_payout_in_several_entries_over_days_comes_right_with_the_last,
    entries_that_do_not_come_to_a_payout_are_a_persons,
    one_debit_for_many_payouts_is_all_of_them,
    one_debit_that_is_not_the_sum_of_its_payouts_is_a_persons,
    a_sale_that_the_psp_exchanged_agrees_and_both_sides_are_kept,
    a_sale_that_was_exchanged_in_pieces_agrees_over_two_files,
    a_dispute_whose_fee_is_known_is_exchanged_with_it,
    a_dispute_in_pieces_whose_fee_was_booked_twice_is_a_persons,
    a_lost_webhook_of_an_exchanged_sale_comes_right,
    a_payout_that_the_bank_exchanged_leaves_both_sides,
    a_second_charge_and_its_refund_agree_line_by_line,
    a_second_charge_that_is_told_before_it_is_known_comes_right,
    a_second_charge_that_is_never_told_is_missed,
);

impl Books {
    /// Closes the only open break by one transfer of what stands in suspense: to `to` when the PSP sent too much.
    async fn agree(&self, it: &Break, transfers: &[Transfer]) {
        let (db, now) = (&self.shop.world.db, self.shop.world.now());
        let mut tx = db.begin().await.unwrap();
        let it = breaks::propose(&mut tx, &it.id, "as it is", transfers, "one", now).await.unwrap();
        breaks::approve(&mut tx, &it.id, &breaks::fingerprint(&it), "two", now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn run_list(&self) -> runs::Run {
        let run = self.run(&self.list.clone()).await;
        self.assert_explained().await;
        run
    }

    /// A payment that was taken, and of which no answer and no webhook came.
    async fn unheard_of(&self) -> tollgate::payments::Opened {
        self.shop.psp.will(unknown());
        let opened = self.shop.checkout().await;
        self.shop.pay(&opened).await;
        self.shop.world.clock.advance(std::time::Duration::from_mins(1));
        opened
    }

    /// What an account holds in won.
    async fn won(&self, account: &str) -> i64 {
        let sql =
            "select cast(coalesce(sum(case when debit_account = $1 then amount else -amount end), 0) as bigint) as n
             from transfers where currency = 'KRW' and (debit_account = $1 or credit_account = $1)";
        query(sql).bind(account).one(&self.shop.world.db).await.unwrap().get("n").unwrap()
    }

    async fn held(&self) -> i64 {
        -self.account("suspense").await
    }

    async fn owed(&self) -> i64 {
        self.account("psp:scripted").await
    }
}

fn rounding(minor: i64) -> Transfer {
    let (debit, credit) =
        if minor > 0 { (Account::Suspense, Account::Rounding) } else { (Account::Rounding, Account::Suspense) };
    Transfer { debit, credit, amount: usd(minor.abs()) }
}

async fn too_much_and_then_the_right_amount_are_parked_as_they_are_told(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_050, 30).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (1_020, 50));
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (1_020 + 970, 50 + 1_000));
    books.run_list().await;
    assert_eq!(books.open_breaks().await.len(), 2, "nothing changes by looking again");
}

async fn pieces_of_a_charge_agree_once_they_come_to_it(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    for (gross, fee, owed, held) in [(700, 21, 679, -300), (200, 0, 879, -100), (100, 9, 970, 0)] {
        books.charge(&opened, gross, fee).await;
        books.run_list().await;
        assert_eq!((books.owed().await, books.held().await), (owed, held), "after {gross}");
    }
    assert_eq!(books.open_breaks().await.len(), 0);
    assert!(books.provider_agrees().await);
    assert_eq!(books.account("fees:psp").await, 30);
    // And once more is once more.
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    assert_eq!(books.only_break().await.outcome, Outcome::Duplicate);
}

async fn a_charge_and_what_was_not_taken_of_it_agree_over_two_files(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.held().await;
    books.shop.pay(&opened).await;
    let new = NewCapture { payment: opened.payment.id.clone(), amount: Some("6.00".to_owned()) };
    let mut tx = books.shop.world.db.begin().await.unwrap();
    captures::capture(&mut tx, &books.shop.tenant, &new, books.shop.world.now()).await.unwrap();
    tx.commit().await.unwrap();
    books.shop.run_jobs().await;
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (970, 400));
    assert!(!books.provider_agrees().await);
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": "batch_1" });
    books.line("list", "charge_reversal", -400, 0, &more).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (570, 0));
    assert_eq!(books.open_breaks().await.len(), 0);
    assert!(books.provider_agrees().await, "what the lines stand for is what was captured");
}

async fn what_is_taken_back_after_a_difference_was_closed_is_another_difference(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_050, 30).await;
    books.run_list().await;
    books.agree(&books.only_break().await, &[rounding(50)]).await;
    assert!(books.provider_agrees().await);
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": "batch_1" });
    books.line("list", "charge_reversal", -50, 0, &more).await;
    books.run_list().await;
    assert_eq!((books.only_break().await.outcome, books.held().await), (Outcome::AmountDiffers, -50));
    books.agree(&books.only_break().await, &[rounding(-50)]).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await, books.account("rounding").await), (970, 0, 0));
    assert!(books.provider_agrees().await);
}

async fn what_is_told_after_its_lack_was_written_off_is_another_difference(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 700, 21).await;
    books.run_list().await;
    books.agree(&books.only_break().await, &[rounding(-300)]).await;
    books.charge(&opened, 300, 9).await;
    books.run_list().await;
    assert_eq!((books.only_break().await.outcome, books.held().await), (Outcome::AmountDiffers, 300));
    assert_eq!(books.owed().await, 970);
}

async fn a_rounded_charge_told_again_is_a_duplicate(world: World) {
    let mut books = Books::open_with(world, json!({ "rounding_tolerance": 1 })).await;
    let opened = books.shop.paid().await;
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "presented": "KRW" });
    books.line("list", "charge", 1_001, 30, &more).await;
    books.run_list().await;
    books.line("list", "charge", 1_001, 30, &more).await;
    books.run_list().await;
    assert_eq!((books.only_break().await.outcome, books.held().await), (Outcome::Duplicate, 971));
}

async fn a_charge_told_twice_and_taken_back_agrees(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    assert_eq!(books.held().await, 970);
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": "batch_1" });
    books.line("list", "charge_reversal", -1_000, -30, &more).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (970, 0));
    assert_eq!((books.open_breaks().await.len(), books.account("fees:psp").await), (0, 30));
    assert!(books.provider_agrees().await);
}

async fn what_stands_for_a_payment_is_counted_in_the_payments_currency(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let won = json!({ "psp_payment": books.psp_payment(&opened).await, "currency": "KRW", "batch": "batch_1" });
    books.line("list", "charge", 14_000, 0, &won).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (0, -1_000));
    books.line("list", "charge_reversal", -5_600, 0, &won).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (0, -1_000), "no dollars are made of won");
    // The corrected row, in the payment's own currency.
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (970, 0));
}

async fn rows_of_two_currencies_in_one_batch_are_taken_apart(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let won = json!({ "psp_payment": books.psp_payment(&opened).await, "currency": "KRW", "batch": "batch_1" });
    books.charge(&opened, 900, 30).await;
    books.line("list", "charge", 1_400, 0, &won).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (870, -100));
    let mut found: Vec<_> = books.open_breaks().await.iter().map(|it| it.outcome).collect();
    found.sort();
    assert_eq!(found, [Outcome::AmountDiffers, Outcome::CurrencyDiffers]);
}

async fn a_lost_webhook_told_twice_is_settled_once(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.unheard_of().await;
    books.charge(&opened, 1_000, 30).await;
    books.charge(&opened, 1_000, 30).await;
    books.shop.psp.knows(Finding::Found(approved()));
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (970 + 970, 970));
    assert_eq!(books.only_break().await.class, Class::Investigate);
    assert_eq!(books.account("fees:psp").await, 30);
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (970 + 970, 970));
}

async fn a_lost_webhook_of_another_amount_has_its_fee_in_suspense_too(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.unheard_of().await;
    books.charge(&opened, 1_050, 30).await;
    books.shop.psp.knows(Finding::Found(approved()));
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (1_020, 20), "as much as the line says");
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": "batch_1" });
    books.line("list", "charge_reversal", -50, 0, &more).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (970, 0));
    assert_eq!((books.open_breaks().await.len(), books.account("fees:psp").await), (0, 30));
}

async fn a_wrong_fee_is_told_also_where_the_psp_had_to_be_asked(world: World) {
    let mut books = Books::open_with(world, json!({ "fee": { "ppm": 30_000 } })).await;
    let opened = books.unheard_of().await;
    books.charge(&opened, 1_000, 35).await;
    books.shop.psp.knows(Finding::Found(approved()));
    books.run_list().await;
    let it = books.only_break().await;
    assert_eq!((it.outcome, it.cause.as_str()), (Outcome::FeeDiffers, "fee_not_as_contracted"));
    assert_eq!((books.owed().await, books.held().await, books.account("fees:psp").await), (965, 0, 35));
    books.run_list().await;
    assert_eq!(books.only_break().await.id, it.id);
}

async fn what_is_to_be_asked_is_not_closed_before(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.unheard_of().await;
    books.charge(&opened, 1_000, 30).await;
    // As when the process dies between looking and asking.
    let (app, list) = (&books.shop.app, &books.list);
    let run = runs::begin(app, "list", None, Trigger::Command, false).await.unwrap().unwrap();
    let context = Context::of(app, list, &run).await.unwrap();
    matching::lines(&context, &Progress::nobody()).await.unwrap();
    let ended = runs::Run { finished_at: Some(app.now()), status: runs::Status::Completed, ..run.clone() };
    let mut tx = books.shop.world.db.begin().await.unwrap();
    assert!(runs::finish(&mut tx, &ended, app.now()).await.unwrap());
    tx.commit().await.unwrap();
    let (it, now) = (books.only_break().await, books.shop.world.now());
    let mut tx = books.shop.world.db.begin().await.unwrap();
    let closed = breaks::resolve(&mut tx, &it.id, "never mind", "one", now).await;
    assert!(matches!(closed, Err(ActError::NotAsked)), "{closed:?}");
    let fees = Transfer { debit: Account::PspFees, credit: Account::Rounding, amount: usd(1) };
    let proposed = breaks::propose(&mut tx, &it.id, "a fee", &[fees], "one", now).await;
    assert!(matches!(proposed, Err(ActError::NotAsked)), "{proposed:?}");
    drop(tx);
    books.shop.psp.knows(Finding::Found(approved()));
    books.run_list().await;
    assert_eq!((books.open_breaks().await.len(), books.owed().await), (0, 970));
}

async fn what_was_written_off_and_is_told_after_all_is_not_matched(world: World) {
    let mut books = Books::open(world).await;
    let (told, untold) = (books.shop.paid().await, books.shop.paid().await);
    books.charge(&told, 1_000, 30).await;
    books.run_list().await;
    books.shop.world.clock.advance(std::time::Duration::from_hours(24 * 7));
    books.file("list", "2025-10-15").await;
    books.run_day(&books.list.clone(), "2025-10-15").await;
    let missing = books.only_break().await;
    let psp = |name: &str| Account::Psp(name.to_owned());
    let off = |debit, credit| Transfer { debit, credit, amount: usd(1_000) };
    let mut tx = books.shop.world.db.begin().await.unwrap();
    let now = books.shop.world.now();
    let other = [off(Account::Rounding, psp("another"))];
    let other = breaks::propose(&mut tx, &missing.id, "another PSP's", &other, "one", now).await;
    assert!(matches!(other, Err(ActError::Leaves(..))), "{other:?}");
    drop(tx);
    books.agree(&missing, &[off(Account::Rounding, psp("scripted"))]).await;
    books.run_list().await;
    books.charge(&untold, 1_000, 30).await;
    books.run_list().await;
    let it = books.only_break().await;
    assert_eq!((it.outcome, it.cause.as_str()), (Outcome::AmountDiffers, "told_after_it_was_written_off"));
    assert_eq!((books.owed().await, books.held().await), (970 + 970, 1_000));
}

async fn a_run_taken_for_dead_writes_nothing(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let (app, list) = (&books.shop.app, &books.list);
    let dead = runs::begin(app, "list", None, Trigger::Command, false).await.unwrap().unwrap();
    let context = Context::of(app, list, &dead).await.unwrap();
    books.shop.world.clock.advance(runs::LEASE * 2);
    runs::begin(app, "list", None, Trigger::Command, false).await.unwrap().unwrap();
    let overtaken = matching::lines(&context, &Progress::nobody()).await;
    assert!(matches!(overtaken, Err(ReconcileError::Overtaken)), "{overtaken:?}");
    assert_eq!(books.account("fees:psp").await, 0, "it has written nothing before it stopped");
    assert_eq!(books.shop.count("select count(*) as n from settlement_lines where standing <> 'new'").await, 0);
}

async fn a_line_that_names_a_batch_is_never_matched_by_its_amount(world: World) {
    let mut books = Books::open(world).await;
    for batch in ["batch_a", "batch_b"] {
        let opened = books.shop.paid().await;
        let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": batch });
        books.line("list", "charge", 1_000, if batch == "batch_a" { 0 } else { 10 }, &more).await;
    }
    books.run_list().await;
    let bank = books.bank.clone();
    let entry = async |books: &mut Books, net| -> LineId {
        let named = json!({ "texts": ["PAYOUT batch_a"] });
        let line = books.line("bank", "bank_entry", net, 0, &named).await;
        books.run(&bank).await;
        books.assert_explained().await;
        line
    };
    entry(&mut books, 990).await;
    assert_eq!((books.account("bank").await, books.owed().await), (990, 990));
    entry(&mut books, 990).await;
    books.run(&bank).await;
    assert_eq!((books.account("bank").await, books.owed().await), (1_980, 990), "batch_b has not landed");
    let landed = "select count(*) as n from settlement_lines where landed_by is not null and batch = 'batch_b'";
    assert_eq!(books.shop.count(landed).await, 0);
    assert_eq!(books.held().await, -10 + 990);
}

async fn three_entries_of_one_payout_are_one_payout_and_two_repetitions(world: World) {
    let mut books = Books::open(world).await;
    let seller = verified_seller(&books.shop).await;
    earned(&books.shop, &seller, "1", 1_000, "USD").await;
    let payout = ask(&books.shop, &seller, "4.00", "USD").await.unwrap();
    books.shop.run_payout_jobs().await;
    books.shop.bank.all_are(&paid());
    pass(&books.shop, std::time::Duration::from_secs(6)).await;
    assert_eq!(books.account("bank").await, -400);
    for _ in 0..3 {
        books.line("bank", "bank_entry", -400, 0, &json!({ "texts": [payout.id.as_str()] })).await;
    }
    let run = books.run(&books.bank.clone()).await;
    assert_eq!((count(&run, "matched"), count(&run, "duplicate")), (1, 2), "{}", run.totals);
    assert_eq!((books.account("bank").await, books.held().await), (-1_200, -800));
    assert_eq!(books.broken().await, Vec::<&str>::new());
    let open = query("select count(*) as n from settlement_lines where standing = 'open'");
    let open: i64 = open.one(&books.shop.world.db).await.unwrap().get("n").unwrap();
    assert_eq!(open, 2);
}

async fn a_text_with_a_character_that_is_none_stops_nobody(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    books.line("bank", "bank_entry", 970, 0, &json!({ "texts": ["PAYOUT\0batch_1", "\0"] })).await;
    let run = books.run(&books.bank.clone()).await;
    assert_eq!((count(&run, "matched"), books.account("bank").await), (1, 970), "{}", run.totals);
    books.assert_explained().await;
}

async fn two_payouts_of_one_batch_are_its_sum_together(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.line("list", "payout", -500, 0, &json!({ "batch": "batch_1" })).await;
    books.run_list().await;
    assert_eq!(books.only_break().await.cause, "payout_is_not_its_batch");
    books.line("list", "payout", -470, 0, &json!({ "batch": "batch_1" })).await;
    books.run_list().await;
    assert_eq!((books.open_breaks().await.len(), books.owed().await), (0, 970));
}

async fn a_refund_made_elsewhere_is_suggested_against_its_seller(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    let more =
        json!({ "psp_payment": books.psp_payment(&opened).await, "psp_movement": "re_elsewhere", "batch": "batch_1" });
    books.line("list", "refund", -200, 0, &more).await;
    books.run_list().await;
    let it = books.only_break().await;
    let (_, transfers) = breaks::read_proposal(it.proposal.as_ref().unwrap()).unwrap();
    assert!(matches!(&transfers[..], [Transfer { debit: Account::Pending(_), credit: Account::Suspense, .. }]));
    books.agree(&it, &transfers).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await), (770, 0));
    books.shop.assert_sound().await;
}

async fn a_journal_by_hand_keeps_off_what_is_held(world: World) {
    let mut books = Books::open(world).await;
    books.line("list", "adjustment", -200, 0, &json!({ "batch": "batch_1" })).await;
    books.run_list().await;
    let (it, now) = (books.only_break().await, books.shop.world.now());
    let seller = tollgate::merchants::sellers::self_seller(&books.shop.world.db, &books.shop.tenant).await.unwrap().id;
    let against = |debit| [Transfer { debit, credit: Account::Suspense, amount: usd(200) }];
    let mut tx = books.shop.world.db.begin().await.unwrap();
    for held in [Account::Reserved(seller.clone()), Account::PayingOut(seller.clone()), Account::Disputes] {
        let refused = breaks::propose(&mut tx, &it.id, "theirs", &against(held), "one", now).await;
        assert!(matches!(refused, Err(ActError::Held(_))), "{refused:?}");
    }
    let pending = breaks::propose(&mut tx, &it.id, "theirs", &against(Account::Pending(seller)), "one", now).await;
    assert!(matches!(pending, Err(ActError::NothingPending)), "{pending:?}");
    let mut between = against(Account::PspFees).to_vec();
    let psp = |name: &str| Account::Psp(name.to_owned());
    between.push(Transfer { debit: psp("scripted"), credit: psp("another"), amount: usd(100) });
    let refused = breaks::propose(&mut tx, &it.id, "between PSPs", &between, "one", now).await;
    assert!(matches!(refused, Err(ActError::Leaves(..))), "{refused:?}");
}

async fn what_a_bank_takes_back_has_not_landed(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    books.charge(&opened, 1_000, 30).await;
    books.run_list().await;
    let bank = books.bank.clone();
    let named = json!({ "texts": ["batch_1"] });
    let taken_back = json!({ "texts": ["batch_1"], "reversal": true });
    // In one statement, then the day after, then for good.
    books.line("bank", "bank_entry", 970, 0, &named).await;
    books.line("bank", "bank_entry", -970, 0, &taken_back).await;
    books.run(&bank).await;
    books.assert_explained().await;
    assert_eq!((books.account("bank").await, books.owed().await, books.held().await), (0, 970, 0));
    for (net, reference, there) in [(970, &named, 970), (-970, &taken_back, 0), (970, &named, 970)] {
        books.line("bank", "bank_entry", net, 0, reference).await;
        let run = books.run(&bank).await;
        books.assert_explained().await;
        assert_eq!((books.account("bank").await, books.owed().await), (there, 970 - there), "{}", run.totals);
    }
    assert_eq!(books.open_breaks().await.iter().filter(|it| it.line.is_some()).count(), 0);
}

fn exchanged(psp_payment: &str, paid: i64) -> serde_json::Value {
    json!({ "psp_payment": psp_payment, "currency": "KRW", "presented": "USD", "paid": paid, "batch": "batch_1" })
}

async fn a_sale_that_the_psp_exchanged_agrees_and_both_sides_are_kept(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let of_it = exchanged(&books.psp_payment(&opened).await, 1_000);
    books.line("list", "charge", 14_000, 420, &of_it).await;
    let run = books.run_list().await;
    assert_eq!((count(&run, "matched"), books.open_breaks().await.len()), (1, 0), "{}", run.totals);
    assert!(books.provider_agrees().await);
    assert_eq!((books.owed().await, books.won("psp:scripted").await), (0, 13_580));
    assert_eq!((books.account("exchange").await, books.won("exchange").await), (1_000, -14_000));
    assert_eq!(books.won("fees:psp").await, 420);
    let shown = json!([{ "from": "USD", "into": "KRW", "count": 1, "paid": "10.00", "settled": "14000" }]);
    assert_eq!(run.totals["exchanged"], shown);
    // It lands in the currency in which it was settled.
    books.line("bank", "bank_entry", 13_580, 0, &json!({ "currency": "KRW", "texts": ["batch_1"] })).await;
    books.run(&books.bank.clone()).await;
    books.assert_explained().await;
    assert_eq!((books.won("bank").await, books.won("psp:scripted").await), (13_580, 0));
    // Once more is once more, and another amount is nothing that agrees.
    books.line("list", "charge", 14_000, 420, &of_it).await;
    books.run_list().await;
    assert_eq!(books.only_break().await.outcome, Outcome::Duplicate);
    let other = books.shop.paid().await;
    let more = exchanged(&books.psp_payment(&other).await, 999);
    books.line("list", "charge", 13_990, 0, &more).await;
    books.run_list().await;
    assert!(books.open_breaks().await.iter().any(|it| it.outcome == Outcome::CurrencyDiffers));
}

async fn a_sale_that_was_exchanged_in_pieces_agrees_over_two_files(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let psp_payment = books.psp_payment(&opened).await;
    books.line("list", "charge", 8_400, 252, &exchanged(&psp_payment, 600)).await;
    books.run_list().await;
    assert_eq!(books.only_break().await.outcome, Outcome::CurrencyDiffers);
    assert_eq!((books.held().await, books.won("suspense").await), (-1_000, -8_400));
    books.line("list", "charge", 5_600, 168, &exchanged(&psp_payment, 400)).await;
    books.run_list().await;
    assert_eq!(books.open_breaks().await.len(), 0);
    assert_eq!((books.owed().await, books.won("psp:scripted").await), (0, 13_580));
    assert_eq!((books.held().await, books.won("suspense").await), (0, 0));
    assert_eq!((books.account("exchange").await, books.won("exchange").await), (1_000, -14_000));
    assert_eq!(books.won("fees:psp").await, 420);
    assert!(books.provider_agrees().await);
}

async fn a_dispute_in_pieces_whose_fee_was_booked_twice_is_a_persons(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let psp_payment = books.psp_payment(&opened).await;
    books.line("list", "charge", 14_000, 0, &exchanged(&psp_payment, 1_000)).await;
    books.run_list().await;
    books.shop.psp.contest(&psp_payment, "dp_1", 400, books.shop.world.now());
    payments::disputes::look(&books.shop.app, &opened.payment.id).await.unwrap();
    for fee in [210, 0] {
        let mut piece = exchanged(&psp_payment, -200);
        piece["psp_movement"] = "dp_1".into();
        books.line("list", "dispute", -2_800, fee, &piece).await;
        books.run_list().await;
    }
    // In dollars when the dispute was opened, and in won with the first piece: which of them is one too many, nobody here knows.
    let fee = books.account("fees:psp").await;
    assert_eq!((books.won("fees:psp").await, books.only_break().await.outcome), (210, Outcome::CurrencyDiffers));
    assert_eq!((books.held().await, books.won("suspense").await), (fee + 200, 2_800));
    for _ in 0..2 {
        books.run_list().await;
        assert_eq!((books.held().await, books.won("suspense").await), (fee + 200, 2_800), "it stays as it is");
    }
}

async fn a_dispute_whose_fee_is_known_is_exchanged_with_it(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.shop.paid().await;
    let psp_payment = books.psp_payment(&opened).await;
    books.line("list", "charge", 14_000, 0, &exchanged(&psp_payment, 1_000)).await;
    books.run_list().await;
    books.shop.psp.contest(&psp_payment, "dp_1", 400, books.shop.world.now());
    let mut more = exchanged(&psp_payment, -400);
    more["psp_movement"] = "dp_1".into();
    books.line("list", "dispute", -5_600, 210, &more).await;
    books.run_list().await;
    assert_eq!(books.open_breaks().await.len(), 0);
    let fee = books.account("fees:psp").await;
    assert!(fee > 0, "the dispute's fee was booked when it was opened");
    assert_eq!((books.owed().await, books.won("psp:scripted").await), (0, 14_000 - 5_810));
    assert_eq!((books.account("fees:psp").await, books.won("fees:psp").await), (fee, 0), "and only then");
}

async fn a_lost_webhook_of_an_exchanged_sale_comes_right(world: World) {
    let mut books = Books::open(world).await;
    let opened = books.unheard_of().await;
    let of_it = exchanged(&books.psp_payment(&opened).await, 1_000);
    books.line("list", "charge", 14_000, 420, &of_it).await;
    *books.shop.psp.away.lock().unwrap() = 1;
    books.run_list().await;
    assert_eq!(books.won("suspense").await, -13_580);
    books.shop.world.clock.advance(std::time::Duration::from_mins(1));
    books.shop.psp.knows(Finding::Found(approved()));
    books.run_list().await;
    assert_eq!((books.open_breaks().await.len(), books.won("suspense").await), (0, 0));
    assert_eq!((books.owed().await, books.won("psp:scripted").await), (0, 13_580));
    assert!(books.provider_agrees().await);
}

impl Books {
    /// A batch of one charge, of 970 after its fee.
    async fn batch(&mut self) {
        let opened = self.shop.paid().await;
        self.charge(&opened, 1_000, 30).await;
        self.run_list().await;
    }

    async fn entry(&mut self, net: i64, texts: serde_json::Value) -> LineId {
        self.line("bank", "bank_entry", net, 0, &json!({ "texts": texts })).await
    }

    async fn run_bank(&self) -> runs::Run {
        let run = self.run(&self.bank.clone()).await;
        self.assert_explained().await;
        run
    }

    /// What these sellers have earned was never a payment of the PSP's.
    async fn run_payouts(&self) -> runs::Run {
        let run = self.run(&self.bank.clone()).await;
        assert_eq!(self.broken().await, Vec::<&str>::new());
        run
    }

    /// Payouts of these amounts that the bank has made.
    async fn payouts(&self, amounts: &[&str]) -> Vec<String> {
        let seller = verified_seller(&self.shop).await;
        earned(&self.shop, &seller, "1", 1_000, "USD").await;
        let mut ids = Vec::new();
        for amount in amounts {
            self.shop.bank.will(Ok(paid()));
            ids.push(ask(&self.shop, &seller, amount, "USD").await.unwrap().id.to_string());
            self.shop.run_payout_jobs().await;
        }
        ids
    }
}

async fn a_payout_in_several_entries_of_one_statement_lands_once(world: World) {
    let mut books = Books::open(world).await;
    books.batch().await;
    for net in [600, 300, 70] {
        books.entry(net, json!(["PAYOUT batch_1"])).await;
    }
    let run = books.run_bank().await;
    assert_eq!((count(&run, "matched"), books.open_breaks().await.len()), (3, 0), "{}", run.totals);
    assert_eq!((books.account("bank").await, books.owed().await), (970, 0));
    // What was told once more is once more.
    books.entry(70, json!(["PAYOUT batch_1"])).await;
    books.run_bank().await;
    assert_eq!((books.only_break().await.outcome, books.held().await), (Outcome::Duplicate, 70));
}

async fn a_payout_in_several_entries_over_days_comes_right_with_the_last(world: World) {
    let mut books = Books::open(world).await;
    books.batch().await;
    for (net, there, held) in [(600, 600, -370), (300, 900, -70), (70, 970, 0)] {
        books.entry(net, json!(["PAYOUT batch_1"])).await;
        books.run_bank().await;
        assert_eq!((books.account("bank").await, books.held().await, books.owed().await), (there, held, 0), "{net}");
    }
    assert_eq!(books.open_breaks().await.len(), 0);
    let open = "select count(*) as n from settlement_lines where standing = 'open'";
    assert_eq!(books.shop.count(open).await, 0);
}

async fn entries_that_do_not_come_to_a_payout_are_a_persons(world: World) {
    let mut books = Books::open(world).await;
    books.batch().await;
    for net in [600, 300] {
        books.entry(net, json!(["PAYOUT batch_1"])).await;
    }
    books.run_bank().await;
    assert_eq!((books.account("bank").await, books.held().await, books.owed().await), (900, -70, 0));
    assert_eq!(books.open_breaks().await.len(), 2);
}

async fn one_debit_for_many_payouts_is_all_of_them(world: World) {
    let mut books = Books::open(world).await;
    let ids = books.payouts(&["4.00", "2.50"]).await;
    assert_eq!(books.account("bank").await, -650);
    books.entry(-650, json!(ids)).await;
    let run = books.run_payouts().await;
    assert_eq!((count(&run, "matched"), count(&run, "late")), (1, 0), "{}", run.totals);
    assert_eq!((books.account("bank").await, books.held().await, books.open_breaks().await.len()), (-650, 0, 0));
    // One of them by itself, and all of them again, were told before.
    books.entry(-400, json!([ids[0]])).await;
    books.entry(-650, json!(ids)).await;
    let run = books.run_payouts().await;
    assert_eq!(count(&run, "duplicate"), 2, "{}", run.totals);
    assert_eq!((books.account("bank").await, books.held().await), (-650 - 1_050, -1_050));
}

async fn one_debit_that_is_not_the_sum_of_its_payouts_is_a_persons(world: World) {
    let mut books = Books::open(world).await;
    let ids = books.payouts(&["4.00", "2.50"]).await;
    books.entry(-651, json!(ids)).await;
    books.run_payouts().await;
    let found = books.open_breaks().await;
    let with_line: Vec<_> = found.iter().filter(|it| it.line.is_some()).map(|it| (it.outcome, it.class)).collect();
    assert_eq!(with_line, [(Outcome::Unknown, Class::Investigate)]);
    assert_eq!(found.iter().filter(|it| it.outcome == Outcome::Late).count(), 2, "they are still waited for");
    assert_eq!(books.held().await, -651);
    // One that names another beside it, and is that one's amount, is that one.
    books.entry(-400, json!(ids)).await;
    let run = books.run_payouts().await;
    assert_eq!(count(&run, "matched"), 1, "{}", run.totals);
}

/// Two batches of 970 each and an entry that names neither, so that no amount proves anything.
async fn unplaced(books: &mut Books, net: i64) -> Break {
    for batch in ["batch_a", "batch_b"] {
        let opened = books.shop.paid().await;
        let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": batch });
        books.line("list", "charge", 1_000, 30, &more).await;
    }
    books.run_list().await;
    books.run_bank().await;
    books.entry(net, json!(["SETTLEMENT"])).await;
    books.run_bank().await;
    books.open_breaks().await.into_iter().find(|it| it.line.is_some()).unwrap()
}

impl Books {
    /// One person says that a batch has landed with the entry of a break, and another agrees.
    async fn land(&self, it: &Break, batch: &str) -> Break {
        let (app, now) = (&self.shop.app, self.shop.world.now());
        let mut landed = landing::candidates(app, it).await.unwrap();
        landed.retain(|of| of.name == batch);
        let mut tx = app.db.begin().await.unwrap();
        let it = landing::propose(&mut tx, it, "the bank says so", &landed, "one", now).await.unwrap();
        let seen = breaks::fingerprint(&it);
        assert!(matches!(breaks::approve(&mut tx, &it.id, &seen, "one", now).await, Err(ActError::SamePerson)));
        let it = breaks::approve(&mut tx, &it.id, &seen, "two", now).await.unwrap();
        tx.commit().await.unwrap();
        self.assert_explained().await;
        it
    }
}

async fn an_entry_that_nobody_could_place_lands_when_two_people_say_so(world: World) {
    let mut books = Books::open(world).await;
    let it = unplaced(&mut books, 970).await;
    assert_eq!((it.outcome, books.held().await), (Outcome::Unknown, 970));
    let it = books.land(&it, "batch_b").await;
    assert_eq!((it.status, it.closed_by.as_deref()), (Status::Resolved, Some("two")));
    assert_eq!((books.account("bank").await, books.owed().await, books.held().await), (970, 970, 0));
    let waits = books.only_break().await;
    assert_eq!(waits.object.unwrap().1, "batch_a", "the other one is still on its way");
    // The other one comes, by the one amount that is left.
    books.entry(970, json!(["SETTLEMENT"])).await;
    books.run_bank().await;
    assert_eq!((books.open_breaks().await.len(), books.owed().await, books.account("bank").await), (0, 0, 1_940));
}

async fn what_is_left_over_of_a_landing_by_hand_stays_in_suspense(world: World) {
    let mut books = Books::open(world).await;
    let it = unplaced(&mut books, 965).await;
    let it = books.land(&it, "batch_a").await;
    assert_eq!((it.status, books.held().await, books.owed().await), (Status::Open, -5, 970));
    books.run_bank().await;
    assert_eq!((books.held().await, books.owed().await), (-5, 970), "it is not placed a second time");
    let fee = Transfer { debit: Account::PspFees, credit: Account::Suspense, amount: usd(5) };
    books.agree(&it, &[fee]).await;
    books.run_bank().await;
    assert_eq!((books.account("bank").await, books.held().await, books.owed().await), (965, 0, 970));
    assert_eq!(books.account("fees:psp").await, 65);
}

async fn a_landing_by_hand_is_refused_where_it_means_nothing(world: World) {
    let mut books = Books::open(world).await;
    let it = unplaced(&mut books, 970).await;
    let opened = books.shop.paid().await;
    let more = json!({ "psp_payment": books.psp_payment(&opened).await, "batch": "batch_c" });
    books.line("list", "charge", 1_000, 30, &more).await;
    books.run_list().await;
    let (app, now) = (&books.shop.app, books.shop.world.now());
    let landed = landing::candidates(app, &it).await.unwrap();
    assert_eq!(landed.len(), 3);
    let mut tx = app.db.begin().await.unwrap();
    let none = landing::propose(&mut tx, &it, "nothing", &[], "one", now).await;
    assert!(matches!(none, Err(ActError::Landing)), "{none:?}");
    let proposed = landing::propose(&mut tx, &it, "this one", &landed[..1], "one", now).await.unwrap();
    tx.commit().await.unwrap();
    // It lands by another road before somebody agrees.
    books.entry(970, json!(["batch_a"])).await;
    books.run_bank().await;
    let mut tx = books.shop.world.db.begin().await.unwrap();
    let late = breaks::approve(&mut tx, &it.id, &breaks::fingerprint(&proposed), "two", now).await;
    assert!(matches!(late, Err(ActError::Changed)), "{late:?}");
    drop(tx);
    let waits = books.open_breaks().await.into_iter().find(|it| it.line.is_none()).unwrap();
    assert_eq!(waits.outcome, Outcome::Late);
    assert_eq!(landing::candidates(&books.shop.app, &waits).await.unwrap(), [], "there is no entry");
}

async fn a_payout_that_the_bank_exchanged_leaves_both_sides(world: World) {
    let mut books = Books::open(world).await;
    let ids = books.payouts(&["4.00"]).await;
    let more = json!({ "currency": "KRW", "presented": "USD", "paid": -400, "texts": ids });
    books.line("bank", "bank_entry", -5_600, 0, &more).await;
    let run = books.run_payouts().await;
    assert_eq!((count(&run, "matched"), books.open_breaks().await.len()), (1, 0), "{}", run.totals);
    assert_eq!((books.account("bank").await, books.won("bank").await), (0, -5_600));
    assert_eq!((books.account("exchange").await, books.won("exchange").await), (-400, 5_600));
}

impl Books {
    /// The charge of a payment that was made under the key of one of its attempts.
    async fn charge_under(&mut self, opened: &tollgate::payments::Opened, key: &str) {
        let more = json!({ "psp_payment": self.psp_payment(opened).await, "our_key": key, "batch": "batch_1" });
        self.line("list", "charge", 1_000, 30, &more).await;
    }

    /// What came back of a second charge.
    async fn refund_line(&mut self, opened: &tollgate::payments::Opened) {
        let refund =
            tollgate::payments::refunds::of_payment(&self.shop.world.db, &opened.payment.id).await.unwrap().remove(0);
        let more = json!({ "psp_payment": self.psp_payment(opened).await, "our_key": refund.id, "batch": "batch_1" });
        self.line("list", "refund", -1_000, 0, &more).await;
    }
}

async fn a_second_charge_and_its_refund_agree_line_by_line(world: World) {
    let mut books = Books::open(world).await;
    let opened = taken_twice(&books.shop).await;
    books.assert_explained().await;
    let [first, second] = of_payment(&books.shop, &opened).await;
    // The PSP tells the one that is nobody's first.
    books.charge_under(&opened, &first.psp_key).await;
    books.charge_under(&opened, &second.psp_key).await;
    let run = books.run_list().await;
    assert_eq!((count(&run, "matched"), books.open_breaks().await.len()), (2, 0), "{}", run.totals);
    assert_eq!((books.owed().await, books.held().await), (970 + 970, 1_000));
    assert!(books.provider_agrees().await);

    books.shop.run_jobs().await;
    books.assert_explained().await;
    books.refund_line(&opened).await;
    let run = books.run_list().await;
    assert_eq!((count(&run, "matched"), books.open_breaks().await.len()), (3, 0), "{}", run.totals);
    assert_eq!((books.owed().await, books.held().await), (970 - 30, 0));
}

async fn a_second_charge_that_is_told_before_it_is_known_comes_right(world: World) {
    let mut books = Books::open(world).await;
    books.shop.psp.will(crate::support::scripted_psp::declined());
    let opened = books.shop.checkout().await;
    books.shop.pay(&opened).await;
    books.shop.psp.will(approved());
    books.shop.pay(&opened).await;
    let [first, second] = of_payment(&books.shop, &opened).await;
    books.charge_under(&opened, &second.psp_key).await;
    books.charge_under(&opened, &first.psp_key).await;
    books.run_list().await;
    assert_eq!(books.only_break().await.outcome, Outcome::Duplicate);
    assert_eq!((books.owed().await, books.held().await), (970 + 970, 970));

    assert!(tollgate::payments::settle(&books.shop.app, &first.id, &approved_as("ch_2")).await.unwrap());
    books.assert_explained().await;
    books.run_list().await;
    assert_eq!(books.open_breaks().await.len(), 0, "both sides know of it now");
    assert_eq!((books.owed().await, books.held().await), (970 + 970, 1_000));
    books.shop.run_jobs().await;
    books.refund_line(&opened).await;
    books.run_list().await;
    assert_eq!((books.owed().await, books.held().await, books.open_breaks().await.len()), (940, 0, 0));
}

async fn a_second_charge_that_is_never_told_is_missed(world: World) {
    let mut books = Books::open(world).await;
    let opened = taken_twice(&books.shop).await;
    let [_, second] = of_payment(&books.shop, &opened).await;
    books.charge_under(&opened, &second.psp_key).await;
    let run = books.run_list().await;
    assert_eq!(count(&run, "late"), 1, "{}", run.totals);
}
