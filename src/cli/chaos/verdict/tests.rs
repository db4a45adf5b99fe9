//! Each line of the report is seen to count what it is about, on witnesses who agree but for one thing.

use serde_json::Value;

use super::*;
use crate::cli::chaos::net::Reply;
use crate::cli::chaos::receiver::Said;
use crate::cli::chaos::record::{Contested, Sent};
use crate::cli::chaos::told::{Ordered, TakenOn};

const PAY: &str = "pay_1";

fn moved(key: &str, amount: i64) -> Moved {
    Moved { payment: PAY.to_owned(), key: key.to_owned(), amount }
}

fn fact(kind: &str, id: &str, status: &str, amount: i64) -> (Fact, Events) {
    let said = Said { status: status.to_owned(), amount };
    ((kind.to_owned(), id.to_owned()), Events::from([(format!("evt of {kind}"), said)]))
}

fn taken_on(id: &str, amount: i64, status: &str) -> TakenOn {
    TakenOn { id: id.to_owned(), amount, status: status.to_owned() }
}

fn reply(text: &str) -> Reply {
    Reply { status: 201, json: Value::Null, text: text.to_owned() }
}

fn our_refund(id: &str, amount: i64, status: &str) -> OurRefund {
    OurRefund { id: id.to_owned(), payment: PAY.to_owned(), amount, status: status.to_owned() }
}

/// One payment of 1000, paid, of which 300 was given back; everybody says so.
fn agreeing() -> Witnesses {
    let told = Told {
        session: "cs_1".to_owned(),
        payment: PAY.to_owned(),
        amount: 1000,
        paid: true,
        refunds: vec![taken_on("re_1", 300, "pending")],
        payouts: vec![taken_on("out_1", 500, "pending")],
        delivered: Some("po_1".to_owned()),
        answered: Some("dp_1".to_owned()),
        ..Told::default()
    };
    let payment = OurPayment {
        id: PAY.to_owned(),
        session: "cs_1".to_owned(),
        status: "succeeded".to_owned(),
        manual: false,
        authorized: false,
        amount: 1000,
        captured: 1000,
        refunded: 300,
        declines: 0,
    };
    let status = "succeeded".to_owned();
    Witnesses {
        told: vec![told],
        payments: vec![payment],
        keys: HashSet::from(["att_1".to_owned()]),
        refunds: vec![our_refund("re_1", 300, "succeeded")],
        delivered: vec!["po_1".to_owned()],
        payouts: vec![OurPayout { id: "out_1".to_owned(), amount: 500, status: "paid".to_owned() }],
        disputes: vec![OurDispute {
            id: "dp_1".to_owned(),
            reference: "sdp_1".to_owned(),
            payment: PAY.to_owned(),
            amount: 200,
            fee: 50,
            status: "lost".to_owned(),
            word: Some("ev_1".to_owned()),
            defended: true,
        }],
        saved: vec!["pm_1".to_owned()],
        psp_balances: [(PAY.to_owned(), 450)].into(),
        bank_balances: [("out_1".to_owned(), -500)].into(),
        record: Record {
            statuses: [(PAY.to_owned(), status)].into(),
            captures: vec![moved("att_1", 1000)],
            refunds: vec![moved("re_1", 300)],
            disputes: vec![Contested {
                reference: "sdp_1".to_owned(),
                payment: PAY.to_owned(),
                amount: 200,
                fee: 50,
                status: "lost".to_owned(),
                word: Some("ev_1".to_owned()),
            }],
            to_contest: vec![PAY.to_owned()],
            payouts: vec![Sent { key: "out_1".to_owned(), amount: 500, paid: 1, returned: 0 }],
        },
        facts: BTreeMap::from([
            fact("payment.succeeded", PAY, "succeeded", 1000),
            fact("checkout.session.completed", "cs_1", "complete", 1000),
            fact("refund.succeeded", "re_1", "succeeded", 300),
            fact("payment_order.fulfilled", "po_1", "SUCCESS", 1000),
            fact("payment_method.attached", "pm_1", "", 0),
            fact("dispute.opened", "dp_1", "needs_response", 200),
            fact("dispute.evidence_submitted", "dp_1", "under_review", 200),
            fact("dispute.closed", "dp_1", "lost", 200),
            fact("payout.created", "out_1", "pending", 500),
            fact("payout.paid", "out_1", "paid", 500),
        ]),
    }
}

/// The same payment, first held and then captured for 600 by the shop's order; nothing given back.
fn held() -> Witnesses {
    let mut all = agreeing();
    let (told, our) = (&mut all.told[0], &mut all.payments[0]);
    (told.manual, our.manual, our.authorized) = (true, true, true);
    told.orders = vec![Ordered::Capture(600)];
    told.refunds.clear();
    (our.captured, our.refunded) = (600, 0);
    all.psp_balances.insert(PAY.to_owned(), 350);
    all.refunds.clear();
    all.keys.insert("ccap_1".to_owned());
    all.record.captures = vec![moved("ccap_1", 600)];
    all.record.refunds.clear();
    all.facts.remove(&("refund.succeeded".to_owned(), "re_1".to_owned()));
    all.facts.extend([
        fact("payment.authorized", PAY, "authorized", 1000),
        fact("payment.succeeded", PAY, "succeeded", 600),
    ]);
    all
}

/// The lines that are not empty.
fn lines(witnesses: &Witnesses) -> Vec<&'static str> {
    let found = compare(witnesses);
    let all = [
        ("double charges", found.double_charges),
        ("captures beyond", found.captures_beyond),
        ("holds that differ", found.holds_that_differ),
        ("lost payments", found.lost_payments),
        ("false answers", found.false_answers),
        ("refunds beyond", found.refunds_beyond_capture),
        ("refunds that differ", found.refunds_that_differ),
        ("payouts sent twice", found.payouts_sent_twice),
        ("payouts that differ", found.payouts_that_differ),
        ("disputes that differ", found.disputes_that_differ),
        ("ledger", found.ledger),
        ("events missing", found.events_missing),
        ("events doubled", found.events_doubled),
        ("events that differ", found.events_that_differ),
    ];
    all.into_iter().filter(|(_, found)| !found.is_empty()).map(|(name, _)| name).collect()
}

#[test]
fn witnesses_who_agree_leave_nothing_to_say() {
    assert!(lines(&agreeing()).is_empty(), "{:?}", compare(&agreeing()));
    assert!(lines(&held()).is_empty(), "{:?}", compare(&held()));
}

/// The line of the report, and what is changed in a world where all agree so that it must appear.
type Case = (&'static str, fn(&mut Witnesses));

#[test]
fn one_thing_that_differs_is_found_on_its_line() {
    let cases: Vec<Case> = vec![
        ("double charges", |all| all.record.captures.push(moved("att_1", 1000))),
        ("lost payments", |all| all.payments[0].status = "requires_payment".to_owned()),
        ("lost payments", |all| all.record.captures[0].key = "att_1.again".to_owned()),
        ("lost payments", |all| all.record.captures.clear()),
        ("false answers", |all| all.told[0].not_paid = true),
        ("false answers", |all| all.told[0].two_answers("POST /v1/refunds", &reply("re_1"), &reply("re_2"))),
        ("false answers", |all| all.told[0].amount = 999),
        ("false answers", |all| all.delivered.clear()),
        ("false answers", |all| all.told[0].delivered = None),
        ("refunds beyond", |all| all.record.refunds.push(moved("re_2", 800))),
        ("refunds beyond", |all| all.record.refunds.push(moved("re_2", 501))),
        ("refunds that differ", |all| all.record.refunds[0].amount = 301),
        ("refunds that differ", |all| all.told[0].refunds.push(taken_on("re_9", 1, "pending"))),
        ("refunds that differ", |all| all.told[0].refunds.clear()),
        ("refunds that differ", |all| all.told[0].refunds[0].amount = 299),
        ("refunds that differ", |all| "failed".clone_into(&mut all.told[0].refunds[0].status)),
        ("refunds that differ", |all| "pay_2".clone_into(&mut all.told[0].payment)),
        ("payouts sent twice", |all| all.record.payouts[0].paid = 2),
        ("payouts that differ", |all| all.record.payouts[0].returned = 1),
        ("payouts that differ", |all| all.record.payouts[0].key = "out_1.again".to_owned()),
        ("payouts that differ", |all| all.told[0].payouts.push(taken_on("out_2", 1, "pending"))),
        ("payouts that differ", |all| all.told[0].payouts.clear()),
        ("payouts that differ", |all| all.told[0].payouts[0].amount = 501),
        ("payouts that differ", |all| "failed".clone_into(&mut all.told[0].payouts[0].status)),
        ("false answers", |all| all.told[0].answered = Some("dp_2".to_owned())),
        ("disputes that differ", |all| all.disputes.clear()),
        ("disputes that differ", |all| all.record.disputes.clear()),
        ("disputes that differ", |all| all.disputes.push(all.disputes[0].clone())),
        ("disputes that differ", |all| "won".clone_into(&mut all.disputes[0].status)),
        ("disputes that differ", |all| all.disputes[0].word = None),
        ("ledger", |all| "won".clone_into(&mut all.record.disputes[0].status)),
        ("events missing", |all| all.saved.push("pm_2".to_owned())),
        ("ledger", |all| all.psp_balances = [(PAY.to_owned(), 449)].into()),
        ("ledger", |all| all.psp_balances = [(PAY.to_owned(), 451), ("pay_2".to_owned(), -1)].into()),
        ("ledger", |all| all.bank_balances.clear()),
        ("ledger", |all| all.bank_balances.extend([("out_2".to_owned(), -1)])),
        ("events missing", |all| drop(all.facts.pop_first())),
        ("events doubled", |all| {
            for events in all.facts.values_mut() {
                events.insert("evt_again".to_owned(), Said::default());
            }
        }),
        ("events doubled", |all| all.facts.extend([fact("payment.attempt_declined", PAY, "processing", 1000)])),
        ("events that differ", |all| all.facts.extend([fact("payment.succeeded", PAY, "succeeded", 999)])),
        ("events that differ", |all| all.facts.extend([fact("payout.paid", "out_1", "failed", 500)])),
    ];
    for (number, (line, change)) in cases.into_iter().enumerate() {
        let mut all = agreeing();
        change(&mut all);
        assert!(lines(&all).contains(&line), "case {number}, {line}: {:?}", compare(&all));
    }
}

#[test]
fn what_becomes_of_a_hold_is_what_the_shop_ordered() {
    let cases: Vec<Case> = vec![
        ("captures beyond", |all| all.record.captures[0].amount = 1001),
        ("holds that differ", |all| {
            all.record.statuses.insert(PAY.to_owned(), "authorized".to_owned());
        }),
        ("false answers", |all| all.told[0].orders = vec![Ordered::Capture(500)]),
        ("false answers", |all| all.told[0].orders = vec![Ordered::Cancel]),
        ("false answers", |all| all.told[0].orders.push(Ordered::Cancel)),
        ("false answers", |all| all.told[0].orders.clear()),
        ("events missing", |all| drop(all.facts.remove(&("payment.authorized".to_owned(), PAY.to_owned())))),
    ];
    for (number, (line, change)) in cases.into_iter().enumerate() {
        let mut all = held();
        change(&mut all);
        assert!(lines(&all).contains(&line), "case {number}, {line}: {:?}", compare(&all));
    }
}
