//! A proof that cannot fail is none: without one protection at a time, the layer finds what goes wrong, and says where.

use tollgate::sabotage::Protection;

use super::crash::{Operation, every_crash};
use super::crashes::{
    asking_a_refund, asking_a_refund_whose_answer_is_lost, paying, paying_while_the_answer_is_lost,
    repeating_a_refund_that_is_late_and_being_turned_away,
};
use super::explore::{Bounds, Race, explore, replay};
use super::payouts::{a_worker_that_pays_out, asking_a_payout, asking_a_payout_above_the_limit};
use super::races::{paying_while_the_merchant_ends_the_session, two_refunds_that_are_too_much_together};
use super::stage::alone;

/// Some crash does not end well; what is said of it holds `what`.
fn a_crash_shows(protection: Protection, operation: &Operation, what: &str) {
    let wrong = alone(protection.without(every_crash(operation))).expect_err("nobody misses it");
    assert!(wrong.contains(what), "{wrong}");
}

/// Some order does not end well, and ends the same when it is played again; with the protection it ends well.
fn an_order_shows(protection: Protection, race: &Race, what: &str) {
    let bounds = Bounds { preemptions: 2, deaths: 0 };
    let failure = alone(protection.without(explore(race, bounds))).expect_err("nobody misses it");
    assert!(failure.wrong.contains(what), "{failure}");
    let schedule = failure.schedule.to_string();
    let again = alone(protection.without(replay(race, &schedule))).expect_err("it fails again");
    assert_eq!(again.story, failure.story);
    alone(replay(race, &schedule)).unwrap_or_else(|failure| panic!("with its protection: {failure}"));
}

#[test]
fn a_lost_answer_taken_for_a_decline_is_found() {
    a_crash_shows(
        Protection::UnknownOutcome,
        &paying_while_the_answer_is_lost::operation(),
        "was taken and given back",
    );
}

#[test]
fn a_sale_without_books_is_found() {
    a_crash_shows(Protection::SettleBooks, &paying::operation(), "sale journal");
}

#[test]
fn a_silence_towards_the_merchant_is_found() {
    a_crash_shows(Protection::PaymentEvent, &paying::operation(), "no event says so");
}

#[test]
fn an_attempt_that_nobody_looks_for_is_found() {
    a_crash_shows(Protection::Sweep, &paying::operation(), "still open");
}

#[test]
fn a_refund_under_a_fresh_key_each_time_is_found() {
    let operation = asking_a_refund_whose_answer_is_lost::operation();
    a_crash_shows(Protection::RefundKey, &operation, "was taken and given back");
}

#[test]
fn a_refusal_of_a_repeat_that_is_believed_at_once_is_found() {
    let operation = repeating_a_refund_that_is_late_and_being_turned_away::operation();
    a_crash_shows(Protection::RepeatRefusal, &operation, "was taken and given back");
}

#[test]
fn a_payment_under_a_fresh_key_each_time_is_found() {
    a_crash_shows(Protection::PspKey, &paying::operation(), "the PSP took the money of psp_1 2 times");
}

#[test]
fn a_payout_under_a_fresh_key_each_time_is_found() {
    a_crash_shows(Protection::PayoutKey, &a_worker_that_pays_out::operation(), "the bank was told to send");
}

#[test]
fn a_payout_that_takes_nothing_from_the_seller_is_found() {
    a_crash_shows(Protection::PayoutHold, &asking_a_payout::operation(), "payout");
}

#[test]
fn a_payout_that_waits_for_no_second_person_is_found() {
    let operation = asking_a_payout_above_the_limit::operation();
    a_crash_shows(Protection::ApprovalGate, &operation, "was let go by nobody");
}

#[test]
fn a_state_that_is_written_whatever_it_was_is_found() {
    let race = paying_while_the_merchant_ends_the_session::race();
    an_order_shows(Protection::CompareAndSet, &race, "another that it is over");
}

#[test]
fn a_settlement_in_three_transactions_is_found() {
    a_crash_shows(Protection::SettleTransaction, &paying::operation(), "what was never committed is there");
}

#[test]
fn a_charge_before_it_is_written_down_is_found() {
    a_crash_shows(Protection::WrittenFirst, &paying::operation(), "was taken and given back");
}

#[test]
fn wallets_that_stay_as_they_were_are_found() {
    a_crash_shows(Protection::Wallets, &paying::operation(), "wallet");
}

#[test]
fn a_repeat_that_is_not_known_again_is_found() {
    a_crash_shows(Protection::IdempotencyKey, &asking_a_refund::operation(), "ends otherwise");
}

#[test]
fn a_refund_that_holds_nothing_is_found() {
    an_order_shows(Protection::RefundHold, &two_refunds_that_are_too_much_together::race(), "refund");
}
