//! A PSP that has an order, does not say what it did and wants time (503 with `Retry-After`): nobody orders again before that,
//! whatever else happens meanwhile, and then it is ordered again under its key.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;
use tollgate::db::query;
use tollgate::payments::{self, Standing};
use tollgate::psp::{EvidenceOutcome, Finding, NotDone, Outcome, PayoutOutcome, RefundOutcome};
use tollgate::words::PaymentId;

use crate::payment_methods::Club;
use crate::payouts::{earned, verified_seller};
use crate::support::scripted_psp::{Answer, Ends, approved, waits};
use crate::support::shop::Shop;
use crate::support::{World, both_databases};

both_databases!(no_order_goes_again_before_the_psp_wants_it);

/// What the PSP asks for.
const WAIT: Duration = Duration::from_mins(7);

#[derive(Debug, Clone, Copy)]
enum Order {
    Confirm,
    SavedCard,
    /// Turned away instead (429): surely nothing was done.
    SavedCardTurnedAway,
    Refund,
    Capture,
    Void,
    Evidence,
    Payout,
}

const ORDERS: [Order; 8] = [
    Order::Confirm,
    Order::SavedCard,
    Order::SavedCardTurnedAway,
    Order::Refund,
    Order::Capture,
    Order::Void,
    Order::Evidence,
    Order::Payout,
];

impl Order {
    /// As the list of calls names it.
    fn operation(self) -> &'static str {
        match self {
            Self::Confirm | Self::SavedCard | Self::SavedCardTurnedAway => "confirm",
            Self::Refund => "refund",
            Self::Capture => "capture",
            Self::Void => "void",
            Self::Evidence => "dispute_evidence",
            Self::Payout => "payout",
        }
    }

    /// Gives the order once; the PSP wants time.
    async fn give(self, club: &Club) {
        let shop = &club.shop;
        let post = async |path: &str, body: serde_json::Value| club.door.post(path, &club.key, &body).await.ok();
        match self {
            Self::Confirm => {
                let opened = shop.checkout().await;
                shop.psp.will(Outcome::Unknown(waits(WAIT)));
                assert_eq!(shop.pay(&opened).await, Standing::Unknown);
                shop.psp.will(approved());
            }
            Self::SavedCard | Self::SavedCardTurnedAway => {
                let turned_away = NotDone::Unreachable { reason: "429".to_owned(), after: Some(WAIT) };
                shop.psp.will_say(Answer::Says(match self {
                    Self::SavedCard => Ok(Outcome::Unknown(waits(WAIT))),
                    _ => Err(turned_away),
                }));
                assert_eq!(post("/v1/payments", club.body.clone()).await["status"], "processing");
                shop.psp.will(approved());
            }
            Self::Refund => {
                let opened = shop.paid().await;
                shop.psp.refund_answers.lock().unwrap().push_back(Ok(RefundOutcome::Unknown(waits(WAIT))));
                post("/v1/refunds", json!({ "payment": opened.payment.id, "amount": "4.00" })).await;
            }
            Self::Capture | Self::Void => {
                let opened = shop.held().await;
                shop.psp.ends.lock().unwrap().push_back(Ends::Waits(WAIT));
                let verb = if matches!(self, Self::Capture) { "capture" } else { "cancel" };
                post(&format!("/v1/payments/{}/{verb}", opened.payment.id), json!({})).await;
            }
            Self::Evidence => {
                let opened = shop.paid().await;
                let psp_payment = format!("psp_{}", opened.payment.id);
                shop.psp.contest(&psp_payment, "dp_1", 500, shop.world.now());
                hear(shop, "dispute_of_evidence", &psp_payment).await;
                let row = query("select id from disputes").one(&shop.world.db).await.unwrap();
                let path = format!("/v1/disputes/{}/evidence", row.get::<String>("id").unwrap());
                shop.psp.evidence_answers.lock().unwrap().push_back(Ok(EvidenceOutcome::Unknown(waits(WAIT))));
                post(&path, json!({ "explanation": "It was delivered." })).await;
            }
            Self::Payout => {
                let seller = verified_seller(shop).await;
                earned(shop, &seller, "earned", 1_000, "USD").await;
                shop.bank.will(Ok(PayoutOutcome::Unknown(waits(WAIT))));
                post("/v1/payouts", json!({ "seller": seller, "amount": "4.00", "currency": "USD" })).await;
            }
        }
        shop.run_jobs().await;
        shop.run_payout_jobs().await;
    }
}

/// The PSP tells of a payment.
async fn hear(shop: &Shop, event: &str, psp_payment: &str) {
    let headers = HeaderMap::from_iter([("signature".parse().unwrap(), HeaderValue::from_static("yes"))]);
    payments::receive(&shop.app, "scripted", &headers, format!("{event} {psp_payment}").as_bytes()).await.unwrap();
    shop.run_jobs().await;
}

/// Everybody who may order again has reason to look: webhooks, pages, the sweep, jobs.
async fn everybody_looks(shop: &Shop) {
    (0..20).for_each(|_| shop.psp.knows(Finding::NotFound));
    let rows = query("select id from payments").all(&shop.world.db).await.unwrap();
    for row in rows {
        let payment: PaymentId = row.get("id").unwrap();
        for about in ["payment", "refund", "dispute"] {
            let event = format!("{about}_of_{payment}_{}", shop.world.now().micros());
            hear(shop, &event, &format!("psp_{payment}")).await;
        }
        let _ = payments::look_again(&shop.app, &payment).await;
    }
    shop.sweep().await;
    shop.run_payout_jobs().await;
    shop.psp.look_ups.lock().unwrap().clear();
}

/// The keys of all calls of a kind, in order.
async fn keys(shop: &Shop, order: Order) -> Vec<String> {
    let calls =
        query("select psp_key from psp_calls where operation = $1 order by sent_at, id").bind(order.operation());
    calls.all(&shop.world.db).await.unwrap().iter().map(|row| row.get("psp_key").unwrap()).collect()
}

async fn no_order_goes_again_before_the_psp_wants_it(world: World) {
    let club = Club::open(world).await;
    let shop = &club.shop;
    for order in ORDERS {
        let begun = shop.world.now();
        Box::pin(order.give(&club)).await;
        let known = keys(shop, order).await;
        for seconds in [61, WAIT.as_secs() - 1] {
            shop.world.clock.set(begun.plus(Duration::from_secs(seconds)));
            everybody_looks(shop).await;
            assert_eq!(keys(shop, order).await, known, "{order:?} goes again after {seconds} seconds");
        }
        shop.world.clock.set(begun.plus(WAIT));
        everybody_looks(shop).await;
        let again = keys(shop, order).await;
        assert_eq!(again.len(), known.len() + 1, "{order:?} does not go again when its time has come");
        assert_eq!(again.last(), known.last(), "{order:?} has one key");
    }
    let open = "select (select count(*) from attempts where state not in ('approved', 'declined'))
         + (select count(*) from refunds where status = 'pending') + (select count(*) from captures where status = 'pending')
         + (select count(*) from dispute_evidence where status = 'sending') as n";
    assert_eq!(shop.count(open).await, 0);
    assert_eq!(shop.bank.sent(), (1, 400));
    shop.assert_sound().await;
}
