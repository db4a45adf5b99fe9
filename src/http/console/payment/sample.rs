//! A payment with something in every part of its page.

use super::{CaptureRow, Dispute, Journal, Line, Open, Order, Payment, Refund, Told, Total, Truth};
use crate::http::console::chips;
use crate::http::console::components::{Chip, Fact, ModeTag, Moment, Resend, Sum, Tone};
use crate::http::console::frame::{Frame, Place, sample_time};
use crate::http::console::give_back::{Bearer, GiveBack};
use crate::http::console::second_charges_told::SecondCharge;
use crate::http::console::story::{Happening, Lane, in_order};

impl Payment {
    /// A page with something in every part.
    pub fn sample() -> Self {
        let frame = Frame::sample("Payment of 15,000 KRW", Place::Payments);
        let resend = Resend {
            delivery: "dlv_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            csrf: frame.csrf.clone(),
            what: "checkout.session.completed".into(),
        };
        Self {
            id: "pay_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            amount: Sum::text("15000", "KRW"),
            status: chips::payment("succeeded"),
            mode: ModeTag { live: false },
            truths: vec![
                Truth { name: "Card", word: "Approved, try 2".into(), tone: Tone::Good },
                Truth { name: "Orders", word: "2 of 2 paid".into(), tone: Tone::Good },
                Truth { name: "Ledger", word: "Posted, balanced".into(), tone: Tone::Good },
                Truth { name: "Wallets", word: "Updated".into(), tone: Tone::Good },
                Truth { name: "Merchant", word: "1 of 2 told".into(), tone: Tone::Warn },
            ],
            second_charges: vec![second_charge()],
            booked: "sim_att_91e0".into(),
            moments: in_order(story()),
            facts: vec![
                Fact::words("Merchant", "Hangang Market"),
                Fact::id("Merchant id", "mrc_01jq8w3k5n7p9r2t4v6x8z0a1b"),
                Fact::id("Session", "cs_01jq8w3k5n7p9r2t4v6x8z0a1b"),
                Fact::words("Reference", "order-1042"),
                Fact::words("Shopper", "jiwoo@example.com"),
                Fact::words("PSP", "simulator"),
                Fact::id("PSP reference", "sim_pay_81f02a"),
                Fact::words("Card", "mastercard 4444"),
                Fact::words("Opened", "2026-11-22 10:12:04"),
                Fact::words("Paid", "2026-11-22 10:13:05"),
            ],
            orders: orders(),
            open: Some(Open {
                held: Some(Sum::text("15000", "KRW")),
                amount: "15000".into(),
                until: Some(Moment::of(sample_time(9_000_000))),
            }),
            captures: vec![CaptureRow {
                id: "cap_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                name: "Void",
                status: chips::capture("void", "failed"),
                reason: "requested by merchant".into(),
                answer: "the PSP says not_today <b>".into(),
                asked: Moment::of(sample_time(4_000_000)),
                amount: Sum::text("15000", "KRW"),
            }],
            refunds: vec![Refund {
                id: "re_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                status: chips::refund("succeeded"),
                reason: "one cup broke <b>".into(),
                answer: "PSP reference sim_re_1".into(),
                asked: Moment::of(sample_time(5_000_000)),
                amount: Sum::text("3000", "KRW"),
            }],
            disputes: vec![Dispute {
                id: "dp_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
                status: chips::dispute("needs_response"),
                reason: "product not received".into(),
                reference: "sdp_1 <b>".into(),
                opened: Moment::of(sample_time(6_000_000)),
                due: Some(Moment::of(sample_time(600_000_000))),
                amount: Sum::text("12000", "KRW"),
            }],
            give_back: Some(GiveBack {
                left: Sum::text("12000", "KRW"),
                amount: "12000".into(),
                orders: ["Hangang Tea", "Namsan Books <b>"]
                    .map(|seller| Bearer { id: "po_01jq8w3k5n7p9r2t4v6x8z0a1b".into(), seller: seller.into() })
                    .into(),
                once: "sample".into(),
            }),
            journals: vec![journal()],
            deliveries: vec![
                Told {
                    id: resend.delivery.clone(),
                    event: "checkout.session.completed".into(),
                    url: "https://shop.example/hooks".into(),
                    status: chips::delivery("succeeded"),
                    tries: 2,
                    answer: "204, 31 ms".into(),
                    next: None,
                    resend: resend.clone(),
                },
                Told {
                    id: resend.delivery.clone(),
                    event: "payment.succeeded".into(),
                    url: "https://a-rather-long-host-name.shop.example/hooks/tollgate".into(),
                    status: chips::delivery("retrying"),
                    tries: 3,
                    answer: "timed out".into(),
                    next: Some(Moment::of(sample_time(4_300_000))),
                    resend,
                },
            ],
            frame,
        }
    }
}

fn story() -> Vec<Happening> {
    vec![
        Happening::new(sample_time(0), Lane::Payment, "Checkout session opened")
            .detail("Reference order-1042, 2 sellers, expires 2026-11-22 11:12:04"),
        Happening::new(sample_time(0), Lane::Event, "payment.created")
            .raw("Data", r#"{"id":"evt_1","type":"payment.created"}"#),
        Happening::new(sample_time(2_310), Lane::Call, "register")
            .chip(Chip::new(Tone::Good, "200"))
            .detail("simulator, 41 ms, key po_01jq8w3k5n7p9r2t4v6x8z0a1b:register")
            .raw("Sent", r#"{"amount":"15000","currency":"KRW"}"#)
            .raw("Answered", r#"{"token":"tok_sim_1"}"#),
        Happening::new(sample_time(28_904), Lane::Payment, "Attempt 1")
            .chip(chips::attempt("declined"))
            .detail("visa 4242, insufficient_funds: the card has not enough money"),
        Happening::new(sample_time(28_911), Lane::Call, "confirm")
            .chip(Chip::new(Tone::Bad, "declined"))
            .detail("simulator, 180 ms"),
        Happening::new(sample_time(51_204), Lane::Payment, "Attempt 2")
            .chip(chips::attempt("approved"))
            .detail("mastercard 4444"),
        Happening::new(sample_time(51_210), Lane::Call, "confirm")
            .chip(Chip::new(Tone::Warn, "timed out"))
            .detail("simulator, 10,000 ms: the outcome was not known"),
        Happening::new(sample_time(61_500), Lane::Heard, "payment.approved")
            .chip(Chip::new(Tone::Good, "processed"))
            .detail("psp event sev_81, seen twice")
            .raw("Body", r#"{"type":"payment.approved","id":"sev_81","amount":"15000"}"#),
        Happening::new(sample_time(61_544), Lane::Payment, "Paid").chip(chips::payment("succeeded")),
        Happening::new(sample_time(61_544), Lane::Ledger, "sale")
            .detail("15,000 KRW: psp:simulator to 2 sellers and fees"),
        Happening::new(sample_time(61_544), Lane::Event, "checkout.session.completed"),
        Happening::new(sample_time(62_010), Lane::Told, "checkout.session.completed")
            .chip(Chip::new(Tone::Warn, "500"))
            .detail("https://shop.example/hooks, try 1, 84 ms"),
        Happening::new(sample_time(4_000_000), Lane::Told, "checkout.session.completed")
            .chip(Chip::new(Tone::Good, "204"))
            .detail("https://shop.example/hooks, try 2, 31 ms"),
    ]
}

fn second_charge() -> SecondCharge {
    SecondCharge {
        attempt: "att_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
        charge: "sim_att_<b>".into(),
        card: "visa 4242".into(),
        status: Chip::new(Tone::Bad, "Waits for a person"),
        remark: "given back <b>, by kim@example.com".into(),
        refund: "re_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
        once: Some("x".into()),
        letter: Some("job_01jq8w3k5n7p9r2t4v6x8z0a1b".into()),
        amount: Sum::text("15000", "KRW"),
    }
}

fn orders() -> Vec<Order> {
    vec![
        Order {
            id: "po_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
            seller: "Hangang Tea".into(),
            status: chips::order("SUCCESS"),
            wallet: chips::done(true, true),
            ledger: chips::done(true, true),
            amount: Sum::text("9000", "KRW"),
            fee: Sum::text("270", "KRW"),
            delivered: Some(Moment::of(sample_time(6_000_000))),
            waits: false,
        },
        Order {
            id: "po_01jq8w3k5n7p9r2t4v6x8z0a1c".into(),
            seller: "Namsan Books <b>".into(),
            status: chips::order("SUCCESS"),
            wallet: chips::done(false, true),
            ledger: chips::done(true, true),
            amount: Sum::text("6000", "KRW"),
            fee: Sum::text("0", "KRW"),
            delivered: None,
            waits: true,
        },
    ]
}

fn journal() -> Journal {
    let line = |account: &str, debit: &str, credit: &str| Line {
        account: account.into(),
        seller: if account.contains("sel_1") { "Hangang Tea".into() } else { String::new() },
        debit: debit.into(),
        credit: credit.into(),
    };
    Journal {
        id: "jrn_01jq8w3k5n7p9r2t4v6x8z0a1b".into(),
        kind: "sale".into(),
        at: Moment::of(sample_time(61_544)),
        lines: vec![
            line("psp:simulator", "9,000", ""),
            line("seller:sel_1:pending", "", "8,730"),
            line("fees:platform", "", "270"),
            line("psp:simulator", "6,000", ""),
            line("seller:sel_2:pending", "", "6,000"),
        ],
        totals: vec![Total { currency: "KRW".into(), debit: "15,000".into(), credit: "15,000".into(), balanced: true }],
    }
}
